// Pieces of models as the converter writes them: of EfficientNet, Inception, BodyPix and BERT.
import type { GraphFixture } from '../graphs';
import { image, type OperatorCase } from './parts';

const same = { strides: [1, 1, 1, 1], padding: 'SAME' };

/** x · sigmoid(x). */
const swish = (g: GraphFixture, x: string): string => g.node('Mul', [x, g.node('Sigmoid', [x])]);

/** (x − mean) / √(variance + ε) · scale + shift along the last axis, as Keras writes it out. */
function normalised(g: GraphFixture, x: string, axis: number, name: string): string {
  const axes = g.ints(`${name}-axes`, [axis]);
  const mean = g.node('Mean', [x, axes], { keep_dims: true });
  const variance = g.node('Mean', [g.node('SquaredDifference', [x, g.node('StopGradient', [mean])]), axes], {
    keep_dims: true,
  });
  const inverse = g.node('Rsqrt', [
    g.node('AddV2', [variance, g.scalar(`${name}-epsilon`, 1e-3, 'float32')]),
  ]);
  const factor = g.node('Mul', [inverse, g.weight(`${name}-gamma`, [6])]);
  const shift = g.node('Sub', [g.weight(`${name}-beta`, [6]), g.node('Mul', [mean, factor])]);
  return g.node('AddV2', [g.node('Mul', [x, factor]), shift]);
}

const efficientNet: OperatorCase = {
  name: 'a squeeze-and-excitation block',
  ops: ['Mean', 'Conv2D', 'Mul', 'Sigmoid', 'AddV2', 'FusedBatchNormV3'],
  build: g => {
    const x = swish(g, g.node('Conv2D', [image(g), g.weight('k', [1, 1, 4, 6])], same));
    const deep = swish(g, g.node('DepthwiseConv2dNative', [x, g.weight('d', [3, 3, 6, 1])], same));
    const squeezed = g.node('Mean', [deep, g.ints('axes', [1, 2])], { keep_dims: true });
    const less = swish(
      g,
      g.node('BiasAdd', [
        g.node('Conv2D', [squeezed, g.weight('r', [1, 1, 6, 2])], same),
        g.weight('rb', [2]),
      ]),
    );
    const gate = g.node('Sigmoid', [
      g.node('_FusedConv2D', [less, g.weight('e', [1, 1, 2, 6]), g.weight('eb', [6])], {
        ...same,
        fused_ops: ['BiasAdd'],
        num_args: 1,
      }),
    ]);
    const gated = g.node('Mul', [gate, deep]);
    const back = g.node('Conv2D', [gated, g.weight('p', [1, 1, 6, 4])], same);
    const statistics = [
      g.weight('gamma', [4]),
      g.weight('beta', [4]),
      g.weight('mean', [4]),
      g.weight('variance', [4], [1, 2, 0.5, 1]),
    ];
    const norm = g.node('FusedBatchNormV3', [back, ...statistics], {
      epsilon: { float: 0.001 },
      is_training: false,
    });
    return [g.node('Mean', [g.node('AddV2', [norm, 'Mul_2']), g.ints('all', [1, 2])], { keep_dims: false })];
  },
};

const inception: OperatorCase = {
  name: 'an Inception block',
  ops: ['ConcatV2', 'AvgPool', 'MaxPool', '_FusedConv2D'],
  build: g => {
    const x = image(g);
    const conv = (value: string, name: string, size: readonly [number, number], from: number): string =>
      g.node('_FusedConv2D', [value, g.weight(name, [...size, from, 3]), g.weight(`${name}b`, [3])], {
        ...same,
        fused_ops: ['BiasAdd', 'Relu'],
        num_args: 1,
      });
    const pool = (op: string): string => g.node(op, [x], { ...same, ksize: [1, 3, 3, 1] });
    const branches = [
      conv(x, 'a', [1, 1], 4),
      conv(conv(x, 'b', [1, 3], 4), 'c', [3, 1], 3),
      conv(pool('AvgPool'), 'd', [1, 1], 4),
      pool('MaxPool'),
    ];
    const joined = g.node('ConcatV2', [...branches, g.scalar('axis', 3)], { N: 4 });
    return [
      g.node('Softmax', [
        g.node('MatMul', [
          g.node('Reshape', [joined, g.ints('flat', [-1, 390])]),
          g.weight('last', [390, 2]),
        ]),
      ]),
    ];
  },
};

const bodyPix: OperatorCase = {
  name: 'heads of a segmentation',
  ops: ['ResizeBilinear', 'Sigmoid', 'DepthwiseConv2dNative', 'Pad'],
  build: g => {
    const scaled = g.node('Sub', [
      g.node('Mul', [image(g, 3, 8, 8), g.scalar('s', 2, 'float32')]),
      g.scalar('one', 1, 'float32'),
    ]);
    const padded = g.node('Pad', [scaled, g.ints('p', [0, 0, 1, 1, 1, 1, 0, 0], [4, 2])]);
    const x = g.node('Relu6', [
      g.node('Conv2D', [padded, g.weight('k', [3, 3, 3, 4])], { strides: [1, 2, 2, 1], padding: 'VALID' }),
    ]);
    const deep = g.node('DepthwiseConv2dNative', [x, g.weight('d', [3, 3, 4, 1])], {
      ...same,
      dilations: [1, 2, 2, 1],
    });
    const head = (name: string, channels: number): string =>
      g.node('BiasAdd', [
        g.node('Conv2D', [deep, g.weight(name, [1, 1, 4, channels])], same),
        g.weight(`${name}b`, [channels]),
      ]);
    const mask = g.node('Sigmoid', [
      g.node('ResizeBilinear', [head('mask', 1), g.ints('size', [8, 8])], { align_corners: true }),
    ]);
    return [mask, head('parts', 5)];
  },
  gradient: 'differences',
};

