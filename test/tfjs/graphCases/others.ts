// Choices, normalisation, resizing, products of matrices, and small pieces of real models.
import { rows, image, convolvedImage, cube, convolvedImageOf, type OperatorCase } from './parts';

const cases: OperatorCase[] = [
  {
    name: 'AddN',
    ops: ['AddN'],
    build: g => {
      const x = convolvedImage(g);
      return [g.node('AddN', [x, g.node('Relu', [x]), x])];
    },
  },
  {
    name: 'Identity and its like',
    ops: [
      'Identity',
      'IdentityN',
      'StopGradient',
      'Snapshot',
      'FakeQuantWithMinMaxVars',
      'PlaceholderWithDefault',
    ],
    build: g => {
      const x = rows(g);
      const both = g.node('IdentityN', [g.node('StopGradient', [x]), g.node('Snapshot', [x])]);
      return [
        g.node('Identity', [`${both}:1`]),
        g.node('FakeQuantWithMinMaxVars', [x]),
        g.node('Add', [
          x,
          g.node('PlaceholderWithDefault', [g.weight('d', [5])], { dtype: { type: 'DT_FLOAT' } }),
        ]),
      ];
    },
  },
  {
    name: 'ClipByValue',
    ops: ['ClipByValue'],
    build: g => [
      g.node('ClipByValue', [rows(g), g.scalar('a', -0.5, 'float32'), g.scalar('b', 0.7, 'float32')]),
    ],
  },
  {
    name: 'Cast',
    ops: ['Cast'],
    build: g => {
      const x = rows(g);
      const whole = g.node('Cast', [x], { SrcT: { type: 'DT_FLOAT' }, DstT: { type: 'DT_INT32' } });
      return [g.node('Mul', [x, g.node('Cast', [whole], { DstT: { type: 'DT_FLOAT' } })])];
    },
  },
  {
    name: 'comparisons',
    ops: [
      'Equal',
      'NotEqual',
      'Greater',
      'GreaterEqual',
      'Less',
      'LessEqual',
      'LogicalAnd',
      'LogicalOr',
      'LogicalNot',
      'SelectV2',
      'Select',
    ],
    build: g => {
      const x = rows(g);
      const y = g.weight('y', [5]);
      const far = g.node('LogicalOr', [
        g.node('Greater', [x, y]),
        g.node('LessEqual', [x, g.scalar('l', -1, 'float32')]),
      ]);
      const near = g.node('LogicalAnd', [
        g.node('LogicalNot', [g.node('NotEqual', [x, x])]),
        g.node('Less', [x, g.node('Neg', [y])]),
      ]);
      const odd = g.node('LogicalOr', [g.node('Equal', [x, y]), g.node('GreaterEqual', [x, y])]);
      return [
        g.node('SelectV2', [far, x, y]),
        g.node('Select', [near, g.node('Square', [x]), x]),
        g.node('SelectV2', [odd, g.scalar('c', 3, 'float32'), x]),
      ];
    },
  },
  {
    name: 'All and Any',
    ops: ['All', 'Any'],
    build: g => {
      const x = cube(g);
      const up = g.node('Greater', [x, g.scalar('z', 0, 'float32')]);
      return [
        g.node('Mul', [
          x,
          g.node('Cast', [g.node('All', [up, g.ints('a', [2])], { keep_dims: true })], {
            DstT: { type: 'DT_FLOAT' },
          }),
        ]),
        g.node('Mul', [
          x,
          g.node('Cast', [g.node('Any', [up, g.ints('b', [1, 2])], { keep_dims: true })], {
            DstT: { type: 'DT_FLOAT' },
          }),
        ]),
      ];
    },
  },
  {
    name: 'IsNan, IsInf and IsFinite',
    ops: ['IsNan', 'IsInf', 'IsFinite'],
    build: g => {
      const x = rows(g);
      const log = g.node('Log', [x]);
      return [
        g.node('SelectV2', [g.node('IsNan', [log]), x, g.node('Neg', [x])]),
        g.node('SelectV2', [g.node('LogicalOr', [g.node('IsInf', [x]), g.node('IsFinite', [x])]), x, log]),
      ];
    },
    gradient: 'differences',
  },
  {
    name: 'ArgMax and ArgMin',
    ops: ['ArgMax', 'ArgMin'],
    build: g => {
      const x = cube(g);
      return [g.node('ArgMax', [x, g.scalar('a', 2)]), g.node('ArgMin', [x, g.scalar('b', -2)])];
    },
    gradient: 'differences',
  },
  {
    name: 'Cumsum',
    ops: ['Cumsum'],
    build: g => {
      const x = rows(g);
      return [
        g.node('Cumsum', [x, g.scalar('a', 1)], { exclusive: false, reverse: false }),
        g.node('Cumsum', [x, g.scalar('b', 1)], { exclusive: true, reverse: true }),
      ];
    },
  },
  {
    name: 'TopKV2',
    ops: ['TopKV2'],
    build: g => {
      const top = g.node('TopKV2', [rows(g), g.scalar('k', 2)], { sorted: true });
      return [top, `${top}:1`];
    },
    gradient: 'differences',
  },
  {
    name: 'EuclideanNorm',
    ops: ['EuclideanNorm'],
    build: g => [g.node('EuclideanNorm', [cube(g), g.ints('a', [2])], { keep_dims: true })],
  },
  {
    name: 'Softmax and LogSoftmax',
    ops: ['Softmax', 'LogSoftmax'],
    build: g => {
      const x = convolvedImage(g);
      return [g.node('Softmax', [x]), g.node('LogSoftmax', [g.node('Reshape', [x, g.ints('s', [-1, 90])])])];
    },
  },
  { name: 'Prelu', ops: ['Prelu'], build: g => [g.node('Prelu', [convolvedImage(g), g.weight('a', [3])])] },
  {
    name: 'LeakyRelu',
    ops: ['LeakyRelu'],
    build: g => [g.node('LeakyRelu', [rows(g)], { alpha: { float: 0.15 } })],
  },
  {
    name: '_FusedConv2D with a Prelu',
    ops: ['_FusedConv2D', 'Prelu'],
    build: g => [
      g.node(
        '_FusedConv2D',
        [image(g), g.weight('k', [2, 2, 4, 3]), g.weight('b', [3]), g.weight('a', [3])],
        { fused_ops: ['BiasAdd', 'Prelu'], num_args: 2, strides: [1, 1, 1, 1], padding: 'SAME' },
      ),
    ],
  },
  {
    name: 'Conv2D with explicit padding',
    ops: ['Conv2D'],
    build: g => [
      g.node('Conv2D', [image(g), g.weight('k', [3, 3, 4, 3])], {
        strides: [1, 2, 2, 1],
        padding: 'EXPLICIT',
        explicit_paddings: [0, 0, 1, 0, 2, 1, 0, 0],
      }),
    ],
  },
  {
    name: 'Conv2D of a map of free size',
    ops: ['Conv2D', 'Mean'],
    build: g => {
      const x = g.node('Mul', [g.input('x', [null, null, null, 3]), g.weight('w', [3])]);
      return [
        g.node(
          'Mean',
          [
            g.node('Conv2D', [x, g.weight('k', [3, 3, 3, 4])], { strides: [1, 2, 2, 1], padding: 'SAME' }),
            g.ints('a', [1, 2]),
          ],
          { keep_dims: false },
        ),
      ];
    },
  },
  {
    name: 'Conv3D',
    ops: ['Conv3D', 'AvgPool3D', 'MaxPool3D'],
    build: g => {
      const x = g.node('Mul', [g.input('x', [null, 4, 4, 4, 2]), g.weight('w', [2])]);
      const y = g.node('Conv3D', [x, g.weight('k', [2, 2, 2, 2, 3])], {
        strides: [1, 1, 1, 1, 1],
        padding: 'SAME',
      });
      return [
        g.node('AvgPool3D', [y], { ksize: [1, 2, 2, 2, 1], strides: [1, 2, 2, 2, 1], padding: 'VALID' }),
        g.node('MaxPool3D', [y], { ksize: [1, 2, 2, 2, 1], strides: [1, 2, 2, 2, 1], padding: 'VALID' }),
      ];
    },
  },
  {
    name: 'DepthwiseConv2d',
    ops: ['DepthwiseConv2d'],
    build: g => [
      g.node('DepthwiseConv2d', [image(g), g.weight('k', [3, 3, 4, 1])], {
        strides: [1, 1, 1, 1],
        padding: 'SAME',
      }),
    ],
  },
  ...(['SAME', 'VALID'] as const).map((padding): OperatorCase => ({
    name: `Conv2DBackpropInput, ${padding}`,
    ops: ['Conv2DBackpropInput'],
    build: g => {
      const x = image(g);
      const shape = g.node(
        'Pack',
        [
          g.node(
            'StridedSlice',
            [g.node('Shape', [x]), g.ints('b', [0]), g.ints('e', [1]), g.ints('s', [1])],
            { shrink_axis_mask: 1 },
          ),
          g.scalar('h', padding === 'SAME' ? 12 : 13),
          g.scalar('v', padding === 'SAME' ? 10 : 11),
          g.scalar('c', 3),
        ],
        { axis: 0, N: 4 },
      );
      return [
        g.node('Conv2DBackpropInput', [shape, g.weight('k', [3, 3, 3, 4]), x], {
          strides: [1, 2, 2, 1],
          padding,
        }),
      ];
    },
  })),
  ...['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map((op): OperatorCase => ({
    name: op,
    ops: [op],
    build: g => [
      g.node(
        op,
        [
          convolvedImage(g),
          g.weight('gamma', [3]),
          g.weight('beta', [3]),
          g.weight('mean', [3]),
          g.weight('variance', [3], [0.5, 1, 2]),
        ],
        { epsilon: { float: 0.001 }, is_training: false },
      ),
    ],
  })),
  {
    name: 'LRN',
    ops: ['LRN'],
    build: g => [
      g.node('LRN', [image(g, 6)], {
        depth_radius: 2,
        bias: { float: 1 },
        alpha: { float: 0.3 },
        beta: { float: 0.6 },
      }),
    ],
  },
  ...['ResizeBilinear', 'ResizeNearestNeighbor'].flatMap(op =>
    ([{ align_corners: true }, { half_pixel_centers: true }, {}] as Record<string, boolean>[]).map(
      (attributes): OperatorCase => ({
        name: `${op}, ${Object.keys(attributes).join() || 'plain'}`,
        ops: [op],
        build: g => [
          g.node(op, [image(g), g.ints('s', [9, 8])], attributes),
          g.node(op, [convolvedImageOf(g), g.ints('t', [2, 3])], attributes),
        ],
      }),
    ),
  ),
  {
    name: 'MatMul with transposes',
    ops: ['MatMul'],
    build: g => [
      g.node('MatMul', [rows(g), g.weight('k', [3, 5])], { transpose_a: false, transpose_b: true }),
    ],
  },
  {
    name: 'BatchMatMul',
    ops: ['BatchMatMul', 'BatchMatMulV2'],
    build: g => {
      const x = cube(g);
      return [
        g.node('BatchMatMulV2', [x, x], { adj_x: false, adj_y: true }),
        g.node('BatchMatMul', [x, g.node('Neg', [x])], { adj_x: true, adj_y: false }),
      ];
    },
  },
  {
    name: 'Einsum',
    ops: ['Einsum'],
    build: g => [g.node('Einsum', [cube(g), g.weight('k', [3, 2, 4])], { equation: 'abc,cde->abde', N: 2 })],
  },
  {
    name: 'a scaled dot-product attention',
    ops: ['BatchMatMulV2', 'Transpose', 'Softmax', 'Reshape'],
    build: g => {
      const x = g.node('Mul', [g.input('x', [null, 4, 6]), g.weight('w', [6])]);
      const rowsOf = g.node('Reshape', [x, g.ints('flat', [-1, 6])]);
      const shape = g.node('Shape', [x]);
      const batch = g.node('StridedSlice', [shape, g.ints('b', [0]), g.ints('e', [1]), g.ints('s', [1])], {
        shrink_axis_mask: 1,
      });
      const heads = (name: string): string => {
        const made = g.node('MatMul', [rowsOf, g.weight(name, [6, 6])]);
        const split = g.node('Reshape', [
          made,
          g.node('Pack', [batch, g.scalar(`${name}4`, 4), g.scalar(`${name}2`, 2), g.scalar(`${name}3`, 3)], {
            axis: 0,
            N: 4,
          }),
        ]);
        return g.node('Transpose', [split, g.ints(`${name}p`, [0, 2, 1, 3])]);
      };
      const scores = g.node('Mul', [
        g.node('BatchMatMulV2', [heads('q'), heads('k')], { adj_x: false, adj_y: true }),
        g.scalar('scale', 0.577, 'float32'),
      ]);
      const mixed = g.node('Transpose', [
        g.node('BatchMatMulV2', [g.node('Softmax', [scores]), heads('v')]),
        g.ints('back', [0, 2, 1, 3]),
      ]);
      return [
        g.node('Reshape', [
          mixed,
          g.node('Pack', [batch, g.scalar('len', 4), g.scalar('wide', 6)], { axis: 0, N: 3 }),
        ]),
      ];
    },
  },
];

export const others: readonly OperatorCase[] = [...cases];
