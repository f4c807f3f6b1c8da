// Makes a task of the bench: trains a model with and without the forget set, by Lethe's own descent, once.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundDataset } from '../src/data/dataset';
import { splitSamples } from '../src/data/forget';
import type { HeadLoss, ParameterValues } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import { Random } from '../src/tensor/random';
import { elementReader, float32, type Tensor } from '../src/tensor/tensor';
import { descend, lossGradient } from '../src/unlearn/descent';
import { initialise } from '../src/unlearn/initialise';
import type { MethodContext } from '../src/unlearn/method';
import { inMemory } from '../test/unlearn/tiny';
import { network, type Layer, type Statistics } from './taskNetwork';
import type { Task } from './tasks';

/** Samples and the labels of each head. */
export interface Samples {
  readonly inputs: Tensor;
  readonly labels: readonly Tensor[];
}

/** What a task is made from. */
export interface TaskRecipe {
  readonly train: Samples;
  readonly test: Samples;
  readonly forgotten: readonly number[];
  readonly truths?: ReadonlyMap<number, number> | null;
  /** One a head. */
  readonly losses: readonly HeadLoss['loss'][];
  readonly layers: readonly Layer[];
  /** Widths of further heads, where there are several. */
  readonly heads?: readonly number[];
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly biases?: 'uniform';
  /** What the recipe's retrainEpochs would say; the epochs unless given. */
  readonly retrainEpochs?: number;
}

/** Trains a made task's two models; they are kept in `dist/tasks`. */
export async function makeTask(name: string, recipe: TaskRecipe): Promise<Task> {
  const folder = join(__dirname, '../../dist/tasks');
  mkdirSync(folder, { recursive: true });
  const file = (which: string): string => join(folder, `${name}.${which}`);
  const train = inMemory(recipe.train.inputs, recipe.train.labels);
  const { retained } = splitSamples(train.size, recipe.forgotten);
  await writeNetwork(file('fresh.onnx'), recipe, train);
  const heads = recipe.losses.map((loss, at): HeadLoss => ({
    output: recipe.heads ? `y${at}` : 'y',
    loss,
    weight: 1,
  }));
  const engine = await Engine.open(file('fresh.onnx'), { threads: 2 });
  const values: ParameterValues[] = [];
  for (const [which, indices] of [
    ['trained.bin', [...Array(train.size).keys()]],
    ['retrained.bin', retained],
  ] as const) {
    if (!existsSync(file(which)))
      writeFileSync(file(which), flat(await trainFrom(engine, train, indices, heads, recipe)));
    values.push(unflat(engine, readFileSync(file(which))));
  }
  const [trained, retrained] = values as [ParameterValues, ParameterValues];
  // The trained values become those that the engine starts from.
  engine.initialValues = () => new Map([...trained].map(([key, data]) => [key, data.slice()]));
  return {
    name,
    engine,
    heads,
    train,
    test: inMemory(recipe.test.inputs, recipe.test.labels),
    forgotten: recipe.forgotten,
    retained,
    truths: recipe.truths ?? null,
    retrained,
    retrainEpochs: recipe.retrainEpochs ?? recipe.epochs,
  };
}

/** The network's file; batch normalisations store the statistics that the training data has at a random start. */
async function writeNetwork(path: string, recipe: TaskRecipe, train: BoundDataset): Promise<void> {
  const dims = recipe.train.inputs.dims.slice(1);
  const made = (statistics?: Statistics): ReturnType<typeof network> =>
    network(dims, recipe.layers, new Random(9), recipe.heads, statistics);
  const { bytes, normalised } = made();
  writeFileSync(path, bytes);
  if (normalised.length === 0) return;
  const engine = await Engine.open(path, { threads: 1 });
  const start = initialise(engine, new Random(17));
  const { inputs } = await train.read([...Array(Math.min(500, train.size)).keys()]);
  const statistics = new Map<string, { mean: Float32Array; variance: Float32Array }>();
  for (const name of normalised)
    statistics.set(name, channelStatistics(await engine.intermediate(start, inputs, name)));
  await engine.close();
  writeFileSync(path, made(statistics).bytes);
}

/** Mean and variance by channel of values [N, channels, height, width]. */
function channelStatistics(tensor: Tensor): { mean: Float32Array; variance: Float32Array } {
  const [samples, channels, ...map] = tensor.dims as [number, number, ...number[]];
  const inner = map.reduce((product, dim) => product * dim, 1);
  const read = elementReader(tensor);
  const [mean, variance] = [new Float32Array(channels), new Float32Array(channels)];
  for (let channel = 0; channel < channels; channel++) {
    let [sum, squares] = [0, 0];
    for (let sample = 0; sample < samples; sample++)
      for (let at = 0; at < inner; at++) {
        const value = read((sample * channels + channel) * inner + at);
        sum += value;
        squares += value * value;
      }
    mean[channel] = sum / (samples * inner);
    variance[channel] = squares / (samples * inner) - mean[channel]! ** 2;
  }
  return { mean, variance };
}

async function trainFrom(
  engine: Engine,
  train: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
  recipe: TaskRecipe,
): Promise<ParameterValues> {
  const random = new Random(17);
  const values = initialise(engine, random, recipe.biases);
  const context: MethodContext = {
    engine,
    values,
    train,
    retained: indices,
    forgotten: [indices[0]!],
    heads,
    settings: { name: 'training' },
    random,
    signal: new AbortController().signal,
    progress: () => undefined,
    addCost: () => undefined,
    recordProjection: () => undefined,
  };
  const settings = {
    epochs: recipe.epochs,
    epochOver: 'retain',
    batchSize: recipe.batch,
    optimizer: 'adamw',
    learningRate: recipe.rate,
    weightDecay: 0,
    rateSchedule: 'cosine',
  } as const;
  await descend(context, settings, step => lossGradient(context, step.batch));
  return values;
}

function flat(values: ParameterValues): Buffer {
  return Buffer.concat(
    [...values.values()].map(data => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
}

function unflat(engine: Engine, bytes: Buffer): ParameterValues {
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let offset = 0;
  return new Map(
    [...engine.initialValues()].map(([name, data]) => {
      offset += data.length;
      return [name, all.slice(offset - data.length, offset)];
    }),
  );
}

/** Rows of numbers and class numbers as tensors. */
export function classified(
  rows: readonly (readonly number[])[],
  dims: readonly number[],
  ...labels: readonly (readonly number[])[]
): Samples {
  return {
    inputs: float32([rows.length, ...dims], rows.flat()),
    labels: labels.map(list => ({ dtype: 'int32', dims: [list.length], data: Int32Array.from(list) })),
  };
}

/** Rows of numbers and rows of values (or of 0 and 1) as tensors. */
export function valued(
  rows: readonly (readonly number[])[],
  labels: readonly (readonly number[])[],
): Samples {
  return {
    inputs: float32([rows.length, rows[0]!.length], rows.flat()),
    labels: [float32([labels.length, labels[0]!.length], labels.flat())],
  };
}
