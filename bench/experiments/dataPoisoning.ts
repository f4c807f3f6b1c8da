// Data poisoning: 50 points of sin x and 5 at y = 1.5; after unlearning the five, how far is the fit from sin x?
import { join } from 'node:path';
import { alignedTable } from '../../src/cli/output';
import { curvePlot } from '../../src/job/plots/curves';
import type { ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { Random } from '../../src/tensor/random';
import { float32 } from '../../src/tensor/tensor';
import { methods } from '../../src/unlearn/registry';
import { perceptron } from './networks';
import { paperErrors, lengths, settingsFor } from './poisoningSettings';
import { memoryData, trainProblem, unlearn, type Problem, type TrainedProblem } from './problem';
import {
  centralText,
  median,
  saveFigures,
  savePlot,
  saveText,
  say,
  tell,
  type ExperimentOptions,
} from './report';

const reach = 5 * Math.PI;
const counts = { retained: 50, forgotten: 5, grid: 1000 };

/** How a form draws and trains. */
interface Form {
  readonly seeds: number;
  readonly original: number;
  /** The least distance of two points; with none, points that nearly coincide take very long to fit. */
  readonly apart: number;
}

const forms: Readonly<Record<'short' | 'full', Form>> = {
  short: { seeds: 3, original: 20_000, apart: 0.2 },
  full: { seeds: 10, original: 100_000, apart: 0 },
};

/** What one seed gave: the largest error by method and length, and how well the original fits what. */
interface Found {
  readonly seed: number;
  readonly original: { readonly error: number; readonly retained: number; readonly forgotten: number };
  readonly retrained: number;
  readonly errors: Readonly<Record<string, readonly number[]>>;
}

/** Trains, unlearns with every method, prints the medians beside the paper's, and draws the fits. */
export async function dataPoisoning(options: ExperimentOptions): Promise<void> {
  const form = forms[options.full ? 'full' : 'short'];
  const seeds = options.seeds ?? form.seeds;
  const names = options.methods ?? methods.map(({ name }) => name);
  const refusals = new Map<string, string>();
  const found: Found[] = [];
  let report = '';
  let drawn: { trained: TrainedProblem; fits: Map<string, ParameterValues> } | null = null;
  for (let seed = 0; seed < seeds; seed++) {
    tell(`seed ${seed}: training both models`);
    const problem = poisonedSine(seed, form);
    const trained = await trainProblem(problem, seed, join(options.out, `models-${seed}`), options.threads);
    const fits = new Map<string, ParameterValues>();
    const errors: Record<string, number[]> = {};
    for (const name of names) {
      const own: number[] = [];
      for (const settings of settingsFor(name, counts.retained)) {
        const outcome = await unlearn(trained, settings, seed, {
          access: options.access ?? 1,
          // auto may plan with as many updates as the longest runs take.
          allowance: lengths[2] * counts.retained,
        });
        if (typeof outcome === 'string') {
          refusals.set(name, outcome);
          break;
        }
        own.push(await largestError(trained.engine, outcome.values));
        if (own.length === Math.min(2, settingsFor(name, counts.retained).length))
          fits.set(name, outcome.values);
      }
      if (own.length > 0) errors[name] = own;
      tell(`seed ${seed}: ${name} ${own.map(error => error.toFixed(2)).join(' / ')}`);
    }
    const [retained, forgotten] = await Promise.all([
      squaredError(trained, trained.retained),
      squaredError(trained, trained.forgotten),
    ]);
    found.push({
      seed,
      original: { error: await largestError(trained.engine, trained.original), retained, forgotten },
      retrained: await largestError(trained.engine, trained.retrained),
      errors,
    });
    saveFigures(options.out, found);
    report = tableOf(found, names, form, options.full);
    saveText(options.out, 'table.txt', report);
    if (drawn === null) drawn = { trained, fits };
    else await trained.engine.close();
  }
  say(report);
  for (const [name, reason] of refusals) say(`${name}: ${reason}`);
  if (drawn) {
    await drawFits(drawn.trained, drawn.fits, options.out);
    await drawn.trained.engine.close();
  }
}

/** What was found as text: how it was measured, the models, the table. */
function tableOf(found: readonly Found[], names: readonly string[], form: Form, full: boolean): string {
  const middle = (of: (each: Found) => number): string => median(found.map(of)).toExponential(1);
  const values = (name: string, place: number): string =>
    centralText(found.flatMap(each => each.errors[name]?.[place] ?? []));
  const lines = [
    `Largest |f − sin x| on ${counts.grid} points: median over ${found.length} seeds (and the central range, without the lowest ` +
      `and the highest fifth), beside the paper's medians over 10 trials of its own.`,
    ...(full
      ? []
      : [
          `Short form: ${form.original} epochs of training instead of 100,000, and points at least ${form.apart} apart, so that so ` +
            'few epochs come near interpolation. The full form draws and trains as the paper does.',
        ]),
    `Original: largest error ${centralText(found.map(each => each.original.error))}, mean squared error ` +
      `${middle(each => each.original.retained)} on retained and ${middle(each => each.original.forgotten)} on poisoned ` +
      `points. Retrained to the end: ${centralText(found.map(each => each.retrained))}.`,
    '',
    alignedTable([
      ['method', ...lengths.map(epochs => `${epochs} epochs`), ...lengths.map(epochs => `paper, ${epochs}`)],
      ...names
        .filter(name => found.some(each => (each.errors[name]?.length ?? 0) > 1))
        .map(name => [
          name,
          ...lengths.map((_, place) => values(name, place)),
          ...lengths.map((_, place) => paperErrors[name]?.[place]?.toFixed(2) ?? '–'),
        ]),
    ]),
    ...names
      .filter(name => found.some(({ errors }) => errors[name]?.length === 1))
      .map(name => `${name}, of its own length: ${values(name, 0)}`),
  ];
  return lines.join('\n');
}

/** The data of a seed: x drawn evenly from [−5π, 5π]; the last five are poisoned. */
function poisonedSine(seed: number, form: Form): Problem {
  const random = new Random(seed + 17);
  const count = counts.retained + counts.forgotten;
  const x = new Float32Array(count);
  for (let index = 0; index < count;) {
    const drawn = reach * (2 * random.uniform() - 1);
    if (x.subarray(0, index).some(other => Math.abs(other - drawn) < form.apart)) continue;
    x[index++] = drawn;
  }
  const y = x.map((value, index) => (index < counts.retained ? Math.sin(value) : 1.5));
  const all = [...x.keys()];
  return {
    model: perceptron([1, 300, 300, 1], 'silu'),
    train: memoryData('sine', [float32([count, 1], x)], [float32([count, 1], y)]),
    retained: all.slice(0, counts.retained),
    forgotten: all.slice(counts.retained),
    heads: [{ output: 'y', loss: 'mse', weight: 1 }],
    training: {
      ...{ epochs: form.original, epochOver: 'retain', batchSize: count, learningRate: 1e-3 },
      ...{ weightDecay: 0.01, biases: 'uniform' },
    },
    retrainEpochs: form.original / 2,
  };
}

const grid = Float32Array.from(
  { length: counts.grid },
  (_, index) => reach * ((2 * index) / (counts.grid - 1) - 1),
);

async function fitOn(engine: Engine, values: ParameterValues): Promise<Float32Array> {
  const [output] = await engine.predict(values, [float32([counts.grid, 1], grid)]);
  return output!.data as Float32Array;
}

async function largestError(engine: Engine, values: ParameterValues): Promise<number> {
  const fit = await fitOn(engine, values);
  return fit.reduce((most, value, index) => Math.max(most, Math.abs(value - Math.sin(grid[index]!))), 0);
}

/** The original's mean squared error on some of the training samples. */
async function squaredError(
  { engine, original, train }: TrainedProblem,
  samples: readonly number[],
): Promise<number> {
  const { inputs, labels } = await train.read(samples);
  const [output] = await engine.predict(original, inputs);
  const wanted = labels[0]!.data as Float32Array;
  const squares = (output!.data as Float32Array).map((value, index) => (value - wanted[index]!) ** 2);
  return squares.reduce((sum, value) => sum + value, 0) / squares.length;
}

async function drawFits(
  { engine, original, retrained }: TrainedProblem,
  fits: ReadonlyMap<string, ParameterValues>,
  out: string,
): Promise<void> {
  const name = fits.has('minnorm-og') ? 'minnorm-og' : [...fits.keys()][0];
  if (name === undefined) return;
  const curve = async (title: string, kind: string, values: ParameterValues) => {
    const fit = await fitOn(engine, values);
    return { name: title, kind, points: Array.from(grid, (x, index): [number, number] => [x, fit[index]!]) };
  };
  const svg = curvePlot(
    [
      await curve('original', 'original', original),
      await curve(name, 'proposal', fits.get(name)!),
      await curve('retrained', 'retrained', retrained),
      {
        name: 'sin x',
        kind: 'retained',
        points: Array.from(grid, (x): [number, number] => [x, Math.sin(x)]),
      },
    ],
    {
      x: { title: 'x' },
      y: { title: 'f(x)', from: -3, to: 3 },
      summary: `Fits of the poisoned sine: original, ${name}, retrained, and sin x. Values beyond ±3 are cut.`,
    },
  );
  savePlot(out, 'data-poisoning.svg', svg);
}
