// Unlearning tasks to study methods on: the two samples, and several made here from scratch by Lethe's own training.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bindDataset } from '../src/data/bind';
import type { BoundDataset } from '../src/data/dataset';
import { resolveForget, splitSamples } from '../src/data/forget';
import { openDataset } from '../src/data/open';
import { evaluateModel } from '../src/evaluate/metrics';
import { emitModel } from '../src/onnx/emit';
import type { OnnxNode } from '../src/onnx/model';
import type { HeadLoss, ParameterValues } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import type { MethodSettings } from '../src/shared/recipe';
import type { ModelMetrics, SearchRecord } from '../src/shared/report';
import { Random } from '../src/tensor/random';
import { elementReader, float32, zeros, type Tensor } from '../src/tensor/tensor';
import { descend, lossGradient } from '../src/unlearn/descent';
import { initialise } from '../src/unlearn/initialise';
import type { MethodContext } from '../src/unlearn/method';
import { methodNamed } from '../src/unlearn/registry';
import { inMemory } from '../test/unlearn/tiny';

const root = join(__dirname, '../..');

/** A trained model, its data, what to forget, and the same model trained without it. */
export interface Task {
  readonly name: string;
  readonly engine: Engine;
  readonly head: HeadLoss;
  readonly train: BoundDataset;
  readonly test: BoundDataset;
  readonly forgotten: readonly number[];
  readonly retained: readonly number[];
  /** The right labels of the forgotten, by index; null where they were right. */
  readonly truths: ReadonlyMap<number, number> | null;
  readonly retrained: ParameterValues | null;
  readonly retrainEpochs: number;
}

/** What a run came to. */
export interface Outcome {
  readonly metrics: ModelMetrics;
  /** The share of forgotten samples whose true class the model gives; null where the given labels are right. */
  readonly truth: number | null;
  readonly cost: number;
  readonly seconds: number;
  readonly search: SearchRecord | null;
}

/** Runs a method on a task. `access` is the share of the retained data that it may use. */
export async function runOn(
  task: Task,
  settings: MethodSettings,
  seed: number,
  access = 1,
  more: Partial<MethodContext> = {},
): Promise<Outcome> {
  const values = task.engine.initialValues();
  let cost = 0;
  let search: SearchRecord | null = null;
  const started = performance.now();
  await methodNamed(settings.name).run({
    engine: task.engine,
    values,
    train: task.train,
    retained: accessible(task.retained, access, seed),
    forgotten: task.forgotten,
    heads: [task.head],
    settings,
    random: new Random(seed),
    signal: new AbortController().signal,
    access,
    allowance: 0.1 * task.retrainEpochs * task.retained.length,
    progress: () => undefined,
    addCost: count => void (cost += count),
    recordProjection: () => undefined,
    recordSearch: record => void (search = record),
    ...more,
  });
  const seconds = (performance.now() - started) / 1000;
  return { ...(await judge(task, values)), cost, seconds, search };
}

/** The metrics of parameter values on a task. */
export async function judge(
  task: Task,
  values: ParameterValues,
): Promise<{ metrics: ModelMetrics; truth: number | null }> {
  const metrics = await evaluateModel(task.engine, values, task, [task.head]);
  if (!task.truths) return { metrics, truth: null };
  const { inputs } = await task.train.read(task.forgotten);
  const [logits] = await task.engine.headOutputs(values, inputs, [task.head]);
  const read = elementReader(logits!);
  const classes = logits!.data.length / task.forgotten.length;
  const right = task.forgotten.filter((index, position) => {
    let best = 0;
    for (let at = 1; at < classes; at++)
      if (read(position * classes + at) > read(position * classes + best)) best = at;
    return best === task.truths!.get(index);
  });
  return { metrics, truth: right.length / task.forgotten.length };
}

function accessible(retained: readonly number[], share: number, seed: number): number[] {
  if (share >= 1) return [...retained];
  return new Random(seed ^ 0x7e7a1)
    .shuffle([...retained])
    .slice(0, Math.max(1, Math.round(share * retained.length)))
    .sort((a, b) => a - b);
}

/** A task by name. */
export async function openTask(name: string): Promise<Task> {
  if (name === 'mnist') return sampleTask('mnist-mislabelled', 'npz', 'cross-entropy', 1 / 255, 40);
  if (name === 'sine') return sampleTask('sine-poisoned', 'csv', 'mse', null, 50_000);
  const make = made[name];
  if (!make)
    throw new Error(`There is no task ${name}: ${['mnist', 'sine', ...Object.keys(made)].join(', ')}.`);
  return make(name);
}

