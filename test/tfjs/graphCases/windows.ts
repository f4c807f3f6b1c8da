// Convolutions and pooling.
import type { GraphFixture, NodeAttribute } from '../graphs';
import { rows, image, type OperatorCase } from './parts';

const windows: OperatorCase[] = (
  [
    ['SAME', 1, 1],
    ['SAME', 2, 1],
    ['VALID', 2, 1],
    ['SAME', 1, 2],
    ['VALID', 1, 2],
  ] as const
).flatMap(([padding, stride, dilation]): OperatorCase[] => {
  const attributes = {
    padding,
    strides: [1, stride, stride, 1],
    dilations: [1, dilation, dilation, 1],
    data_format: 'NHWC',
  };
  const title = `${padding}, stride ${stride}, dilation ${dilation}`;
  const biased = (g: GraphFixture, op: string, value: string, count: number): string[] => {
    const bias = g.weight('b', [count]);
    return [
      g.node(op, [value, g.weight('k', op === '_FusedConv2D' ? [3, 2, 4, count] : [3, 2, 4, 2]), bias], {
        ...attributes,
        fused_ops: ['BiasAdd', 'Relu6'],
        num_args: 1,
      }),
    ];
  };
  return [
    {
      name: `Conv2D, ${title}`,
      ops: ['Conv2D', 'BiasAdd'],
      build: g => [
        g.node('BiasAdd', [
          g.node('Conv2D', [image(g), g.weight('k', [3, 2, 4, 3])], attributes),
          g.weight('b', [3]),
        ]),
      ],
    },
    {
      name: `DepthwiseConv2dNative, ${title}`,
      ops: ['DepthwiseConv2dNative'],
      build: g => [g.node('DepthwiseConv2dNative', [image(g), g.weight('k', [3, 2, 4, 2])], attributes)],
    },
    {
      name: `_FusedConv2D, ${title}`,
      ops: ['_FusedConv2D'],
      build: g => biased(g, '_FusedConv2D', image(g), 3),
    },
    {
      name: `FusedDepthwiseConv2dNative, ${title}`,
      ops: ['FusedDepthwiseConv2dNative'],
      build: g => biased(g, 'FusedDepthwiseConv2dNative', image(g), 8),
    },
  ];
});

const fusedActivations: OperatorCase[] = ['Relu', 'Relu6', 'Elu', 'Sigmoid', 'LeakyRelu'].flatMap(
  (activation): OperatorCase[] => {
    const fused: Record<string, NodeAttribute> = {
      fused_ops: ['BiasAdd', activation],
      num_args: 1,
      leakyrelu_alpha: { float: 0.3 },
    };
    return [
      {
        name: `_FusedConv2D with ${activation}`,
        ops: ['_FusedConv2D'],
        build: g => [
          g.node('_FusedConv2D', [image(g), g.weight('k', [2, 2, 4, 3]), g.weight('b', [3])], {
            ...fused,
            strides: [1, 1, 1, 1],
            padding: 'VALID',
          }),
        ],
      },
      {
        name: `_FusedMatMul with ${activation}`,
        ops: ['_FusedMatMul'],
        build: g => [
          g.node('_FusedMatMul', [rows(g), g.weight('k', [5, 3]), g.weight('b', [3])], {
            ...fused,
            transpose_a: false,
            transpose_b: false,
          }),
        ],
      },
    ];
  },
);

const pools: OperatorCase[] = ['AvgPool', 'MaxPool'].flatMap(op =>
  (
    [
      ['SAME', [1, 2, 2, 1], [1, 2, 2, 1]],
      ['VALID', [1, 3, 2, 1], [1, 2, 1, 1]],
      ['SAME', [1, 3, 3, 1], [1, 1, 1, 1]],
    ] as const
  ).map(([padding, ksize, strides]): OperatorCase => ({
    name: `${op}, ${padding}, ${ksize.join('×')}`,
    ops: [op],
    build: g => [g.node(op, [image(g)], { padding, ksize, strides })],
  })),
);

export const slidingWindows: readonly OperatorCase[] = [...windows, ...fusedActivations, ...pools];
