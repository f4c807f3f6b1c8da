// Width study: does unlearning come closer to retraining when a network is wider? (After Alon & Dar, 2025.)
import { join } from 'node:path';
import { evaluateFurther } from '../../src/evaluate/evaluation';
import { evaluateModel } from '../../src/evaluate/metrics';
import { curvePlot, type Curve } from '../../src/job/plots/curves';
import type { ParameterValues } from '../../src/runtime/contracts';
import { Random } from '../../src/tensor/random';
import { float32, int64 } from '../../src/tensor/tensor';
import { methods } from '../../src/unlearn/registry';
import { readDigits } from './mnist';
import { perceptron } from './networks';
import { memoryData, trainProblem, unlearn, type Problem, type TrainedProblem } from './problem';
import {
  mean,
  meanText,
  printTable,
  remembered,
  saveFigures,
  savePlot,
  say,
  tell,
  type ExperimentOptions,
} from './report';

const wrongShare = 0.1;

/** What is known of a method at one width. */
interface Point {
  readonly gap: number;
  readonly kl: number;
  readonly nearForgotten: number;
  readonly nearRetained: number;
}

/** Trains perceptrons of many widths on digits with wrong labels, forgets those, and measures distances to retraining. */
export async function widthStudy(options: ExperimentOptions): Promise<void> {
  const widths = options.full ? [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] : [4, 16, 64, 256, 1024];
  const count = options.full ? 4_000 : 1_000;
  const epochs = options.full ? 200 : 100;
  const seeds = options.seeds ?? (options.full ? 5 : 3);
  const names =
    options.methods ??
    (options.full ? methods.map(({ name }) => name) : ['gd', 'ngp', 'shrink', 'minnorm-og']);
  const points = new Map<string, Point[]>();
  const fits = new Map<number, { retained: number[]; forgotten: number[]; parameters: number }>();
  for (const width of widths) {
    for (let seed = 0; seed < seeds; seed++) {
      const key = { width, seed, count, epochs, names, access: options.access };
      const found = await remembered(options.out, `${width}-${seed}`, key, () =>
        atWidth(width, seed, { count, epochs, names }, options),
      );
      const fit = fits.get(width) ?? { retained: [], forgotten: [] };
      fits.set(width, {
        retained: [...fit.retained, found.retained],
        forgotten: [...fit.forgotten, found.forgotten],
        parameters: found.parameters,
      });
      for (const [name, point] of found.points) {
        const place = `${name} ${width}`;
        points.set(place, [...(points.get(place) ?? []), point]);
      }
    }
  }
  say(
    `${count} digits of 14 × 14, ${100 * wrongShare} % with wrong labels, which are forgotten; perceptrons with one hidden layer; ${seeds} seed(s).`,
  );
  printTable([
    ['width', 'parameters', 'parameters / equations', 'retained fitted', 'wrong labels fitted'],
    ...[...fits].map(([width, fit]) => [
      String(width),
      String(fit.parameters),
      (fit.parameters / (10 * count)).toFixed(2),
      `${(100 * mean(fit.retained)).toFixed(1)} %`,
      `${(100 * mean(fit.forgotten)).toFixed(1)} %`,
    ]),
  ]);
  saveFigures(options.out, { fits: [...fits], points: [...points] });
  const rows = ['original', ...names.filter(name => points.has(`${name} ${widths[0]}`))];
  const figures = [
    ['average gap to retrained', 'gap', 'width-gap.svg'],
    ['KL to retrained on held-out samples', 'kl', 'width-kl.svg'],
    ['regions kept near forgotten samples', 'nearForgotten', 'width-regions-forgotten.svg'],
    ['regions kept near retained samples', 'nearRetained', 'width-regions-retained.svg'],
  ] as const;
  for (const [title, key, file] of figures) {
    const values = (name: string, width: number): number[] =>
      (points.get(`${name} ${width}`) ?? []).map(each => each[key]);
    say();
    say(title);
    printTable([
      ['width', ...rows],
      ...widths.map(width => [String(width), ...rows.map(name => meanText(values(name, width)))]),
    ]);
    const curves = rows.map((name): Curve => ({
      name,
      kind: name === 'original' ? 'original' : name === 'minnorm-og' ? 'forgotten' : 'held-out',
      dots: true,
      points: widths.map(width => [width, mean(values(name, width))]),
    }));
    savePlot(
      options.out,
      file,
      curvePlot(curves, {
        x: { title: 'width of the hidden layer (logarithmic)', log: true },
        y: { title, from: 0 },
        labels: true,
        summary: `${title} by width; the table has the numbers.`,
      }),
    );
  }
}

