// Data poisoning: 50 points of sin x and 5 at y = 1.5; after unlearning the five, how far is the fit from sin x?
import { join } from 'node:path';
import { curvePlot } from '../../src/job/plots/curves';
import type { ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import type { MethodSettings } from '../../src/shared/recipe';
import { Random } from '../../src/tensor/random';
import { float32 } from '../../src/tensor/tensor';
import { methods } from '../../src/unlearn/registry';
import { perceptron } from './networks';
import { memoryData, trainProblem, unlearn, type Problem, type TrainedProblem } from './problem';
import { median, printTable, savePlot, say, tell, type ExperimentOptions } from './report';

const reach = 5 * Math.PI;
const counts = { retained: 50, forgotten: 5, grid: 1000 };

/** The paper's medians at 10, 100 and 1,000 epochs (Block et al., 2025). */
const paper: Readonly<Record<string, readonly [number, number, number]>> = {
  'minnorm-og': [1.5, 1.08, 0.63],
  retrain: [1.5, 1.36, 1.17],
  gd: [3.23, 2.76, 2.61],
};

/** Trains, unlearns with every method, prints the medians beside the paper's, and draws the fits. */
export async function dataPoisoning(options: ExperimentOptions): Promise<void> {
  const lengths = options.full ? [10, 100, 1000] : [10, 100];
  const seeds = options.seeds ?? (options.full ? 5 : 3);
  const training = options.full ? 50_000 : 6_000;
  const names = options.methods ?? [...methods.map(({ name }) => name)];
  const errors = new Map<string, number[][]>(names.map(name => [name, lengths.map(() => [])]));
  const refusals = new Map<string, string>();
  const base: { original: number[]; retrained: number[] } = { original: [], retrained: [] };
  let drawn: { trained: TrainedProblem; fits: Map<string, ParameterValues> } | null = null;
  for (let seed = 0; seed < seeds; seed++) {
    tell(`seed ${seed}: training both models for ${training} epochs`);
    const trained = await trainProblem(
      poisonedSine(seed, training),
      seed,
      join(options.out, `models-${seed}`),
    );
    base.original.push(await largestError(trained.engine, trained.original));
    base.retrained.push(await largestError(trained.engine, trained.retrained));
    const fits = new Map<string, ParameterValues>();
    for (const name of names) {
      for (const [place, epochs] of lengths.entries()) {
        const found = await unlearn(trained, settingsOf(name, epochs), seed, options.access);
        if (typeof found === 'string') {
          refusals.set(name, found);
          break;
        }
        errors.get(name)![place]!.push(await largestError(trained.engine, found.values));
        if (epochs === 100) fits.set(name, found.values);
      }
      tell(`seed ${seed}: ${name}`);
    }
    if (drawn === null) drawn = { trained, fits };
    else await trained.engine.close();
  }
  say(
    `Largest |f − sin x| on ${counts.grid} points, median over ${seeds} seeds; models trained for ${training} epochs.`,
  );
  say(
    `Original ${median(base.original).toFixed(2)}, retrained to the end ${median(base.retrained).toFixed(2)}.`,
  );
  printTable([
    ['method', ...lengths.map(epochs => `${epochs} epochs`), ...lengths.map(epochs => `paper, ${epochs}`)],
    ...names.map(name => [
      name,
      ...errors.get(name)!.map(each => (each.length === 0 ? '–' : median(each).toFixed(2))),
      ...lengths.map((_, place) => paper[name]?.[place]?.toFixed(2) ?? '–'),
    ]),
  ]);
  for (const [name, reason] of refusals) say(`${name}: ${reason}`);
  if (drawn) {
    await drawFits(drawn.trained, drawn.fits, options.out);
    await drawn.trained.engine.close();
  }
}

/** Settings for a number of full-batch epochs; the projections as in the sample's recipe, spread over the first half. */
function settingsOf(name: string, epochs: number): MethodSettings {
  const shared = { name, epochs, epochOver: 'retain' as const, batchSize: counts.retained };
  if (name === 'retrain') return { ...shared, biases: 'uniform' };
  if (name !== 'minnorm-og') return shared;
  const descentEpochs = Math.floor(epochs / 2);
  const period = Math.max(1, Math.round((epochs - descentEpochs) / 25));
  const gentle = { projectionStrength: 0.1, projectionDecay: 0.9 };
  const strong = { projectionStrength: 0.3, projectionDecay: 0.6 };
  return {
    ...shared,
    ...(epochs >= 50 ? gentle : strong),
    projectionPeriod: period,
    descentEpochs,
    constraintSamples: counts.retained,
  };
}

/** The data of a seed: x drawn evenly from [−5π, 5π]; the last five are poisoned. */
function poisonedSine(seed: number, epochs: number): Problem {
  const random = new Random(seed + 17);
  const count = counts.retained + counts.forgotten;
  const x = Float32Array.from({ length: count }, () => reach * (2 * random.uniform() - 1));
  const y = x.map((value, index) => (index < counts.retained ? Math.sin(value) : 1.5));
  const all = [...x.keys()];
  return {
    model: perceptron([1, 300, 300, 1], 'silu'),
    train: memoryData('sine', [float32([count, 1], x)], [float32([count, 1], y)]),
    retained: all.slice(0, counts.retained),
    forgotten: all.slice(counts.retained),
    heads: [{ output: 'y', loss: 'mse', weight: 1 }],
    training: {
      ...{ epochs, epochOver: 'retain', batchSize: count, learningRate: 1e-3, weightDecay: 0.01 },
      ...{ rateSchedule: 'cosine', biases: 'uniform' },
    },
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

async function drawFits(
  { engine, original, retrained }: TrainedProblem,
  fits: ReadonlyMap<string, ParameterValues>,
  out: string,
): Promise<void> {
  const unlearned = fits.get('minnorm-og') ?? [...fits.values()][0];
  if (!unlearned) return;
  const name = fits.has('minnorm-og') ? 'minnorm-og' : [...fits.keys()][0]!;
  const curve = async (title: string, kind: string, values: ParameterValues) => {
    const fit = await fitOn(engine, values);
    return { name: title, kind, points: Array.from(grid, (x, index): [number, number] => [x, fit[index]!]) };
  };
  const svg = curvePlot(
    [
      await curve('original', 'original', original),
      await curve(name, 'proposal', unlearned),
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
      summary: `Fits of the poisoned sine: original, ${name} after 100 epochs, retrained, and sin x. Values beyond ±3 are cut.`,
    },
  );
  savePlot(out, 'data-poisoning.svg', svg);
}
