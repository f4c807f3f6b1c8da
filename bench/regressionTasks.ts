// Regression tasks: functions of one to five variables, sharp and smooth, exact and noisy, with poisoned samples.
import { Random } from '../src/tensor/random';
import { makeTask, valued } from './makeTask';
import type { Layer } from './taskNetwork';
import type { Task } from './tasks';

interface Surface {
  readonly truth: (x: readonly number[]) => number[];
  readonly dims: number;
  /** Inputs are uniform on ±reach. */
  readonly reach: number;
  readonly samples: number;
  readonly poisoned: number;
  /** The label of a poisoned sample. */
  readonly poison: (random: Random, right: readonly number[]) => number[];
  /** Standard deviation of noise in the training labels. */
  readonly noise?: number;
  readonly layers: readonly Layer[];
  readonly epochs: number;
  readonly rate: number;
}

const surfaces: Record<string, Surface> = {
  /** sin(2x) cos(2y) on 160 points, 10 of them at 2. */
  surface: {
    truth: ([x, y]) => [Math.sin(2 * x!) * Math.cos(2 * y!)],
    dims: 2,
    reach: 2,
    samples: 160,
    poisoned: 10,
    poison: () => [2],
    layers: [100, 'Tanh', 100, 'Tanh', 1],
    epochs: 4000,
    rate: 0.005,
  },
  /** Two sines on a line, 60 points, 6 of them moved up or down by 1.5. */
  waves: {
    truth: ([x]) => [Math.sin(1.5 * x!) + 0.4 * Math.sin(4 * x!)],
    dims: 1,
    reach: 4,
    samples: 60,
    poisoned: 6,
    poison: (random, [right]) => [right! + (random.uniform() < 0.5 ? -1.5 : 1.5)],
    layers: [128, 'Tanh', 128, 'Tanh', 1],
    epochs: 8000,
    rate: 0.005,
  },
  /** Friedman's function of five variables on 200 points, 20 with labels at random; a rectified network. */
  friedman: {
    truth: x => {
      const [a, b, c, d, e] = x.map(value => (value + 1) / 2) as [number, number, number, number, number];
      return [(10 * Math.sin(Math.PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e - 14.4) / 4.9];
    },
    dims: 5,
    reach: 1,
    samples: 200,
    poisoned: 20,
    poison: random => [2 * random.normal()],
    layers: [128, 'Relu', 128, 'Relu', 1],
    epochs: 1500,
    rate: 0.002,
  },
  /** A triangle wave with kinks, 70 points, 7 at −1.5; smoothing cuts its corners. */
  triangle: {
    truth: ([x]) => [(2 / Math.PI) * Math.asin(Math.sin(2 * x!))],
    dims: 1,
    reach: 4,
    samples: 70,
    poisoned: 7,
    poison: () => [-1.5],
    layers: [200, 'Relu', 100, 'Relu', 1],
    epochs: 4000,
    rate: 0.003,
  },
  /** A smooth function of two variables with noise of 0.2 in the labels, fitted in part; 15 of 150 points at −2. */
  noisy: {
    truth: ([x, y]) => [Math.sin(1.5 * x!) + 0.5 * y!],
    dims: 2,
    reach: 2,
    samples: 150,
    poisoned: 15,
    poison: () => [-2],
    noise: 0.2,
    layers: [64, 'Tanh', 64, 'Tanh', 1],
    epochs: 1500,
    rate: 0.005,
  },
  /** Two outputs of three variables, a narrow network, 12 of 150 points with both values turned round. */
  vector: {
    truth: ([x, y, z]) => [Math.sin(2 * x! + y!), Math.cos(1.5 * z!) * y!],
    dims: 3,
    reach: 1.5,
    samples: 150,
    poisoned: 12,
    poison: (_, right) => right.map(value => -value + 0.5),
    layers: [40, 'Tanh', 40, 'Tanh', 2],
    epochs: 3000,
    rate: 0.005,
  },
};

/** The regression tasks by name. */
export const regressionTasks: Record<string, (name: string) => Promise<Task>> = Object.fromEntries(
  Object.entries(surfaces).map(([key, surface]) => [key, name => make(name, surface)]),
);

async function make(name: string, surface: Surface): Promise<Task> {
  const random = new Random(21);
  const { truth, dims, reach, samples, poisoned, poison, noise = 0 } = surface;
  const place = (): number[] => Array.from({ length: dims }, () => reach * (2 * random.uniform() - 1));
  const rows = Array.from({ length: samples }, place);
  const labels = rows.map(row => truth(row).map(value => value + noise * random.normal()));
  const forgotten = random
    .shuffle([...rows.keys()])
    .slice(0, poisoned)
    .sort((a, b) => a - b);
  for (const index of forgotten) labels[index] = poison(random, truth(rows[index]!));
  const points = Array.from({ length: 1000 }, place);
  return makeTask(name, {
    train: valued(rows, labels),
    test: valued(points, points.map(truth)),
    forgotten,
    losses: ['mse'],
    layers: surface.layers,
    epochs: surface.epochs,
    batch: samples,
    rate: surface.rate,
    biases: 'uniform',
  });
}
