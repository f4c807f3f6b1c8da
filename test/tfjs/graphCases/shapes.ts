// Reductions, and operators that move, join, cut or count elements.
import {
  rows,
  image,
  convolvedImage,
  positive,
  cube,
  cubeOf,
  image2,
  convolvedImageOf,
  type OperatorCase,
} from './parts';

const reductions: OperatorCase[] = ['Mean', 'Sum', 'Max', 'Min', 'Prod'].flatMap((op): OperatorCase[] => [
  {
    name: `${op} along an axis`,
    ops: [op],
    build: g => [
      g.node(op, [g.node('Reshape', [rows(g, 6), g.ints('s', [-1, 2, 3])]), g.ints('a', [2])], {
        keep_dims: true,
      }),
    ],
    draw: positive,
  },
  {
    name: `${op} of a map`,
    ops: [op],
    build: g => {
      const map = convolvedImage(g);
      const mean = g.node(op, [map, g.ints('a', [1, 2])], { keep_dims: false });
      const channels = g.node(op, [map, g.ints('b', [3])], { keep_dims: false });
      return [mean, channels, g.node(op, [map, g.ints('c', [2, 1])], { keep_dims: true })];
    },
    draw: positive,
    ...(op === 'Prod' ? { gradient: 'differences' } : {}),
  },
]);

