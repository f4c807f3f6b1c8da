// Whether ONNX Runtime's blocked layout can be used on this machine: how wide its blocks are, and whether a gradient
// computed with it is the gradient computed without it.
import { appendBackward } from '../autodiff/backward';
import { useBlockedLayout } from '../autodiff/blocked/pass';
import { blockedDomain } from '../autodiff/blocked/blocks';
import { GraphBuilder } from '../autodiff/builder';
import { kernelGradients } from '../autodiff/rules/kernelGradient';
import { Random } from '../tensor/random';
import { elementCount, float32, type Tensor } from '../tensor/tensor';
import { Session, feed, type GraphSpec, type RuntimeTensor } from './session';

const answers = new Map<number, Promise<number | null>>();

/**
 * The channels in a block of ONNX Runtime's blocked layout, or null where this build or CPU has none or gives other
 * numbers with it. Found out once a process and number of threads, on a small network.
 */
export function blockedLayout(threads: number): Promise<number | null> {
  let answer = answers.get(threads);
  if (!answer) answers.set(threads, (answer = probe(threads)));
  return answer;
}

async function probe(threads: number): Promise<number | null> {
  try {
    const size = await blockSize(threads);
    if (size === null) return null;
    const seeds = new Map<string, Tensor>();
    for (const compute of [gradients, eachGradient]) {
      const plain = await compute(threads, size, false, seeds);
      const blocked = await compute(threads, size, true, seeds);
      if (!plain.every((values, index) => agree(values, blocked[index] as Float32Array))) return null;
    }
    return size;
  } catch {
    // The operators of the layout are ONNX Runtime's own affair: a build may lack them.
    return null;
  }
}

/** The number of channels that four channels are filled up to. */
async function blockSize(threads: number): Promise<number | null> {
  const builder = new GraphBuilder();
  builder.declare('x', [1, 4, 1, 1]);
  const output = builder.op('ReorderInput', ['x'], [1, 4, 1, 1], {}, blockedDomain);
  const spec: GraphSpec = {
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4, 1, 1] }],
    outputs: [{ name: output, dtype: 'float32', dims: null }],
    opsets: new Map([['', 22]]),
  };
  const session = await Session.create(spec, { threads }, 'the test of the blocked layout');
  try {
    const found = await session.run({ x: feed(float32([1, 4, 1, 1], [1, 2, 3, 4])) });
    const size = found[output]?.dims[1] ?? 0;
    return size >= 4 && size % 4 === 0 ? size : null;
  } finally {
    await session.close();
  }
}

/** A graph that is run on random numbers, the same in either layout. */
class Trial {
  readonly b = new GraphBuilder();
  private readonly inputs: { name: string; dtype: 'float32'; dims: readonly number[] }[] = [];
  private readonly random = new Random(1);

  constructor(private readonly seeds: Map<string, Tensor>) {}

  input(name: string, dims: readonly number[]): string {
    this.inputs.push({ name, dtype: 'float32', dims });
    const numbers = (): number[] =>
      Array.from({ length: elementCount(dims) }, () => this.random.normal() / 3);
    if (!this.seeds.has(name)) this.seeds.set(name, float32(dims, numbers()));
    return this.b.declare(name, dims);
  }

  async run(threads: number, names: readonly string[]): Promise<Float32Array[]> {
    const { b, inputs } = this;
    const spec: GraphSpec = {
      nodes: b.nodes,
      constants: b.constants,
      inputs,
      outputs: names.map(name => ({ name, dtype: 'float32', dims: b.dims(name) })),
      opsets: new Map([['', 22]]),
    };
    const session = await Session.create(spec, { threads }, 'the test of the blocked layout');
    try {
      const feeds: Record<string, RuntimeTensor> = {};
      for (const { name } of inputs) feeds[name] = feed(this.seeds.get(name) as Tensor);
      const outputs = await session.run(feeds);
      return names.map(name => outputs[name]?.data as Float32Array);
    } finally {
      await session.close();
    }
  }
}