const bert: OperatorCase = {
  name: 'a layer of BERT',
  ops: ['GatherV2', 'StridedSlice', 'Shape', 'Pack', 'Reshape', 'BatchMatMulV2', 'Erf', 'Cast', 'Softmax'],
  build: g => {
    const words = g.input('x', [null, null], 'DT_INT32');
    const shape = g.node('Shape', [words]);
    const part = (from: number, name: string): string =>
      g.node(
        'StridedSlice',
        [shape, g.ints(`${name}b`, [from]), g.ints(`${name}e`, [from + 1]), g.ints(`${name}s`, [1])],
        { shrink_axis_mask: 1 },
      );
    const [batch, length] = [part(0, 'batch'), part(1, 'length')];
    const positions = g.node(
      'StridedSlice',
      [
        g.weight('places', [9, 6]),
        g.node('Pack', [g.scalar('z', 0), g.scalar('z2', 0)], { axis: 0, N: 2 }),
        g.node('Pack', [length, g.scalar('wide', 6)], { axis: 0, N: 2 }),
        g.ints('steps', [1, 1]),
      ],
      { begin_mask: 3, end_mask: 2 },
    );
    const embedded = g.node('AddV2', [
      g.node('GatherV2', [g.weight('table', [3, 6]), words, g.scalar('axis', 0)], { batch_dims: 0 }),
      positions,
    ]);
    const x = normalised(g, embedded, 2, 'first');
    // A mask of words that are not 0: −10,000 where nothing is to be looked at.
    const seen = g.node('Cast', [g.node('NotEqual', [words, g.scalar('none', 0)])], {
      DstT: { type: 'DT_FLOAT' },
    });
    const wide = g.node('Reshape', [
      seen,
      g.node('Pack', [batch, g.scalar('m1', 1), g.scalar('m2', 1), length], { axis: 0, N: 4 }),
    ]);
    const mask = g.node('Mul', [
      g.node('Sub', [g.scalar('lit', 1, 'float32'), wide]),
      g.scalar('low', -1e4, 'float32'),
    ]);
    const flat = g.node('Reshape', [x, g.ints('flat', [-1, 6])]);
    const heads = (name: string): string => {
      const made = g.node('BiasAdd', [
        g.node('MatMul', [flat, g.weight(name, [6, 6])]),
        g.weight(`${name}-bias`, [6]),
      ]);
      const split = g.node('Reshape', [
        made,
        g.node('Pack', [batch, length, g.scalar(`${name}2`, 2), g.scalar(`${name}3`, 3)], { axis: 0, N: 4 }),
      ]);
      return g.node('Transpose', [split, g.ints(`${name}p`, [0, 2, 1, 3])]);
    };
    const scores = g.node('Mul', [
      g.node('BatchMatMulV2', [heads('q'), heads('k')], { adj_x: false, adj_y: true }),
      g.scalar('root', 0.577, 'float32'),
    ]);
    const attention = g.node('Softmax', [g.node('AddV2', [scores, mask])]);
    const mixed = g.node('Transpose', [
      g.node('BatchMatMulV2', [attention, heads('v')]),
      g.ints('back', [0, 2, 1, 3]),
    ]);
    const rows = g.node('Reshape', [
      mixed,
      g.node('Pack', [batch, length, g.scalar('six', 6)], { axis: 0, N: 3 }),
    ]);
    const y = normalised(g, g.node('AddV2', [rows, x]), 2, 'second');
    const half = g.node('Mul', [g.scalar('half', 0.5, 'float32'), y]);
    const erf = g.node('Erf', [g.node('RealDiv', [y, g.scalar('root2', Math.SQRT2, 'float32')])]);
    const gelu = g.node('Mul', [half, g.node('AddV2', [g.scalar('unit', 1, 'float32'), erf])]);
    const firstWord = g.node(
      'StridedSlice',
      [gelu, g.ints('fb', [0, 0, 0]), g.ints('fe', [0, 1, 0]), g.ints('fs', [1, 1, 1])],
      { begin_mask: 5, end_mask: 5, shrink_axis_mask: 2 },
    );
    return [
      g.node('_FusedMatMul', [firstWord, g.weight('out', [6, 2]), g.weight('out-bias', [2])], {
        fused_ops: ['BiasAdd'],
        num_args: 1,
        transpose_a: false,
        transpose_b: false,
      }),
    ];
  },
  gradient: 'differences',
};

export const pieces: readonly OperatorCase[] = [efficientNet, inception, bodyPix, bert];
