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
  remembered,
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
  /** f on the grid, to be drawn: of both models and of some methods after 100 epochs. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
}

const drawn: readonly string[] = ['minnorm-og', 'gd'];

/** Trains, unlearns with every method, prints the medians beside the paper's, and draws the fits. */
export async function dataPoisoning(options: ExperimentOptions): Promise<void> {
  const form = forms[options.full ? 'full' : 'short'];
  const seeds = options.seeds ?? form.seeds;
  const names = options.methods ?? methods.map(({ name }) => name);
  const refusals = new Map<string, string>();
  const found: Found[] = [];
  let report = '';
  for (let seed = 0; seed < seeds; seed++) {
    const key = { seed, form, names, access: options.access };
    const one = await remembered(options.out, String(seed), key, () => runSeed(seed, form, names, options));
    found.push(one.found);
    for (const [name, reason] of one.refusals) refusals.set(name, reason);
    saveFigures(options.out, found);
    report = tableOf(found, names, form, options.full);
    saveText(options.out, 'table.txt', report);
  }
  say(report);
  for (const [name, reason] of refusals) say(`${name}: ${reason}`);
  savePlot(options.out, 'data-poisoning.svg', drawFits(found[0]!.curves));
}

/** Trains both models of a seed and runs every method at every length. */
async function runSeed(
  seed: number,
  form: Form,
  names: readonly string[],
  options: ExperimentOptions,
): Promise<{ found: Found; refusals: readonly (readonly [string, string])[] }> {
  tell(`seed ${seed}: training both models`);
  const problem = poisonedSine(seed, form);
  const trained = await trainProblem(problem, seed, join(options.out, `models-${seed}`), options.threads);
  const { engine, original, retrained } = trained;
  const refusals: [string, string][] = [];
  const errors: Record<string, number[]> = {};
  const curves: Record<string, number[]> = {};
  const keep = async (name: string, values: ParameterValues): Promise<void> => {
    curves[name] = [...(await fitOn(engine, values))];
  };
  try {
    await keep('original', original);
    await keep('retrained', retrained);
    for (const name of names) {
      const own: number[] = [];
      for (const [place, settings] of settingsFor(name, counts.retained).entries()) {
        const outcome = await unlearn(trained, settings, seed, {
          access: options.access ?? 1,
          // auto may plan with as many updates as the longest runs take.
          allowance: lengths[2] * counts.retained,
        });
        if (typeof outcome === 'string') {
          refusals.push([name, outcome]);
          break;
        }
        own.push(await largestError(engine, outcome.values));
        if (drawn.includes(name) && lengths[place] === 100) await keep(name, outcome.values);
      }
      if (own.length > 0) errors[name] = own;
      tell(`seed ${seed}: ${name} ${own.map(error => error.toFixed(2)).join(' / ')}`);
    }
    return {
      found: {
        ...{ seed, errors, curves },
        original: {
          error: await largestError(engine, original),
          retained: await squaredError(trained, trained.retained),
          forgotten: await squaredError(trained, trained.forgotten),
        },
        retrained: await largestError(engine, retrained),
      },
      refusals,
    };
  } finally {
    await engine.close();
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

function drawFits(curves: Found['curves']): string {
  const kinds: Readonly<Record<string, string>> = {
    ...{ original: 'original', retrained: 'retrained', 'minnorm-og': 'proposal', gd: 'forgotten' },
  };
  const shown = Object.entries(curves).map(([name, values]) => ({
    name: drawn.includes(name) ? `${name}, 100 epochs` : name,
    kind: kinds[name] ?? 'held-out',
    points: values.map((value, index): [number, number] => [grid[index]!, value]),
  }));
  const sine = Array.from(grid, (x): [number, number] => [x, Math.sin(x)]);
  return curvePlot([{ name: 'sin x', kind: 'held-out', points: sine }, ...shown], {
    x: { title: 'x' },
    y: { title: 'f(x)', from: -3, to: 3 },
    summary: `Fits of the first seed: sin x, ${shown.map(({ name }) => name).join(', ')}. Values beyond ±3 are cut.`,
  });
}