/** Gradients of a network that has every kind of node the layout knows, with and without strides and whole blocks. */
async function gradients(
  threads: number,
  size: number,
  blocked: boolean,
  seeds: Map<string, Tensor>,
): Promise<Float32Array[]> {
  const trial = new Trial(seeds);
  const { b } = trial;
  const parameters: string[] = [];
  const parameter = (name: string, dims: readonly number[]): string => {
    parameters.push(name);
    return trial.input(name, dims);
  };
  const samples = 12;
  const conv = (x: string, name: string, to: number, kernel: number, stride: number, group = 1): string => {
    const [, channels, height] = b.dims(x) as [number, number, number];
    const pad = (kernel - 1) / 2;
    const out = Math.floor((height + 2 * pad - kernel) / stride) + 1;
    const w = parameter(`${name}.weight`, [to, channels / group, kernel, kernel]);
    return b.op('Conv', [x, w, parameter(`${name}.bias`, [to])], [samples, to, out, out], {
      kernel_shape: [kernel, kernel],
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
      dilations: [1, 1],
      group,
    });
  };
  const stem = b.unary('Relu', conv(trial.input('x', [samples, 3, 15, 15]), 'stem', 20, 3, 1));
  const pooled = b.op('MaxPool', [stem], [samples, 20, 7, 7], { kernel_shape: [2, 2], strides: [2, 2] });
  const strided = b.unary('Relu', conv(pooled, 'strided', 32, 3, 2));
  const side = conv(pooled, 'side', 32, 1, 2);
  const sum = b.binary('Add', strided, side);
  const depthwise = b.unary('Relu', conv(sum, 'depthwise', 32, 3, 1, 32));
  const narrow = conv(conv(depthwise, 'halving', 32, 3, 2, 32), 'narrow', 16, 1, 1);
  const output = b.op('GlobalAveragePool', [narrow], [samples, 16, 1, 1]);
  const nodes = [...b.nodes];
  const seed = trial.input('seed', b.dims(output));
  const targets = parameters;
  const found = appendBackward({ builder: b, nodes, seeds: new Map([[output, seed]]), targets });
  const names = [output, ...targets.map(target => found.get(target) as string)];
  if (blocked) useBlockedLayout(b, size, names);
  return trial.run(threads, names);
}

/** The kernel gradients of each of some samples, which come in pieces; in the order of the kernel. */
async function eachGradient(
  threads: number,
  size: number,
  blocked: boolean,
  seeds: Map<string, Tensor>,
): Promise<Float32Array[]> {
  const trial = new Trial(seeds);
  const { b } = trial;
  const [samples, channels, outputs, places] = [size - 1, 2 * size, size, 9];
  const x = trial.input('each.x', [samples, channels, 5, 5]);
  const dy = trial.input('each.dy', [samples, outputs, 5, 5]);
  const around = { before: [1, 1], after: [1, 1], input: [5, 5], output: [5, 5] };
  const windows = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], ...around };
  const meaning = { kind: 'kernelGradients', x, dy, windows, group: 1 } as const;
  const each = b.mark(kernelGradients(b, x, dy, windows, 1), meaning);
  if (!blocked) return trial.run(threads, [each]);
  const pieces = useBlockedLayout(b, size, [each], [each]).get(each);
  if (!pieces) return trial.run(threads, [each]);
  const found = await trial.run(threads, pieces.values);
  const result = new Float32Array(samples * outputs * channels * places);
  found.forEach((piece, block) => {
    for (let at = 0; at < piece.length; at++) {
      // [samples, M/B, kernel, channel in the block, output in the block]
      const [sample, place] = [
        Math.floor(at / (outputs * places * size)),
        Math.floor(at / size ** 2) % places,
      ];
      const output = (Math.floor(at / (places * size ** 2)) % (outputs / size)) * size + (at % size);
      const channel = block * size + (Math.floor(at / size) % size);
      result[((sample * outputs + output) * channels + channel) * places + place] = piece[at]!;
    }
  });
  return [result];
}

function agree(a: Float32Array, b: Float32Array): boolean {
  let [largest, difference] = [0, 0];
  a.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value));
    const apart = Math.abs(value - (b[index] ?? Number.NaN));
    difference = apart <= difference ? difference : apart;
  });
  return a.length === b.length && difference <= 1e-4 * largest;
}
