// Classification tasks: tabular data and half-size digits; wrong and right labels, classes, few samples, several heads.
import { join } from 'node:path';
import { openDataset } from '../src/data/open';
import { Random } from '../src/tensor/random';
import { elementReader } from '../src/tensor/tensor';
import { classified, makeTask, valued } from './makeTask';
import type { Layer } from './taskNetwork';
import type { Task } from './tasks';
import { trueLabels } from './trueLabels';

const mlp: readonly Layer[] = [64, 'Tanh', 64, 'Tanh', 5];

/** The classification tasks by name. */
export const classifierTasks: Record<string, (name: string) => Promise<Task>> = {
  /** Five Gaussian classes in 20 dimensions, a tanh perceptron, 40 of 600 labels wrong. */
  tabular: name => tabularTask(name, { count: 40, kind: 'wrong', layers: mlp }),
  /** The same data with right labels; 60 random samples to forget. */
  'tabular-right': name => tabularTask(name, { count: 60, kind: 'right', layers: mlp }),
  /** 40 wrong labels, one hidden layer of 2,048. */
  'tabular-wide': name => tabularTask(name, { count: 40, kind: 'wrong', layers: [2048, 'Relu', 5] }),
  /** Most samples are of one class: a single sample of the rarest one to forget, and three. */
  'imbalanced-one': name => tabularTask(name, { count: 1, kind: 'rare', layers: mlp }),
  'imbalanced-three': name => tabularTask(name, { count: 3, kind: 'rare', layers: mlp }),
  /** Six yes-or-no labels in 20 dimensions; in 40 of 600 samples all are turned round. */
  multilabel: multilabelTask,
  /** Five classes and two; in 40 of 600 samples both are wrong. */
  'two-heads': twoHeadsTask,
  /** Half-size digits, a network of convolutions with strides, 150 wrong labels. */
  'digits-wrong': name => digitsTask(name, { kind: 'wrong', layers: convolutions(1) }),
  /** The same network, 100 random rightly labelled digits. */
  'digits-right': name => digitsTask(name, { kind: 'right', layers: convolutions(1) }),
  /** The same network, every 7. */
  'digits-class': name => digitsTask(name, { kind: 'class', digit: 7, layers: convolutions(1) }),
  /** The same network, nine 7s of ten. */
  'digits-most': name => digitsTask(name, { kind: 'class', digit: 7, share: 0.9, layers: convolutions(1) }),
  /** 150 wrong labels, three times as wide. */
  'digits-wide': name => digitsTask(name, { kind: 'wrong', layers: convolutions(3) }),
  /** A plain perceptron on digits, one class. */
  'digits-mlp': name => digitsTask(name, { kind: 'class', digit: 3, layers: ['Flatten', 128, 'Relu', 10] }),
  /** A residual network with batch normalisation, 150 wrong labels, and one class. */
  'resnet-wrong': name => digitsTask(name, { kind: 'wrong', layers: residual, rate: 0.005 }),
  'resnet-class': name => digitsTask(name, { kind: 'class', digit: 7, layers: residual, rate: 0.005 }),
};

const residual: readonly Layer[] = [
  { channels: 8, stride: 2 },
  'Relu',
  { block: 8 },
  { block: 16, stride: 2 },
  'GlobalAveragePool',
  'Flatten',
  10,
];

function convolutions(width: number): readonly Layer[] {
  const c = 8 * width;
  return [
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
  ];
}

/** `count` indices below `size`, ascending. */
function drawn(random: Random, size: number, count: number): number[] {
  return random
    .shuffle([...Array(size).keys()])
    .slice(0, count)
    .sort((a, b) => a - b);
}

async function tabularTask(
  name: string,
  options: {
    readonly count: number;
    readonly kind: 'wrong' | 'right' | 'rare';
    readonly layers: readonly Layer[];
  },
): Promise<Task> {
  const { count, kind, layers } = options;
  const random = new Random(3);
  const centres = Array.from({ length: 5 }, () => Array.from({ length: 20 }, () => 0.75 * random.normal()));
  const label = (): number => {
    if (kind !== 'rare') return random.integer(5);
    const place = random.uniform();
    return [0.7, 0.85, 0.93, 0.98, 1].findIndex(limit => place < limit);
  };
  const draw = (size: number): { rows: number[][]; labels: number[] } => {
    const labels = Array.from({ length: size }, label);
    return { labels, rows: labels.map(each => centres[each]!.map(centre => centre + random.normal())) };
  };
  const [train, test] = [draw(600), draw(1500)];
  const rare = [...train.labels.keys()].filter(index => train.labels[index] === 4);
  const forgotten = kind === 'rare' ? rare.slice(0, count) : drawn(random, 600, count);
  const truths = new Map<number, number>();
  if (kind === 'wrong')
    for (const index of forgotten) {
      truths.set(index, train.labels[index]!);
      train.labels[index] = (train.labels[index]! + 1 + random.integer(4)) % 5;
    }
  return makeTask(name, {
    train: classified(train.rows, [20], train.labels),
    test: classified(test.rows, [20], test.labels),
    forgotten,
    truths: kind === 'wrong' ? truths : null,
    losses: ['cross-entropy'],
    layers,
    epochs: 100,
    batch: 32,
    rate: 0.003,
  });
}

