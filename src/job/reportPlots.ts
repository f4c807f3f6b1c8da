// Which plots a report has, and what each says in words.
import type { ModelDistance } from '../evaluate/weightDiff';
import type { Evaluation, ModelEvaluation } from '../shared/evaluation';
import { percent, significant, things } from '../shared/numbers';
import { mapSentence } from '../shared/regionMaps';
import type { ModelMetrics, RunResult, SetMetrics } from '../shared/report';
import { againstOriginal, largestOf, shareOf } from '../shared/setMeasure';
import { barPlot } from './plots/bars';
import { curvePlot } from './plots/curves';
import { distributionPlot } from './plots/distributions';
import { dotPlot, type DotRow } from './plots/dots';
import { matrixPlot, mostClasses } from './plots/matrix';
import { regionsPlot } from './plots/regions';

/** A plot under its heading, with a sentence on how to read it. */
export interface Figure {
  readonly heading: string;
  readonly text: string;
  readonly svg: string;
}

/** The plots of a run, those that its numbers allow. */
export function reportFigures(
  result: RunResult,
  weights: ModelDistance,
  history: readonly { readonly step: number; readonly loss: number }[],
  classes: readonly string[] | null,
): Figure[] {
  const { evaluation } = result;
  return [
    ...metricFigure(result),
    ...(evaluation ? evaluationFigures(evaluation, classes) : []),
    ...historyFigure(history),
    ...weightFigure(weights),
  ];
}

const sets: readonly (readonly [string, (metrics: ModelMetrics) => SetMetrics | null])[] = [
  ['held-out', metrics => metrics.test],
  ['retained', metrics => metrics.retain],
  ['forgotten', metrics => metrics.forget],
];

function metricFigure({ before, after, reference }: RunResult): Figure[] {
  const models = [
    { name: 'original', kind: 'original', metrics: before },
    { name: 'unlearned', kind: 'proposal', metrics: after },
    ...(reference ? [{ name: 'retrained', kind: 'retrained', metrics: reference }] : []),
  ];
  const rowsOf = (read: (set: SetMetrics) => number | undefined): DotRow[] =>
    sets.flatMap(([name, of]) => {
      const values = models.map(({ metrics }) => {
        const set = of(metrics);
        return (set && read(set)) ?? null;
      });
      const count = of(after)?.count;
      return values.every(value => value === null) ? [] : [{ name: `${name} (${count ?? 0})`, values }];
    });
  const aim = reference
    ? 'Best is where the retrained model is, on the forgotten samples too.'
    : 'Without a retrained model nothing says how low the forgotten ones should be.';
  const accuracy = rowsOf(shareOf);
  const shown = accuracy.length > 0 ? accuracy : rowsOf(largestOf);
  if (shown.length === 0) return [];
  const unlabelled = againstOriginal(after.retain);
  const what =
    accuracy.length > 0
      ? unlabelled
        ? 'Agreement with the original'
        : 'Accuracy'
      : unlabelled
        ? 'Largest difference to the original'
        : 'Largest error';
  const say = accuracy.length > 0 ? (value: number) => `${(100 * value).toFixed(1)} %` : significant1;
  const largest = Math.max(...shown.flatMap(({ values }) => values.map(value => value ?? 0)));
  const summary = shown
    .map(({ name, values }) => {
      const each = values.map(
        (value, place) => `${models[place]!.name} ${value === null ? '–' : say(value)}`,
      );
      return `${name}: ${each.join(', ')}`;
    })
    .join('; ');
  return [
    {
      heading: `${what} on the three sets`,
      text: `The number of samples stands in brackets. ${aim}`,
      svg: dotPlot(shown, models, {
        domain: [0, accuracy.length > 0 ? 1 : largest],
        title: what.toLowerCase(),
        say,
        summary,
        names: 120,
      }),
    },
  ];
}

function significant1(value: number): string {
  return significant(value, 2);
}

function evaluationFigures(evaluation: Evaluation, classes: readonly string[] | null): Figure[] {
  const { models } = evaluation;
  const figures: Figure[] = [];
  const original = models.find(({ name }) => name === 'original');
  const unlearned = models.find(({ name }) => name === 'unlearned');
  figures.push({
    heading: 'Losses, sample by sample',
    text: 'Forgotten samples should lie where the retrained model has them; where their labels are right, that is where held-out samples lie.',
    svg: distributionPlot(
      models.map(({ name, losses }) => ({ name, sets: losses })),
      'loss of a sample (logarithmic)',
      value => `1e${value}`,
      `Distributions of the logarithm of the loss: ${models.map(medianSummary).join('; ')}.`,
    ),
  });
  const confident = models.flatMap(({ name, confidences }) =>
    confidences ? [{ name, sets: confidences }] : [],
  );
  if (confident.length > 0) {
    figures.push({
      heading: 'Confidence, sample by sample',
      text: 'The largest probability that a model gives. It needs no label, so it shows membership also where labels are wrong.',
      svg: distributionPlot(
        confident,
        'confidence (each step divides what is missing to 100 % by ten)',
        value => (value === 0 ? '0 %' : `${100 - 10 ** (2 - value)} %`),
        'Distributions of the confidence on retained, forgotten and held-out samples.',
      ),
    });
  }
  const before = original?.confusion?.test ?? original?.confusion?.retain;
  const after = unlearned?.confusion?.test ?? unlearned?.confusion?.retain;
  const on = original?.confusion?.test ? 'held-out' : 'retained';
  before?.forEach((matrix, place) => {
    const other = after?.[place];
    if (!other || matrix.classes > mostClasses || matrix.classes < 2) return;
    const one = before.length > 1 ? ` (${matrix.output})` : '';
    const count = matrix.cells.reduce((sum, cell) => sum + cell[2], 0);
    figures.push({
      heading: `Confusion on ${on} samples${one}`,
      text:
        `${things(count, 'prediction')}; each row is one label and adds up to 100 %. In the third square orange became more ` +
        'common and blue rarer. The shade grows with the square root of the share.',
      svg: matrixPlot(matrix, other, classes, confusionSummary(on, matrix.cells, other.cells)),
    });
  });
  const regions = models.flatMap(model =>
    model.regions ? [{ name: model.name, regions: model.regions }] : [],
  );
  if (regions.length > 0) {
    const bars = regions.flatMap(({ name, regions: { forgotten, retained } }) => [
      {
        name: `${name}, near forgotten`,
        value: forgotten.agreement,
        deviation: forgotten.deviation,
        kind: 'forgotten',
      },
      {
        name: `${name}, near retained`,
        value: retained.agreement,
        deviation: retained.deviation,
        kind: 'retained',
      },
    ]);
    const { planes, pointsPerPlane } = regions[0]!.regions.forgotten;
    figures.push({
      heading: 'Decision regions kept',
      text:
        `How often labels are those of the original on ${planes} random planes of ${pointsPerPlane} points through samples of each ` +
        'kind (whisker: standard deviation over planes). Forgetting should be local: much may change near forgotten samples, little near retained ones.',
      svg: barPlot(bars, {
        most: 1,
        title: 'points with the label of the original',
        say: value => `${(100 * value).toFixed(0)} %`,
        summary: bars.map(({ name, value }) => `${name}: ${percent(value)}`).join('; '),
        names: 190,
      }),
    });
  }
  return [...figures, ...mapFigures(evaluation, classes)];
}