async function sampleTask(
  folder: string,
  extension: string,
  loss: HeadLoss['loss'],
  scale: number | null,
  retrainEpochs: number,
): Promise<Task> {
  const base = join(root, 'samples', folder);
  const engine = await Engine.open(join(base, 'model.onnx'), { threads: 2 });
  const reference = await Engine.open(join(base, 'retrained.onnx'), { threads: 1 });
  const source = await openDataset(`train.${extension}`, base);
  const preprocess = scale === null ? null : { scale };
  const bind = async (file: string): Promise<BoundDataset> =>
    bindDataset(await openDataset(file, base), engine.model.graph.inputs, preprocess);
  const forgotten = resolveForget({ file: 'forget.csv' }, source, base);
  return {
    name: folder,
    engine,
    head: { output: engine.model.graph.outputs[0]!.name, loss, weight: 1 },
    train: await bind(`train.${extension}`),
    test: await bind(`test.${extension}`),
    forgotten,
    retained: splitSamples(source.size, forgotten).retained,
    truths: trueLabels(join(base, 'forget.csv')),
    retrained: reference.initialValues(),
    retrainEpochs,
  };
}

/** The column true_label of a forget set, by index; null where there is none. */
function trueLabels(file: string): Map<number, number> | null {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const place = header.split(',').indexOf('true_label');
  if (place < 0) return null;
  return new Map(lines.map(line => line.split(',').map(Number)).map(row => [row[0]!, row[place]!]));
}

interface Recipe {
  readonly train: { readonly inputs: Tensor; readonly labels: Tensor };
  readonly test: { readonly inputs: Tensor; readonly labels: Tensor };
  readonly forgotten: readonly number[];
  readonly truths: ReadonlyMap<number, number> | null;
  readonly loss: HeadLoss['loss'];
  readonly model: Uint8Array;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly biases?: 'uniform';
  /** What the recipe's retrainEpochs would say. */
  readonly retrainEpochs?: number;
}

/** Trains a made task's two models once; they are kept in `dist/tasks`. */
async function makeTask(name: string, recipe: Recipe): Promise<Task> {
  const folder = join(root, 'dist', 'tasks');
  mkdirSync(folder, { recursive: true });
  const file = (which: string): string => join(folder, `${name}.${which}.onnx`);
  writeFileSync(file('fresh'), recipe.model);
  const train = inMemory(recipe.train.inputs, [recipe.train.labels]);
  const size = train.size;
  const { retained } = splitSamples(size, recipe.forgotten);
  const head: HeadLoss = { output: 'y', loss: recipe.loss, weight: 1 };
  const values = new Map<string, ParameterValues>();
  const fresh = await Engine.open(file('fresh'), { threads: 2 });
  for (const [which, indices] of [
    ['trained', [...Array(size).keys()]],
    ['retrained', retained],
  ] as const) {
    const kept = file(which).replace('.onnx', '.bin');
    if (!existsSync(kept)) writeFileSync(kept, flat(await trainFrom(fresh, train, indices, head, recipe)));
    values.set(which, unflat(fresh, readFileSync(kept)));
  }
  await fresh.close();
  // The trained values become the file that the engine starts from.
  const engine = await Engine.open(file('fresh'), { threads: 2 });
  const trained = values.get('trained')!;
  engine.initialValues = () => new Map([...trained].map(([key, data]) => [key, data.slice()]));
  return {
    name,
    engine,
    head,
    train,
    test: inMemory(recipe.test.inputs, [recipe.test.labels]),
    forgotten: recipe.forgotten,
    retained,
    truths: recipe.truths,
    retrained: values.get('retrained')!,
    retrainEpochs: recipe.retrainEpochs ?? recipe.epochs,
  };
}