/** What one width and seed gave: how well the original fits, and the distances of each method's result. */
interface AtWidth {
  readonly retained: number;
  readonly forgotten: number;
  readonly parameters: number;
  readonly points: readonly (readonly [name: string, point: Point])[];
}

async function atWidth(
  width: number,
  seed: number,
  form: { readonly count: number; readonly epochs: number; readonly names: readonly string[] },
  options: ExperimentOptions,
): Promise<AtWidth> {
  const { problem, test } = await mislabelled(width, form.count, form.epochs, seed, options.data);
  const folder = join(options.out, `models-${width}-${seed}`);
  const trained = await trainProblem(problem, seed, folder, options.threads);
  const data = { train: problem.train, retained: problem.retained, forgotten: problem.forgotten, test };
  try {
    const metrics = await evaluateModel(trained.engine, trained.original, data, problem.heads);
    const points: [string, Point][] = [['original', await compared(trained, trained.original, data, seed)]];
    for (const name of form.names) {
      if (name === 'retrain') continue;
      const outcome = await unlearn(trained, { name }, seed, { access: options.access ?? 1 });
      if (typeof outcome !== 'string')
        points.push([name, await compared(trained, outcome.values, data, seed)]);
    }
    return {
      retained: metrics.retain.accuracy ?? NaN,
      forgotten: metrics.forget.accuracy ?? NaN,
      parameters: [...trained.original.values()].reduce((sum, { length }) => sum + length, 0),
      points,
    };
  } finally {
    tell(`width ${width}, seed ${seed}`);
    await trained.engine.close();
  }
}

async function compared(
  trained: TrainedProblem,
  values: ParameterValues,
  data: Parameters<typeof evaluateModel>[2],
  seed: number,
): Promise<Point> {
  const { engine, heads } = trained;
  const model = async (name: string, own: ParameterValues) => ({
    ...{ name, path: name, engine, values: own },
    metrics: await evaluateModel(engine, own, data, heads),
  });
  const found = await evaluateFurther(
    {
      original: await model('original', trained.original),
      unlearned: await model('unlearned', values),
      retrained: [await model('retrained', trained.retrained)],
    },
    data,
    heads,
    { level: 'standard', seed },
  );
  const { averageGap, toRetrained, regions } = found.models[1]!;
  return {
    gap: averageGap?.value ?? NaN,
    kl: toRetrained?.test?.kl ?? NaN,
    nearForgotten: regions?.forgotten.agreement ?? NaN,
    nearRetained: regions?.retained.agreement ?? NaN,
  };
}

async function mislabelled(
  width: number,
  count: number,
  epochs: number,
  seed: number,
  folder: string | null,
): Promise<{ problem: Problem; test: Problem['train'] }> {
  const digits = await readDigits('train', count, 14, seed, folder);
  const held = await readDigits('test', 1_000, 14, seed, folder);
  const random = new Random(seed + 5);
  const wrong = digits.classes.map(() => random.uniform() < wrongShare);
  const labels = digits.classes.map((label, sample) =>
    wrong[sample] ? (label + 1 + random.integer(9)) % 10 : label,
  );
  const all = [...labels.keys()];
  const data = (name: string, pixels: Float32Array, classes: readonly number[]) =>
    memoryData(name, [float32([classes.length, 196], pixels)], [int64([classes.length], classes)]);
  return {
    problem: {
      model: perceptron([196, width, 10], 'relu'),
      train: data('digits', digits.pixels, labels),
      retained: all.filter(sample => !wrong[sample]),
      forgotten: all.filter(sample => wrong[sample]),
      heads: [{ output: 'y', loss: 'cross-entropy', weight: 1 }],
      training: { epochs, batchSize: 64, learningRate: 2e-3, rateSchedule: 'cosine' },
    },
    test: data('held-out digits', held.pixels, held.classes),
  };
}