function mapFigures({ maps = [], models }: Evaluation, classes: readonly string[] | null): Figure[] {
  const nameOf = (label: number): string => classes?.[label] ?? String(label);
  return (['forgotten', 'retained'] as const).flatMap(kind => {
    const own = maps.filter(map => map.kind === kind);
    if (own.length === 0) return [];
    const names = models.map(({ name }) => name);
    return [
      {
        heading: `Decision regions near ${kind} samples`,
        text:
          'Each column is a random plane in input space: a sample in its middle (the ring), halfway toward two retained samples ' +
          `at one end and as far away from them at the other. Each row is a model; a region is named by the class that the model gives there.`,
        svg: regionsPlot(own, names, nameOf, own.map(map => mapSentence(map, models, nameOf)).join(' ')),
      },
    ];
  });
}

function medianSummary({ name, losses }: ModelEvaluation): string {
  const median = ({ from, to, counts }: { from: number; to: number; counts: readonly number[] }): string => {
    const half = counts.reduce((sum, count) => sum + count, 0) / 2;
    let [sum, bin] = [0, 0];
    while (bin < counts.length - 1 && (sum += counts[bin]!) < half) bin++;
    return significant(10 ** (from + ((bin + 0.5) / counts.length) * (to - from)), 1);
  };
  const test = losses.test ? `, held-out ${median(losses.test)}` : '';
  return `${name} has the medians retained ${median(losses.retain)}, forgotten ${median(losses.forget)}${test}`;
}

type Cells = readonly (readonly [number, number, number])[];

function confusionSummary(on: string, before: Cells, after: Cells): string {
  const right = (cells: Cells): string => {
    const all = cells.reduce((sum, cell) => sum + cell[2], 0);
    const hits = cells.reduce((sum, [row, column, count]) => sum + (row === column ? count : 0), 0);
    return percent(hits / all);
  };
  return `Confusion matrices on ${on} samples: ${right(before)} lie on the diagonal before, ${right(after)} after.`;
}

function historyFigure(history: readonly { readonly step: number; readonly loss: number }[]): Figure[] {
  if (history.length < 3) return [];
  const points = history.map(({ step, loss }): [number, number] => [step, loss]);
  const [first, last] = [points[0]!, points.at(-1)!];
  const log = points.every(([, loss]) => loss > 0);
  return [
    {
      heading: 'The run, step by step',
      text: 'The mean loss of each batch.',
      svg: curvePlot([{ name: 'batch loss', kind: 'proposal', points }], {
        x: { title: 'optimiser step' },
        y: { title: log ? 'loss (logarithmic)' : 'loss', log },
        say: value => significant(value, 2),
        summary: `The loss went from ${significant(first[1])} in step ${first[0]} to ${significant(last[1])} in step ${last[0]}.`,
      }),
    },
  ];
}

/** Tensors beyond this many, the least moved, are left to the table. */
const mostTensors = 30;

function weightFigure({ tensors, total }: ModelDistance): Figure[] {
  const moved = tensors.flatMap(({ name, relative }) => (relative === null ? [] : [{ name, relative }]));
  if (moved.length === 0) return [];
  const shown =
    moved.length <= mostTensors
      ? moved
      : [...moved].sort((a, b) => b.relative - a.relative).slice(0, mostTensors);
  const all =
    total.relative === null ? '' : ` All weights as one vector moved by ${percent(total.relative)}.`;
  const rest = moved.length > shown.length ? ` The ${shown.length} that moved most are shown.` : '';
  return [
    {
      heading: 'How far the weights moved',
      text: `The norm of each tensor’s change as a share of its norm before.${all}${rest}`,
      svg: barPlot(
        shown.map(({ name, relative }) => ({ name, value: relative, kind: 'proposal' })),
        {
          most: Math.max(1e-12, ...shown.map(({ relative }) => relative)),
          title: 'change / norm before',
          say: value => `${significant(100 * value, 2)} %`,
          summary: shown.map(({ name, relative }) => `${name} ${percent(relative)}`).join(', '),
          names: 190,
        },
      ),
    },
  ];
}
