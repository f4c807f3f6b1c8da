// Small networks from scratch for the tasks of the bench, as the bytes of an ONNX file.
import { emitModel } from '../src/onnx/emit';
import type { OnnxNode } from '../src/onnx/model';
import type { Random } from '../src/tensor/random';
import { float32, zeros, type Tensor } from '../src/tensor/tensor';

/**
 * A layer: a number is a Gemm of that width, a word an operator, `channels` a 3 × 3 convolution, `block` a residual block of
 * two convolutions with batch normalisation.
 */
export type Layer =
  | number
  | string
  | { readonly channels: number; readonly stride?: number }
  | { readonly block: number; readonly stride?: number };

/** Stored statistics of a batch normalisation, by the name of the value that it normalises. */
export type Statistics = ReadonlyMap<
  string,
  { readonly mean: Float32Array; readonly variance: Float32Array }
>;

/** A network's file and the values that its batch normalisations take, in order. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly normalised: readonly string[];
}

/**
 * x → layers → y, or with `heads` a further Gemm to each of y0, y1, …. Weights are small random numbers; statistics of batch
 * normalisations are zero and one unless given.
 */
export function network(
  inputDims: readonly number[],
  layers: readonly Layer[],
  random: Random,
  heads: readonly number[] = [],
  statistics: Statistics = new Map(),
): Network {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, Tensor>();
  const normalised: string[] = [];
  let value = 'x';
  let dims = [...inputDims];
  const weight = (name: string, shape: number[]): string => {
    const tensor = zeros('float32', shape);
    const data = tensor.data as Float32Array;
    for (let at = 0; at < data.length; at++) data[at] = 0.1 * random.normal();
    initializers.set(name, tensor);
    return name;
  };
  const push = (
    opType: string,
    inputs: string[],
    attributes: OnnxNode['attributes'] = new Map(),
    output = `v${nodes.length}`,
  ): string => {
    nodes.push({ name: `n${nodes.length}`, opType, domain: '', inputs, outputs: [output], attributes });
    return output;
  };
  const dense = (from: string, width: number, name: string, output?: string): string => {
    const inner = dims.reduce((product, dim) => product * dim, 1);
    const inputs = [from, weight(`${name}.w`, [width, inner]), weight(`${name}.b`, [width])];
    return push('Gemm', inputs, new Map([['transB', { type: 'int', value: 1 }]]), output);
  };
  const convolution = (
    from: string,
    [inner, outer, stride, size]: readonly [number, number, number, number],
    name: string,
    output?: string,
  ): string =>
    push(
      'Conv',
      [from, weight(`${name}.w`, [outer, inner, size, size]), weight(`${name}.b`, [outer])],
      new Map([
        ['pads', { type: 'ints', value: size === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0] }],
        ['strides', { type: 'ints', value: [stride, stride] }],
      ]),
      output,
    );
  const normalise = (from: string, channels: number, name: string): string => {
    normalised.push(from);
    const { mean, variance } = statistics.get(from) ?? {
      mean: new Float32Array(channels),
      variance: new Float32Array(channels).fill(1),
    };
    initializers.set(`${name}.scale`, float32([channels], new Float32Array(channels).fill(1)));
    initializers.set(`${name}.shift`, float32([channels], new Float32Array(channels)));
    initializers.set(`${name}.mean`, float32([channels], mean));
    initializers.set(`${name}.variance`, float32([channels], variance));
    return push('BatchNormalization', [
      from,
      ...['scale', 'shift', 'mean', 'variance'].map(part => `${name}.${part}`),
    ]);
  };
  const block = (channels: number, stride: number, name: string): string => {
    const inner = dims[0]!;
    const first = normalise(
      convolution(value, [inner, channels, stride, 3], `${name}.c1`),
      channels,
      `${name}.n1`,
    );
    const second = normalise(
      convolution(push('Relu', [first]), [channels, channels, 1, 3], `${name}.c2`),
      channels,
      `${name}.n2`,
    );
    const past =
      inner === channels && stride === 1
        ? value
        : convolution(value, [inner, channels, stride, 1], `${name}.skip`);
    return push('Relu', [push('Add', [second, past])]);
  };
  layers.forEach((each, index) => {
    const last = index === layers.length - 1 && heads.length === 0 ? 'y' : undefined;
    const stride = typeof each === 'object' ? (each.stride ?? 1) : 1;
    const mapped = (channels: number): number[] => [
      channels,
      Math.ceil(dims[1]! / stride),
      Math.ceil(dims[2]! / stride),
    ];
    if (typeof each === 'number') {
      value = dense(value, each, `l${index}`, last);
      dims = [each];
    } else if (typeof each === 'string') {
      value = push(each, [value], new Map(), last);
      if (each === 'GlobalAveragePool') dims = [dims[0]!, 1, 1];
      else if (each === 'Flatten') dims = [dims.reduce((product, dim) => product * dim, 1)];
    } else if ('block' in each) {
      value = block(each.block, stride, `l${index}`);
      dims = mapped(each.block);
    } else {
      value = convolution(value, [dims[0]!, each.channels, stride, 3], `l${index}`, last);
      dims = mapped(each.channels);
    }
  });
  heads.forEach((width, head) => dense(value, width, `head${head}`, `y${head}`));
  const ends =
    heads.length === 0 ? [{ name: 'y', dims }] : heads.map((w, at) => ({ name: `y${at}`, dims: [w] }));
  const graph = {
    name: 'task',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32' as const, dims: ['batch', ...inputDims] }],
    outputs: ends.map(end => ({ name: end.name, dtype: 'float32' as const, dims: ['batch', ...end.dims] })),
    initializers,
    valueInfo: [],
  };
  return { bytes: emitModel(graph, { opsets: new Map([['', 17]]) }), normalised };
}
