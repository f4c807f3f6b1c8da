// Small models whose per-sample gradients are tested: weights of convolutions and matrix products.
import { int64, type Tensor } from '../../src/tensor/tensor';
import { node } from './harness';
import type { Model } from './perSampleModels';

const shape = (...dims: number[]): Tensor => int64([dims.length], dims);

/** The models, by what they show. */
export const contractions: Readonly<Record<string, Model>> = {
  'Conv with bias on a large map': {
    nodes: [node('Conv', ['x', 'w', 'b'], ['y'], { pads: [1, 1, 1, 1] })],
    sample: [2, 9, 9],
    parameters: { w: [3, 2, 3, 3], b: [3] },
  },
  'Conv on a map so small that factors are chosen': {
    nodes: [node('Conv', ['x', 'w', 'b'], ['y'], { strides: [2, 1] })],
    sample: [6, 3, 4],
    parameters: { w: [8, 6, 3, 3], b: [8] },
    outer: ['w'],
    samples: 3,
  },
  'Conv in groups': {
    nodes: [node('Conv', ['x', 'w'], ['y'], { group: 2, dilations: [2, 1] })],
    sample: [4, 5, 4],
    parameters: { w: [6, 2, 2, 3] },
  },
  'depthwise Conv in one dimension': {
    nodes: [node('Conv', ['x', 'w', 'b'], ['y'], { group: 3, auto_pad: 'SAME_UPPER', strides: [2] })],
    sample: [3, 7],
    parameters: { w: [3, 1, 3], b: [3] },
  },
  'two layers of Conv': {
    nodes: [
      node('Conv', ['x', 'v'], ['h'], { pads: [1, 1, 1, 1] }),
      node('Tanh', ['h'], ['t']),
      node('Conv', ['t', 'w', 'b'], ['y'], { strides: [2, 2] }),
    ],
    sample: [1, 7, 7],
    parameters: { v: [2, 1, 3, 3], w: [2, 2, 3, 3], b: [2] },
  },
  ...Object.fromEntries(
    [0, 1].flatMap(transA =>
      [0, 1].flatMap(transB =>
        // With three inner columns and three samples, a mix-up of the two would fit.
        [3, 4].map((samples): [string, Model] => [
          `Gemm with transA ${transA}, transB ${transB}, ${samples} samples`,
          {
            nodes: [
              ...(transA
                ? [node('Transpose', ['x'], ['a'], { perm: [1, 0] })]
                : [node('Identity', ['x'], ['a'])]),
              node('Gemm', ['a', 'w', 'c'], ['y'], {
                transA,
                transB,
                alpha: { float: 0.7 },
                beta: { float: -1.5 },
              }),
            ],
            sample: [3],
            parameters: { w: transB ? [5, 3] : [3, 5], c: [5] },
            outer: ['w'],
            samples,
          },
        ]),
      ),
    ),
  ),
  'Gemm with a bias of one number': {
    nodes: [node('Gemm', ['x', 'w', 'c'], ['y'], { transB: 1 })],
    sample: [3],
    parameters: { w: [2, 3], c: [1, 1] },
    outer: ['w'],
  },
  'Gemm with the weight on the left': {
    nodes: [
      node('Gemm', ['w', 'x'], ['h'], { transB: 1 }),
      node('Transpose', ['h'], ['y'], { perm: [1, 0] }),
    ],
    sample: [3],
    parameters: { w: [5, 3] },
    // Its result has the samples on axis 1.
    remaining: ['w'],
  },
  'MatMul of rank 2': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [3],
    parameters: { w: [3, 5] },
    outer: ['w'],
  },
  'MatMul of tokens': {
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Add', ['h', 'b'], ['y'])],
    sample: [4, 3],
    parameters: { w: [3, 5], b: [5] },
    outer: ['w'],
  },
  'MatMul of rank 4': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [2, 4, 3],
    parameters: { w: [3, 2] },
    outer: ['w'],
  },
  'MatMul with a weight a head': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [2, 4, 3],
    parameters: { w: [2, 3, 2] },
  },
  'MatMul with a broadcast weight of rank 3': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [4, 3],
    parameters: { w: [1, 3, 2] },
  },
  'MatMul with a vector': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [4, 3],
    parameters: { w: [3] },
    outer: ['w'],
  },
  'MatMul of rows with a vector': {
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    sample: [3],
    parameters: { w: [3] },
    outer: ['w'],
  },
  'MatMul with the weight on the left': {
    nodes: [node('MatMul', ['w', 'x'], ['y'])],
    sample: [4, 3],
    parameters: { w: [2, 4] },
  },
  'MatMul with a vector on the left': {
    nodes: [node('MatMul', ['w', 'x'], ['y'])],
    sample: [4, 3],
    parameters: { w: [4] },
  },
  'MatMul by a transposed weight': {
    nodes: [node('Transpose', ['w'], ['v'], { perm: [1, 0] }), node('MatMul', ['x', 'v'], ['y'])],
    sample: [4, 3],
    parameters: { w: [5, 3] },
    outer: ['w'],
  },
  'MatMul by a square transposed weight': {
    nodes: [node('Transpose', ['w'], ['v']), node('MatMul', ['x', 'v'], ['y'])],
    sample: [3],
    parameters: { w: [3, 3] },
    outer: ['w'],
  },
  'MatMul by a reshaped weight': {
    nodes: [node('Reshape', ['w', 'to'], ['v']), node('MatMul', ['x', 'v'], ['y'])],
    sample: [4, 3],
    parameters: { w: [5, 3] },
    constants: { to: shape(3, 5) },
    outer: ['w'],
  },
  'MatMul by a squeezed, transposed weight': {
    nodes: [
      node('Squeeze', ['w', 'axes'], ['s']),
      node('Transpose', ['s'], ['v'], { perm: [1, 0] }),
      node('MatMul', ['x', 'v'], ['y']),
    ],
    sample: [3],
    parameters: { w: [5, 1, 3] },
    constants: { axes: shape(1) },
    outer: ['w'],
  },
  'MatMul by a transposed, then reshaped weight': {
    nodes: [
      node('Transpose', ['w'], ['t'], { perm: [1, 2, 0] }),
      node('Reshape', ['t', 'to'], ['v']),
      node('MatMul', ['x', 'v'], ['y']),
    ],
    sample: [6],
    parameters: { w: [5, 2, 3] },
    constants: { to: shape(6, 5) },
  },
  'ConvTranspose with bias': {
    nodes: [
      node('ConvTranspose', ['x', 'w', 'b'], ['y'], {
        strides: [2, 2],
        pads: [1, 0, 1, 0],
        output_padding: [1, 0],
      }),
    ],
    sample: [3, 4, 3],
    parameters: { w: [3, 2, 3, 3], b: [2] },
  },
  'ConvTranspose in groups': {
    nodes: [node('ConvTranspose', ['x', 'w', 'b'], ['y'], { group: 2, dilations: [2] })],
    sample: [4, 5],
    parameters: { w: [4, 3, 2], b: [6] },
  },
  'Einsum with a weight of heads': {
    nodes: [node('Einsum', ['x', 'w'], ['y'], { equation: 'ntc,chd->nhtd' })],
    sample: [4, 3],
    parameters: { w: [3, 2, 5] },
  },
  'Einsum with the weight on the left': {
    nodes: [node('Einsum', ['w', 'x'], ['y'], { equation: 'oi,bi->bo' })],
    sample: [3],
    parameters: { w: [5, 3] },
  },
  'Einsum with the data on both sides of the weight': {
    nodes: [node('Einsum', ['x', 'w', 'x'], ['y'], { equation: 'ni,kij,nj->nk' })],
    sample: [3],
    parameters: { w: [4, 3, 3] },
  },
  'Einsum that puts the samples last': {
    nodes: [
      node('Einsum', ['x', 'w'], ['h'], { equation: 'bi,oi->ob' }),
      node('Transpose', ['h'], ['y'], { perm: [1, 0] }),
    ],
    sample: [3],
    parameters: { w: [5, 3] },
    // Its result has the samples on axis 1.
    remaining: ['w'],
  },
};