async function trainFrom(
  engine: Engine,
  train: BoundDataset,
  indices: readonly number[],
  head: HeadLoss,
  recipe: Recipe,
): Promise<ParameterValues> {
  const random = new Random(17);
  const values = initialise(engine, random, recipe.biases);
  const context: MethodContext = {
    engine,
    values,
    train,
    retained: indices,
    forgotten: [indices[0]!],
    heads: [head],
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

/** x → layers → y: numbers are Gemm widths, words are operators, objects convolutions. */
function network(
  inputDims: readonly number[],
  layers: readonly (number | string | { readonly channels: number; readonly stride?: number })[],
  random: Random,
): Uint8Array {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, Tensor>();
  let value = 'x';
  let dims = [...inputDims];
  const weight = (name: string, shape: number[]): string => {
    const tensor = zeros('float32', shape);
    const data = tensor.data as Float32Array;
    for (let at = 0; at < data.length; at++) data[at] = 0.1 * random.normal();
    initializers.set(name, tensor);
    return name;
  };
  const push = (opType: string, inputs: string[], attributes: OnnxNode['attributes'] = new Map()): void => {
    const output = nodes.length === layers.length - 1 ? 'y' : `v${nodes.length}`;
    nodes.push({ name: `n${nodes.length}`, opType, domain: '', inputs, outputs: [output], attributes });
    value = output;
  };
  layers.forEach((each, index) => {
    if (typeof each === 'number') {
      const inner = dims.reduce((product, dim) => product * dim, 1);
      const [w, b] = [weight(`l${index}.w`, [each, inner]), weight(`l${index}.b`, [each])];
      push('Gemm', [value, w, b], new Map([['transB', { type: 'int', value: 1 }]]));
      dims = [each];
    } else if (typeof each === 'object') {
      const [channels, height, width] = dims as [number, number, number];
      const stride = each.stride ?? 1;
      const [w, b] = [
        weight(`l${index}.w`, [each.channels, channels, 3, 3]),
        weight(`l${index}.b`, [each.channels]),
      ];
      push(
        'Conv',
        [value, w, b],
        new Map([
          ['pads', { type: 'ints', value: [1, 1, 1, 1] }],
          ['strides', { type: 'ints', value: [stride, stride] }],
        ]),
      );
      dims = [each.channels, Math.ceil(height / stride), Math.ceil(width / stride)];
    } else if (each === 'GlobalAveragePool') {
      push(each, [value]);
      dims = [dims[0]!, 1, 1];
    } else if (each === 'Flatten') {
      push(each, [value]);
      dims = [dims.reduce((product, dim) => product * dim, 1)];
    } else push(each, [value]);
  });
  const graph = {
    name: 'task',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32' as const, dims: ['batch', ...inputDims] }],
    outputs: [{ name: 'y', dtype: 'float32' as const, dims: ['batch', ...dims] }],
    initializers,
    valueInfo: [],
  };
  return emitModel(graph, { opsets: new Map([['', 17]]) });
}

const made: Record<string, (name: string) => Promise<Task>> = {
  /** Five Gaussian classes in 20 dimensions, a tanh perceptron, 40 of 600 labels wrong. */
  tabular: name => tabularTask(name, 40, 'wrong'),
  /** The same data with right labels; 60 random samples to forget. */
  'tabular-right': name => tabularTask(name, 60, 'right'),
  /** Half-size digits, a network of convolutions with strides, 150 wrong labels. */
  'digits-wrong': name => digitsTask(name, 'wrong', 1),
  /** The same network, 100 random rightly labelled digits. */
  'digits-right': name => digitsTask(name, 'right', 1),
  /** The same network, every 7. */
  'digits-class': name => digitsTask(name, 'class', 1),
  /** The same, three times as wide. */
  'digits-wide': name => digitsTask(name, 'wrong', 3),
  /** A plain perceptron on digits, one class. */
  'digits-mlp': name => digitsTask(name, 'mlp', 1),
  /** sin(x) cos(y) on 120 points, 10 of them poisoned. */
  surface: surfaceTask,
};

async function tabularTask(name: string, count: number, kind: 'wrong' | 'right'): Promise<Task> {
  const random = new Random(3);
  const centres = Array.from({ length: 5 }, () => Array.from({ length: 20 }, () => 0.75 * random.normal()));
  const draw = (size: number): { rows: number[][]; labels: number[] } => {
    const labels = Array.from({ length: size }, () => random.integer(5));
    return { labels, rows: labels.map(label => centres[label]!.map(centre => centre + random.normal())) };
  };
  const [train, test] = [draw(600), draw(1500)];
  const forgotten = random
    .shuffle([...Array(600).keys()])
    .slice(0, count)
    .sort((a, b) => a - b);
  const truths = new Map<number, number>();
  if (kind === 'wrong')
    for (const index of forgotten) {
      truths.set(index, train.labels[index]!);
      train.labels[index] = (train.labels[index]! + 1 + random.integer(4)) % 5;
    }
  return makeTask(name, {
    train: tensors(train.rows, [20], train.labels),
    test: tensors(test.rows, [20], test.labels),
    forgotten,
    truths: kind === 'wrong' ? truths : null,
    loss: 'cross-entropy',
    model: network([20], [64, 'Tanh', 64, 'Tanh', 5], random),
    epochs: 100,
    batch: 32,
    rate: 0.003,
    retrainEpochs: 100,
  });
}

async function digitsTask(
  name: string,
  kind: 'wrong' | 'right' | 'class' | 'mlp',
  width: number,
): Promise<Task> {
  const base = join(root, 'samples/mnist-mislabelled');
  const truths = trueLabels(join(base, 'forget.csv'))!;
  const read = async (file: string): Promise<{ rows: number[][]; labels: number[] }> => {
    const data = await openDataset(file, base);
    const batch = await data.read([...Array(data.size).keys()]);
    const [pixel, label] = [elementReader(batch.inputs[0]!), elementReader(batch.labels[0]!)];
    return {
      // 14 × 14: each pixel the mean of four.
      rows: Array.from({ length: data.size }, (_, sample) =>
        Array.from({ length: 196 }, (__, at) => {
          const [y, x] = [2 * Math.floor(at / 14), 2 * (at % 14)];
          const four = [0, 1, 28, 29].map(step => Number(pixel(sample * 784 + y * 28 + x + step)));
          return four.reduce((sum, value) => sum + value, 0) / 1020;
        }),
      ),
      labels: Array.from({ length: data.size }, (_, sample) => Number(label(sample))),
    };
  };
  const [train, test] = [await read('train.npz'), await read('test.npz')];
  for (const [index, label] of truths) train.labels[index] = label;
  const random = new Random(9);
  const order = random.shuffle([...Array(train.labels.length).keys()]);
  const wrong = new Map<number, number>();
  let forgotten: number[];
  if (kind === 'class' || kind === 'mlp')
    forgotten = [...train.labels.keys()].filter(index => train.labels[index] === (kind === 'mlp' ? 3 : 7));
  else forgotten = order.slice(0, kind === 'wrong' ? 150 : 100).sort((a, b) => a - b);
  if (kind === 'wrong')
    for (const index of forgotten) {
      wrong.set(index, train.labels[index]!);
      train.labels[index] = (train.labels[index]! + 1 + random.integer(9)) % 10;
    }
  const c = 8 * width;
  return makeTask(name, {
    train: tensors(train.rows, [1, 14, 14], train.labels),
    test: tensors(test.rows, [1, 14, 14], test.labels),
    forgotten,
    truths: kind === 'wrong' ? wrong : null,
    loss: 'cross-entropy',
    model:
      kind === 'mlp'
        ? network([1, 14, 14], ['Flatten', 128, 'Relu', 10], random)
        : network(
            [1, 14, 14],
            [
              { channels: c },
              'Relu',
              { channels: 2 * c, stride: 2 },
              'Relu',
              { channels: 4 * c, stride: 2 },
              'Relu',
              'Flatten',
              64 * width,
              'Relu',
              10,
            ],
            random,
          ),
    epochs: 40,
    batch: 64,
    rate: 0.002,
  });
}

async function surfaceTask(name: string): Promise<Task> {
  const random = new Random(21);
  const height = ([x, y]: readonly number[]): number => Math.sin(2 * x!) * Math.cos(2 * y!);
  const place = (): number[] => [4 * random.uniform() - 2, 4 * random.uniform() - 2];
  const rows = Array.from({ length: 160 }, place);
  const labels = rows.map(height);
  const forgotten = random
    .shuffle([...Array(160).keys()])
    .slice(0, 10)
    .sort((a, b) => a - b);
  for (const index of forgotten) labels[index] = 2;
  const grid = Array.from({ length: 900 }, (_, at) => [
    -2 + (4 * (at % 30)) / 29,
    -2 + (4 * Math.floor(at / 30)) / 29,
  ]);
  const values = (list: readonly number[]): Tensor => float32([list.length, 1], [...list]);
  return makeTask(name, {
    train: { inputs: float32([160, 2], rows.flat()), labels: values(labels) },
    test: { inputs: float32([900, 2], grid.flat()), labels: values(grid.map(height)) },
    forgotten,
    truths: null,
    loss: 'mse',
    model: network([2], [100, 'Tanh', 100, 'Tanh', 1], random),
    epochs: 4000,
    batch: 160,
    rate: 0.005,
    biases: 'uniform',
  });
}

function tensors(
  rows: readonly number[][],
  dims: readonly number[],
  labels: readonly number[],
): { inputs: Tensor; labels: Tensor } {
  return {
    inputs: float32([rows.length, ...dims], rows.flat()),
    labels: { dtype: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
  };
}
