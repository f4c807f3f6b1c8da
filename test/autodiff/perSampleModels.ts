// Small models whose per-sample gradients are tested: weights that are added, scaled by, looked up, or used twice.
import type { OnnxNode } from '../../src/onnx/model';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';
import { node } from './harness';

/** A small model: nodes, one data input x with the samples on some axis, parameters, constants. */
export interface Model {
  readonly nodes: readonly OnnxNode[];
  /** Dims of one sample of x. */
  readonly sample: readonly number[];
  /** Set where x holds indices below this bound. */
  readonly indices?: number;
  /** Dims of the parameters. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Parameters that must come as factors when factors are asked for. */
  readonly outer?: readonly string[];
  /** Parameters that must come as ids and rows when factors are asked for. */
  readonly tables?: readonly string[];
  /** Parameters whose gradient must be left to single runs. */
  readonly remaining?: readonly string[];
  readonly samples?: number;
}

const shape = (...dims: number[]): Tensor => int64([dims.length], dims);

/** The models, by what they show. */
export const models: Readonly<Record<string, Model>> = {
  'Add and Mul with broadcast weights': {
    nodes: [node('Mul', ['x', 'w'], ['h']), node('Add', ['v', 'h'], ['y'])],
    sample: [4, 3],
    parameters: { w: [3], v: [1, 4, 1] },
  },
  'Sub and Div with broadcast weights': {
    nodes: [node('Div', ['x', 'w'], ['h']), node('Sub', ['v', 'h'], ['y'])],
    sample: [4, 3],
    parameters: { w: [4, 3], v: [1] },
  },
  'a weight that is divided by the data': {
    nodes: [node('Sigmoid', ['x'], ['s']), node('Div', ['w', 's'], ['y'])],
    sample: [4, 3],
    parameters: { w: [4, 1] },
  },
  'a weight that widens the data': {
    nodes: [node('Mul', ['x', 'w'], ['y'])],
    sample: [1, 3],
    parameters: { w: [1, 4, 3] },
  },
  BatchNormalization: {
    nodes: [node('BatchNormalization', ['x', 'w', 'b', 'mean', 'variance'], ['y'])],
    sample: [3, 4, 2],
    parameters: { w: [3], b: [3] },
    constants: { mean: float32([3], [0.1, -0.2, 0.3]), variance: float32([3], [1, 0.5, 2]) },
  },
  'BatchNormalization of rank 2': {
    nodes: [node('BatchNormalization', ['x', 'w', 'b', 'mean', 'variance'], ['y'])],
    sample: [3],
    parameters: { w: [3], b: [3] },
    constants: { mean: float32([3], [0.1, -0.2, 0.3]), variance: float32([3], [1, 0.5, 2]) },
  },
  'an embedding': {
    nodes: [node('Gather', ['w', 'x'], ['y'])],
    sample: [5],
    indices: 6,
    parameters: { w: [6, 3] },
  },
  'an embedding of one index a sample': {
    nodes: [node('Gather', ['w', 'x'], ['h']), node('Mul', ['h', 'v'], ['y'])],
    sample: [],
    indices: 6,
    parameters: { w: [6, 3], v: [3] },
    tables: ['w'],
  },
  'a large embedding': {
    nodes: [node('Gather', ['w', 'x'], ['h']), node('Tanh', ['h'], ['y'])],
    sample: [5],
    indices: 7,
    parameters: { w: [400, 3] },
    tables: ['w'],
  },
  'a large table of another shape that is looked up twice': {
    nodes: [
      node('Reshape', ['w', 'rows'], ['table']),
      node('Gather', ['table', 'x'], ['a']),
      node('Slice', ['x', 'from', 'to', 'along'], ['some']),
      node('Gather', ['table', 'some'], ['b']),
      node('ReduceSum', ['b', 'along'], ['sum'], { keepdims: 1 }),
      node('Mul', ['a', 'sum'], ['y']),
    ],
    sample: [4, 2],
    indices: 7,
    parameters: { w: [1000, 2, 3] },
    constants: { rows: shape(-1, 3), from: shape(1), to: shape(3), along: shape(1) },
    tables: ['w'],
  },
  'a large table that also closes the network': {
    nodes: [
      node('Gather', ['w', 'x'], ['h']),
      node('Transpose', ['w'], ['turned'], { perm: [1, 0] }),
      node('MatMul', ['h', 'turned'], ['y']),
    ],
    sample: [2],
    indices: 7,
    parameters: { w: [300, 3] },
  },
  'an embedding gathered along axis 1': {
    nodes: [
      node('Gather', ['w', 'x'], ['h'], { axis: 1 }),
      node('Transpose', ['h'], ['y'], { perm: [1, 2, 0] }),
    ],
    sample: [2],
    indices: 6,
    parameters: { w: [3, 6] },
    // Its rows follow the samples on axis 1.
    remaining: ['w'],
  },
  'a table of one row, gathered along axis 1 so that the samples come first': {
    nodes: [node('Gather', ['w', 'x'], ['h'], { axis: 1 }), node('Squeeze', ['h', 'axes'], ['y'])],
    sample: [2],
    indices: 6,
    parameters: { w: [1, 6] },
    constants: { axes: shape(0) },
    remaining: ['w'],
  },
  'a class token in front of the tokens': {
    nodes: [
      node('Shape', ['x'], ['dims']),
      node('Gather', ['dims', 'zero'], ['n']),
      node('Concat', ['n', 'rest'], ['to'], { axis: 0 }),
      node('Expand', ['w', 'to'], ['token']),
      node('Concat', ['token', 'x'], ['tokens'], { axis: 1 }),
      node('Add', ['tokens', 'v'], ['y']),
    ],
    sample: [4, 3],
    parameters: { w: [1, 1, 3], v: [1, 5, 3] },
    constants: { zero: shape(0), rest: shape(1, 3) },
  },
  'a weight repeated for every sample along its second axis': {
    nodes: [
      node('Transpose', ['x'], ['t'], { perm: [1, 0, 2] }),
      node('Shape', ['t'], ['dims']),
      node('Expand', ['w', 'dims'], ['e']),
      node('Mul', ['e', 't'], ['m']),
      node('Transpose', ['m'], ['y'], { perm: [1, 0, 2] }),
    ],
    sample: [1, 3],
    parameters: { w: [5, 1, 3] },
    // The product has the samples on axis 1.
    remaining: ['w'],
  },
  'a weight that two nodes use': {
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Tanh', ['h'], ['t']), node('MatMul', ['t', 'w'], ['y'])],
    sample: [3],
    parameters: { w: [3, 3] },
  },
  'a weight used as it is and transposed': {
    nodes: [
      node('Transpose', ['w'], ['v']),
      node('MatMul', ['x', 'w'], ['h']),
      node('Tanh', ['h'], ['t']),
      node('MatMul', ['t', 'v'], ['y']),
    ],
    sample: [4, 3],
    parameters: { w: [3, 5] },
  },
  'weights combined before any data meets them': {
    nodes: [
      node('Mul', ['w', 'v'], ['m']),
      node('MatMul', ['x', 'm'], ['h']),
      node('Add', ['h', 'b'], ['y']),
    ],
    sample: [3],
    parameters: { w: [3, 5], v: [3, 5], b: [5] },
    // A product of parameters moves more than elements.
    remaining: ['w', 'v'],
  },
  'samples folded into rows': {
    nodes: [
      node('Reshape', ['x', 'flat'], ['r']),
      node('MatMul', ['r', 'w'], ['h']),
      node('Reshape', ['h', 'back'], ['t']),
      node('Add', ['t', 'b'], ['y']),
    ],
    sample: [4, 3],
    parameters: { w: [3, 2], b: [2] },
    constants: { flat: shape(-1, 3), back: shape(-1, 4, 2) },
    // Axis 0 of its operands is not the samples alone.
    remaining: ['w'],
  },
  LayerNormalization: {
    nodes: [node('LayerNormalization', ['x', 'w', 'b'], ['y'])],
    sample: [4, 3],
    parameters: { w: [3], b: [3] },
  },
  'LayerNormalization of rows': {
    nodes: [node('LayerNormalization', ['x', 'w', 'b'], ['y'])],
    sample: [3],
    parameters: { w: [3], b: [3] },
  },
  'LayerNormalization over two axes': {
    nodes: [node('LayerNormalization', ['x', 'w', 'b'], ['y'], { axis: -2 })],
    sample: [2, 4, 3],
    parameters: { w: [4, 3], b: [4, 3] },
  },
  InstanceNormalization: {
    nodes: [node('InstanceNormalization', ['x', 'w', 'b'], ['y'])],
    sample: [3, 4, 2],
    parameters: { w: [3], b: [3] },
  },
  GroupNormalization: {
    nodes: [node('GroupNormalization', ['x', 'w', 'b'], ['y'], { num_groups: 2 })],
    sample: [4, 3, 2],
    parameters: { w: [4], b: [4] },
  },
  'PRelu with a slope a channel': {
    nodes: [node('PRelu', ['x', 'w'], ['y'])],
    sample: [3, 5, 4],
    parameters: { w: [3, 1, 1] },
  },
  'PRelu with one slope': {
    nodes: [node('PRelu', ['x', 'w'], ['y'])],
    sample: [12],
    parameters: { w: [1] },
  },
  'Sum, Mean and Pow with broadcast weights': {
    nodes: [
      node('Sigmoid', ['x'], ['s']),
      node('Pow', ['s', 'w'], ['p']),
      node('Sum', ['p', 'v', 'x'], ['h']),
      node('Mean', ['h', 'u'], ['y']),
    ],
    sample: [4, 3],
    parameters: { w: [3], v: [4, 1], u: [1, 4, 3] },
  },
  'a weight where the data is negative': {
    nodes: [
      node('Less', ['x', 'zero'], ['c']),
      node('Where', ['c', 'w', 'x'], ['h']),
      node('Max', ['h', 'v'], ['y']),
    ],
    sample: [12, 3],
    parameters: { w: [3], v: [3] },
    constants: { zero: float32([], [0]) },
  },
  'positions cut to the length of the tokens': {
    nodes: [
      node('Slice', ['w', 'from', 'to', 'axis'], ['v']),
      node('Add', ['x', 'v'], ['h']),
      node('Mul', ['h', 'u'], ['y']),
    ],
    sample: [4, 3],
    parameters: { w: [1, 6, 3], u: [3] },
    constants: { from: shape(0), to: shape(4), axis: shape(1) },
    // Cutting moves more than whole tensors.
    remaining: ['w'],
  },
};