const shapes: OperatorCase[] = [
  {
    name: 'Reshape to fewer axes',
    ops: ['Reshape'],
    build: g => [g.node('Reshape', [convolvedImage(g), g.ints('s', [-1, 90])])],
  },
  {
    name: 'Reshape by a computed shape',
    ops: ['Reshape', 'Shape', 'StridedSlice', 'Pack', 'Prod', 'Mul'],
    build: g => {
      const x = convolvedImage(g);
      const shape = g.node('Shape', [x]);
      const first = g.node('StridedSlice', [shape, g.ints('b', [0]), g.ints('e', [1]), g.ints('t', [1])], {
        shrink_axis_mask: 1,
      });
      const rest = g.node('StridedSlice', [shape, g.ints('b2', [1]), g.ints('e2', [0]), g.ints('t2', [1])], {
        end_mask: 1,
      });
      const all = g.node('Prod', [rest, g.ints('a', [0])], { keep_dims: false });
      return [g.node('Reshape', [x, g.node('Pack', [first, all], { axis: 0, N: 2 })])];
    },
  },
  {
    name: 'Squeeze of a pooled map',
    ops: ['Squeeze', 'AvgPool'],
    build: g => [
      g.node(
        'Squeeze',
        [
          g.node('AvgPool', [convolvedImage(g)], {
            ksize: [1, 6, 5, 1],
            strides: [1, 1, 1, 1],
            padding: 'VALID',
          }),
        ],
        { squeeze_dims: [1, 2] },
      ),
    ],
  },
  {
    name: 'ExpandDims',
    ops: ['ExpandDims'],
    build: g => [
      g.node('ExpandDims', [rows(g), g.scalar('a', -1)]),
      g.node('ExpandDims', [convolvedImageOf(g), g.scalar('a2', 1)]),
    ],
  },
  {
    name: 'Transpose',
    ops: ['Transpose'],
    build: g => [
      g.node('Transpose', [convolvedImage(g), g.ints('p', [0, 3, 1, 2])]),
      g.node('Transpose', [cubeOf(g), g.ints('q', [0, 2, 1])]),
    ],
  },
  {
    name: 'ConcatV2',
    ops: ['ConcatV2'],
    build: g => {
      const map = convolvedImage(g);
      return [
        g.node('ConcatV2', [map, g.node('Relu', [map]), g.scalar('a', -1)]),
        g.node('ConcatV2', [map, 'Mul_2', g.scalar('b', 3)]),
        g.node('ConcatV2', [map, map, g.scalar('c', 1)]),
      ];
    },
  },
  {
    name: 'Concat',
    ops: ['Concat'],
    build: g => {
      const x = rows(g);
      return [g.node('Concat', [g.scalar('a', 1), x, g.node('Neg', [x])])];
    },
  },
  {
    name: 'Pack and Unpack',
    ops: ['Pack', 'Unpack'],
    build: g => {
      const x = cube(g);
      const parts = g.node('Unpack', [x], { axis: 1, num: 2 });
      return [g.node('Pack', [`${parts}:1`, parts], { axis: 2, N: 2 })];
    },
  },
  {
    name: 'Split',
    ops: ['Split'],
    build: g => {
      const parts = g.node('Split', [g.scalar('a', -1), image(g)], { num_split: 2 });
      const own = g.node('Split', [g.scalar('a2', 1), convolvedImageOf(g)], { num_split: 3 });
      return [parts, `${parts}:1`, `${own}:2`];
    },
  },
  {
    name: 'SplitV',
    ops: ['SplitV'],
    build: g => {
      const parts = g.node('SplitV', [rows(g), g.ints('s', [2, -1]), g.scalar('a', 1)], { num_split: 2 });
      return [parts, `${parts}:1`];
    },
  },
  {
    name: 'Slice',
    ops: ['Slice'],
    build: g => [g.node('Slice', [image(g), g.ints('b', [0, 1, 0, 1]), g.ints('s', [-1, 3, -1, 2])])],
  },
  {
    name: 'StridedSlice',
    ops: ['StridedSlice'],
    build: g => {
      const x = image(g);
      const cut = (
        name: string,
        begin: number[],
        end: number[],
        step: number[],
        masks: Record<string, number>,
      ): string =>
        g.node(
          'StridedSlice',
          [x, g.ints(`${name}b`, begin), g.ints(`${name}e`, end), g.ints(`${name}s`, step)],
          masks,
        );
      return [
        cut('a', [0, 1, 0], [0, -1, 2], [1, 2, 1], { begin_mask: 1, end_mask: 1 }),
        cut('b', [0, 0, 1], [0, 0, 2], [1, 1, 1], {
          ellipsis_mask: 2,
          begin_mask: 1,
          end_mask: 1,
          shrink_axis_mask: 4,
        }),
        cut('c', [0, 0, -1], [0, 0, 0], [1, 1, 1], {
          begin_mask: 1,
          end_mask: 1,
          new_axis_mask: 2,
          shrink_axis_mask: 4,
        }),
        cut('d', [0, -1], [0, 0], [1, -1], { begin_mask: 1, end_mask: 3 }),
      ];
    },
  },
  {
    name: 'StridedSlice of a table up to a length that the data decide',
    ops: ['StridedSlice', 'Shape'],
    build: g => {
      const x = g.node('Mul', [g.input('x', [null, 4, 3]), g.weight('w', [3])]);
      const y = g.node('Mul', [g.input('y', [null, null, 3]), g.weight('v', [3])]);
      const length = g.node(
        'StridedSlice',
        [g.node('Shape', [y]), g.ints('b', [1]), g.ints('e', [2]), g.ints('s', [1])],
        {},
      );
      const table = g.node(
        'StridedSlice',
        [g.weight('t', [7, 3]), g.ints('tb', [0]), length, g.ints('ts', [1])],
        { begin_mask: 1 },
      );
      return [g.node('AddV2', [y, table]), x];
    },
  },
  {
    name: 'Reverse',
    ops: ['Reverse', 'ReverseV2'],
    build: g => {
      const x = cube(g);
      return [
        g.node('ReverseV2', [x, g.ints('a', [1, 2])]),
        g.node('Reverse', [x, g.truths('b', [false, false, true])]),
      ];
    },
  },
  { name: 'Tile', ops: ['Tile'], build: g => [g.node('Tile', [cube(g), g.ints('m', [1, 2, 3])])] },
  {
    name: 'BroadcastTo',
    ops: ['BroadcastTo'],
    build: g => {
      const x = rows(g, 3);
      const y = g.node('ExpandDims', [x, g.scalar('a', 1)]);
      return [
        g.node('Mul', [
          g.node('BroadcastTo', [g.weight('t', [1, 3]), g.ints('s', [4, 3])]),
          g.node('Tile', [y, g.ints('m', [1, 4, 1])]),
        ]),
      ];
    },
  },
  {
    name: 'Fill',
    ops: ['Fill', 'Shape'],
    build: g => {
      const x = rows(g);
      return [g.node('Add', [x, g.node('Fill', [g.node('Shape', [x]), g.scalar('f', 2.5, 'float32')])])];
    },
  },
  {
    name: 'ZerosLike and OnesLike',
    ops: ['ZerosLike', 'OnesLike'],
    build: g => {
      const x = convolvedImage(g);
      return [g.node('Add', [g.node('ZerosLike', [x]), x]), g.node('Mul', [g.node('OnesLike', [x]), x])];
    },
  },
  {
    name: 'Rank, Size and Range',
    ops: ['Rank', 'Size', 'Range', 'Cast'],
    build: g => {
      const x = cube(g);
      const range = g.node('Range', [g.scalar('z', 0), g.node('Rank', [x]), g.scalar('one', 1)]);
      const numbers = g.node('Cast', [range], { SrcT: { type: 'DT_INT32' }, DstT: { type: 'DT_FLOAT' } });
      const size = g.node('Cast', [g.node('Size', [g.weight('t', [2, 5])])], { DstT: { type: 'DT_FLOAT' } });
      return [g.node('Mul', [g.node('Mul', [x, numbers]), size])];
    },
  },
  {
    name: 'OneHot',
    ops: ['OneHot', 'MatMul'],
    build: g => [
      g.node('MatMul', [
        g.node(
          'OneHot',
          [
            g.input('x', [null], 'DT_INT32'),
            g.scalar('d', 4),
            g.scalar('on', 2, 'float32'),
            g.scalar('off', -1, 'float32'),
          ],
          { axis: -1 },
        ),
        g.weight('w', [4, 3]),
      ]),
    ],
  },
  {
    name: 'Pad and PadV2',
    ops: ['Pad', 'PadV2'],
    build: g => {
      const map = convolvedImage(g);
      return [
        g.node('Pad', [map, g.ints('p', [0, 0, 1, 2, 0, 1, 0, 0], [4, 2])]),
        g.node('PadV2', [
          image2(g),
          g.ints('q', [0, 0, 1, 0, 0, 0, 2, 1], [4, 2]),
          g.scalar('v', 1.5, 'float32'),
        ]),
      ];
    },
  },
  {
    name: 'MirrorPad',
    ops: ['MirrorPad'],
    build: g => [
      g.node('MirrorPad', [convolvedImage(g), g.ints('p', [0, 0, 2, 1, 1, 1, 0, 0], [4, 2])], {
        mode: 'REFLECT',
      }),
    ],
    gradient: 'differences',
  },
  {
    name: 'GatherV2',
    ops: ['GatherV2', 'Gather'],
    build: g => [
      g.node('GatherV2', [g.weight('w', [5, 3]), g.input('x', [null, 4], 'DT_INT32'), g.scalar('a', 0)], {
        batch_dims: 0,
      }),
      g.node('GatherV2', [
        g.node('Gather', [g.weight('v', [5, 3]), 'x']),
        g.ints('i', [2, 0]),
        g.scalar('b', 2),
      ]),
    ],
  },
  {
    name: 'GatherNd',
    ops: ['GatherNd'],
    build: g => [g.node('GatherNd', [g.weight('w', [4, 3]), g.input('x', [null, 2, 1], 'DT_INT32')])],
  },
  {
    name: 'SpaceToBatchND and BatchToSpaceND',
    ops: ['SpaceToBatchND', 'BatchToSpaceND'],
    build: g => {
      const x = image(g, 4, 6, 5);
      const batch = g.node('SpaceToBatchND', [x, g.ints('b', [2, 2]), g.ints('p', [2, 2, 2, 3], [2, 2])]);
      const conv = g.node('Conv2D', [batch, g.weight('k', [3, 3, 4, 2])], {
        strides: [1, 1, 1, 1],
        padding: 'VALID',
      });
      return [g.node('BatchToSpaceND', [conv, g.ints('b2', [2, 2]), g.ints('c', [0, 0, 0, 1], [2, 2])])];
    },
  },
  {
    name: 'DepthToSpace',
    ops: ['DepthToSpace'],
    build: g => [g.node('DepthToSpace', [image(g, 8)], { block_size: 2, data_format: 'NHWC' })],
    gradient: 'differences',
  },
];

export const rearranging: readonly OperatorCase[] = [...reductions, ...shapes];