async function multilabelTask(name: string): Promise<Task> {
  const random = new Random(5);
  const directions = Array.from({ length: 6 }, () => Array.from({ length: 20 }, () => random.normal()));
  const draw = (size: number): { rows: number[][]; labels: number[][] } => {
    const rows = Array.from({ length: size }, () => Array.from({ length: 20 }, () => random.normal()));
    const on = (row: readonly number[], direction: readonly number[]): number =>
      Number(row.reduce((sum, value, at) => sum + value * direction[at]!, 0) > 2 * Math.sin(3 * row[0]!));
    return { rows, labels: rows.map(row => directions.map(direction => on(row, direction))) };
  };
  const [train, test] = [draw(600), draw(1500)];
  const forgotten = drawn(random, 600, 40);
  for (const index of forgotten) train.labels[index] = train.labels[index]!.map(value => 1 - value);
  return makeTask(name, {
    train: valued(train.rows, train.labels),
    test: valued(test.rows, test.labels),
    forgotten,
    losses: ['binary-cross-entropy'],
    layers: [128, 'Relu', 128, 'Relu', 6],
    epochs: 100,
    batch: 32,
    rate: 0.003,
  });
}

async function twoHeadsTask(name: string): Promise<Task> {
  const random = new Random(6);
  const centres = Array.from({ length: 5 }, () => Array.from({ length: 20 }, () => 0.75 * random.normal()));
  const draw = (size: number): { rows: number[][]; first: number[]; second: number[] } => {
    const first = Array.from({ length: size }, () => random.integer(5));
    const rows = first.map(each => centres[each]!.map(centre => centre + random.normal()));
    return { rows, first, second: rows.map(row => Number(row[0]! + row[1]! * row[2]! > 0)) };
  };
  const [train, test] = [draw(600), draw(1500)];
  const forgotten = drawn(random, 600, 40);
  for (const index of forgotten) {
    train.first[index] = (train.first[index]! + 1 + random.integer(4)) % 5;
    train.second[index] = 1 - train.second[index]!;
  }
  return makeTask(name, {
    train: classified(train.rows, [20], train.first, train.second),
    test: classified(test.rows, [20], test.first, test.second),
    forgotten,
    losses: ['cross-entropy', 'cross-entropy'],
    layers: [128, 'Tanh', 64, 'Tanh'],
    heads: [5, 2],
    epochs: 100,
    batch: 32,
    rate: 0.003,
  });
}

async function digitsTask(
  name: string,
  options: {
    readonly kind: 'wrong' | 'right' | 'class';
    readonly digit?: number;
    /** The share of the class that is to be forgotten; 1 unless given. */
    readonly share?: number;
    readonly layers: readonly Layer[];
    readonly rate?: number;
  },
): Promise<Task> {
  const { kind, digit, share = 1, layers, rate = 0.002 } = options;
  const base = join(__dirname, '../../samples/mnist-mislabelled');
  const [train, test] = [await halfSize('train.npz', base), await halfSize('test.npz', base)];
  for (const [index, label] of trueLabels(join(base, 'forget.csv'))!) train.labels[index] = label;
  const random = new Random(9);
  const order = random.shuffle([...train.labels.keys()]);
  const wrong = new Map<number, number>();
  let forgotten: number[];
  if (kind === 'class') {
    const all = [...train.labels.keys()].filter(index => train.labels[index] === digit);
    forgotten = all.slice(0, Math.round(share * all.length));
  } else forgotten = order.slice(0, kind === 'wrong' ? 150 : 100).sort((a, b) => a - b);
  if (kind === 'wrong')
    for (const index of forgotten) {
      wrong.set(index, train.labels[index]!);
      train.labels[index] = (train.labels[index]! + 1 + random.integer(9)) % 10;
    }
  return makeTask(name, {
    train: classified(train.rows, [1, 14, 14], train.labels),
    test: classified(test.rows, [1, 14, 14], test.labels),
    forgotten,
    truths: kind === 'wrong' ? wrong : null,
    losses: ['cross-entropy'],
    layers,
    epochs: 40,
    batch: 64,
    rate,
  });
}

/** The digits of a file of the sample at 14 × 14: each pixel the mean of four. */
async function halfSize(file: string, base: string): Promise<{ rows: number[][]; labels: number[] }> {
  const data = await openDataset(file, base);
  const batch = await data.read([...Array(data.size).keys()]);
  const [pixel, label] = [elementReader(batch.inputs[0]!), elementReader(batch.labels[0]!)];
  return {
    rows: Array.from({ length: data.size }, (_, sample) =>
      Array.from({ length: 196 }, (__, at) => {
        const [y, x] = [2 * Math.floor(at / 14), 2 * (at % 14)];
        const four = [0, 1, 28, 29].map(step => Number(pixel(sample * 784 + y * 28 + x + step)));
        return four.reduce((sum, value) => sum + value, 0) / 1020;
      }),
    ),
    labels: Array.from({ length: data.size }, (_, sample) => Number(label(sample))),
  };
}
