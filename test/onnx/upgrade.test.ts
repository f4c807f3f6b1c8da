// Graphs of older opsets give the same numbers once they are brought to the internal one.
import assert from 'node:assert/strict';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { emitModel } from '../../src/onnx/emit';
import { ModelError } from '../../src/onnx/errors';
import type { Attribute, Graph, OnnxNode } from '../../src/onnx/model';
import { computedType, internalOpset, materialise, upgradeGraph } from '../../src/onnx/upgrade';
import { isFloating, type DType } from '../../src/tensor/dtype';
import { castTensor, float32, int64, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { Random } from '../../src/tensor/random';
import { modelOf, node, normals } from '../autodiff/harness';

interface Old {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  /** Outputs and their types (float32 unless given). */
  readonly outputs?: Readonly<Record<string, DType>>;
  /** The node that gives the same numbers as the upgraded graph, where the original would train. */
  readonly instead?: readonly OnnxNode[];
}

async function run(
  graph: Graph,
  opsets: ReadonlyMap<string, number>,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const bytes = emitModel(graph, { opsets, irVersion: 8 });
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
  });
  const outcome = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, { dtype, data, dims }]) => [
        name,
        new OrtTensor(dtype as 'float32', data as Float32Array, dims),
      ]),
    ),
  );
  const results = Object.fromEntries(
    Object.entries(outcome).map(([name, { type, dims, data }]) => {
      const view = data as unknown as Uint8Array;
      // Node's own Float16Array, where there is one, is taken for its bits.
      const plain = type === 'float16' ? new Uint16Array(view.buffer, view.byteOffset, view.length) : data;
      return [name, { dtype: type as DType, dims, data: plain as Tensor['data'] }];
    }),
  );
  await session.release();
  return results;
}

/** Runs a model as it is and upgraded, and compares every output. */
async function compare(old: Old, opset: number, tolerance = 1e-6): Promise<void> {
  const declared = (tensors: Readonly<Record<string, { dtype: DType }>>): Graph['inputs'] =>
    Object.entries(tensors).map(([name, { dtype }]) => ({ name, dtype, dims: null }));
  const outputs = Object.fromEntries(
    Object.entries(old.outputs ?? { y: 'float32' as const }).map(([name, dtype]) => [name, { dtype }]),
  );
  const model = modelOf(old.nodes, opset, {
    inputs: declared(old.inputs),
    outputs: declared(outputs),
    initializers: new Map(Object.entries(old.initializers ?? {})),
  });
  const original = await run({ ...model.graph, nodes: old.instead ?? old.nodes }, model.opsets, old.inputs);
  const { graph, opsets } = upgradeGraph(model);
  assert.equal(opsets.get(''), Math.max(opset, internalOpset));
  assert.ok(graph.nodes.every(one => one.opType !== 'Constant'));
  const widened = (tensor: Tensor): Tensor => castTensor(tensor, computedType(tensor.dtype));
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [name, widened(materialise(tensor))]),
  );
  const inputs = Object.fromEntries(
    Object.entries(old.inputs).map(([name, tensor]) => [name, widened(tensor)]),
  );
  const upgraded = await run({ ...graph, initializers }, opsets, inputs);
  assert.deepEqual(Object.keys(upgraded).sort(), Object.keys(original).sort());
  for (const [name, expected] of Object.entries(original)) {
    const found = upgraded[name]!;
    assert.deepEqual(found.dims, expected.dims, name);
    if (isFloating(expected.dtype)) assert.equal(found.dtype, 'float32');
    const [a, b] = [toFloat64(found), toFloat64(expected)];
    assert.ok(a.length > 0);
    b.forEach((value, index) => {
      const bound = tolerance * Math.max(1, Math.abs(value));
      assert.ok(Math.abs(a[index]! - value) <= bound, `${name}[${index}] is ${a[index]}, not ${value}`);
    });
  }
}

const random = new Random(9);
const x234 = normals(random, [2, 3, 4]);
const x2345 = normals(random, [2, 3, 4, 5]);
const image = normals(random, [2, 3, 6, 5]);
const tensorOf = (value: Tensor): Attribute => ({ type: 'tensor', value });
const floats = (...value: number[]): Attribute => ({ type: 'floats', value });
const one = (
  opType: string,
  attributes: Parameters<typeof node>[3],
  inputs: string[] = ['x'],
): OnnxNode[] => [node(opType, inputs, ['y'], attributes)];
const axesOf = (...values: number[]): Record<string, Tensor> => ({ axes: int64([values.length], values) });
const channel = (low: number): Tensor => float32([3], [low, low + 0.5, low + 0.9]);
const statistics = { s: channel(0.4), b: channel(-1), m: channel(-0.3), v: channel(0.2) };
const batchNorm = (attributes: Parameters<typeof node>[3], outputs = ['y']): OnnxNode[] => [
  node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], outputs, attributes),
];

/** Title, opsets, model, tolerance. */
const cases: readonly (readonly [string, readonly number[], Old, number?])[] = [
  [
    'Split into equal parts',
    [7, 11, 13],
    {
      nodes: [node('Split', ['x'], ['p', 'q'], { axis: 2 }), node('Mul', ['p', 'q'], ['y'])],
      inputs: { x: x234 },
    },
  ],
  [
    'GroupNormalization with a scale a group',
    [18, 20],
    {
      nodes: one('GroupNormalization', { num_groups: 2 }, ['x', 's', 'b']),
      inputs: { x: normals(random, [2, 4, 3]), s: float32([2], [0.5, 2]), b: float32([2], [1, -1]) },
    },
  ],
  [
    'GroupNormalization with a scale a channel',
    [21],
    {
      nodes: one('GroupNormalization', { num_groups: 2 }, ['x', 's', 'b']),
      inputs: { x: normals(random, [2, 4, 3]), s: normals(random, [4]), b: normals(random, [4]) },
    },
  ],
  ...[-1, 1, -2].map(
    axis =>
      [
        `mean and inverse deviation of LayerNormalization from axis ${axis}`,
        [17],
        {
          nodes: [node('LayerNormalization', ['x', 's'], ['y', 'm', 'i'], { axis })],
          inputs: { x: x234 },
          initializers: { s: normals(random, axis === -1 ? [4] : [3, 4]) },
          outputs: { y: 'float32', m: 'float32', i: 'float32' },
        },
        1e-5,
      ] as const,
  ),
  [
    'RMSNormalization',
    [23],
    {
      nodes: one('RMSNormalization', { axis: 1, epsilon: { float: 0.01 } }, ['x', 's']),
      inputs: { x: x234 },
      initializers: { s: normals(random, [3, 4]) },
    },
    1e-5,
  ],
  ['Swish', [24], { nodes: one('Swish', { alpha: { float: 1.7 } }), inputs: { x: x234 } }, 1e-5],
  ...[1, 2].map(
    p =>
      [
        `GlobalLpPool with p ${p}`,
        [7, 13],
        { nodes: one('GlobalLpPool', { p }), inputs: { x: x2345 } },
        1e-5,
      ] as const,
  ),
  [
    'GRU with the batch first',
    [14],
    {
      nodes: [node('GRU', ['x', 'w', 'r', '', '', 'h'], ['y', 'last'], { hidden_size: 2, layout: 1 })],
      instead: [
        node('Transpose', ['x'], ['xt'], { perm: [1, 0, 2] }),
        node('Transpose', ['h'], ['ht'], { perm: [1, 0, 2] }),
        node('GRU', ['xt', 'w', 'r', '', '', 'ht'], ['yt', 'lt'], { hidden_size: 2 }),
        node('Transpose', ['yt'], ['y'], { perm: [2, 0, 1, 3] }),
        node('Transpose', ['lt'], ['last'], { perm: [1, 0, 2] }),
      ],
      inputs: { x: x234, h: normals(random, [2, 1, 2]) },
      initializers: { w: normals(random, [1, 6, 4]), r: normals(random, [1, 6, 2]) },
      outputs: { y: 'float32', last: 'float32' },
    },
  ],
  [
    'CastLike another floating value',
    [15, 19],
    { nodes: [node('CastLike', ['x', 't'], ['y'])], inputs: { x: x234, t: float32([1], [0]) } },
  ],
  [
    'CastLike an integer',
    [15, 19],
    {
      nodes: [node('CastLike', ['x', 't'], ['y'])],
      inputs: { x: x234, t: int64([1], [0]) },
      outputs: { y: 'int64' },
    },
  ],
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap(opType =>
    [undefined, 0, 1, 2, 3].map(
      axis =>
        [
          `${opType} along ${axis ?? 'the default axis'}`,
          [7, 11, 12, 13, 17],
          { nodes: one(opType, { axis }), inputs: { x: x2345 } },
        ] as const,
    ),
  ),
  ...[-1, -2, -4].map(
    axis =>
      [
        `Softmax along ${axis}`,
        [11, 12, 13],
        { nodes: one('Softmax', { axis }), inputs: { x: x2345 } },
      ] as const,
  ),
  [
    'Squeeze by attribute',
    [7, 9, 11, 12],
    {
      nodes: [node('Unsqueeze', ['x'], ['h'], { axes: [0, 2] }), ...one('Squeeze', { axes: [2] }, ['h'])],
      inputs: { x: x234 },
    },
  ],
  [
    'Squeeze of every axis of size 1',
    [7, 12, 13],
    { nodes: one('Squeeze', {}), inputs: { x: normals(random, [2, 1, 3, 1]) } },
  ],
  [
    'Unsqueeze by attribute, from the end',
    [11, 12],
    { nodes: one('Unsqueeze', { axes: [-1, 1] }), inputs: { x: x234 } },
  ],
  [
    'Squeeze by input',
    [13, 17],
    {
      nodes: one('Squeeze', {}, ['x', 'axes']),
      inputs: { x: normals(random, [2, 1, 3]) },
      initializers: axesOf(1),
    },
  ],
  [
    'ReduceSum by attribute',
    [7, 9, 11, 12],
    { nodes: one('ReduceSum', { axes: [0, 2], keepdims: 0 }), inputs: { x: x234 } },
  ],
  ['ReduceSum of everything', [7, 12, 13], { nodes: one('ReduceSum', {}), inputs: { x: x234 } }],
  [
    'ReduceSum by input',
    [13, 17],
    { nodes: one('ReduceSum', {}, ['x', 'axes']), inputs: { x: x234 }, initializers: axesOf(1) },
  ],
  ...[
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
  ].map(
    opType =>
      [
        `${opType} by attribute`,
        [7, 11, 13, 17],
        { nodes: one(opType, { axes: [1], keepdims: 1 }), inputs: { x: x234 } },
      ] as const,
  ),
  [
    'Clip by attributes',
    [7, 9],
    { nodes: one('Clip', { min: { float: -0.5 }, max: { float: 0.25 } }), inputs: { x: x234 } },
  ],
  ['Clip by one attribute', [7], { nodes: one('Clip', { max: { float: 0.25 } }), inputs: { x: x234 } }],
  [
    'Clip by inputs',
    [11, 12, 17],
    {
      nodes: one('Clip', {}, ['x', '', 'top']),
      inputs: { x: x234 },
      initializers: { top: float32([], [0.1]) },
    },
  ],
  [
    'Pad by attributes',
    [7, 9],
    { nodes: one('Pad', { pads: [0, 1, 0, 2, 0, 1], value: { float: 0.5 } }), inputs: { x: x234 } },
  ],
  [
    'Pad by reflection',
    [7, 9],
    { nodes: one('Pad', { pads: [0, 1, 1, 0, 1, 2], mode: 'reflect' }), inputs: { x: x234 } },
  ],
  [
    'Slice by attributes',
    [7, 9],
    { nodes: one('Slice', { starts: [0, -3], ends: [2, 2 ** 53], axes: [1, 2] }), inputs: { x: x234 } },
  ],
  [
    'Slice along the first axes',
    [7, 9],
    { nodes: one('Slice', { starts: [1, 0], ends: [2, -1] }), inputs: { x: x234 } },
  ],
  [
    'TopK by attribute',
    [7, 9],
    {
      nodes: [node('TopK', ['x'], ['y', 'i'], { k: 2, axis: 1 })],
      inputs: { x: x234 },
      outputs: { y: 'float32', i: 'int64' },
    },
  ],
  [
    'Split by attribute',
    [7, 11, 12],
    {
      nodes: [node('Split', ['x'], ['y', 'z'], { split: [1, 2], axis: 1 })],
      inputs: { x: x234 },
      outputs: { y: 'float32', z: 'float32' },
    },
  ],
  [
    'Split in equal parts',
    [7, 11, 13, 17],
    {
      nodes: [node('Split', ['x'], ['y', 'z'], { axis: 2 })],
      inputs: { x: x234 },
      outputs: { y: 'float32', z: 'float32' },
    },
  ],
  [
    'Dropout with its mask',
    [12, 13, 17],
    {
      nodes: [node('Dropout', ['x'], ['y', 'mask'])],
      inputs: { x: x234 },
      outputs: { y: 'float32', mask: 'bool' },
    },
  ],
  ['Dropout', [7, 9, 11], { nodes: one('Dropout', { ratio: { float: 0.3 } }), inputs: { x: x234 } }],
  [
    'Dropout that would train',
    [12, 17],
    {
      nodes: one('Dropout', {}, ['x', 'ratio', 'training']),
      instead: one('Dropout', {}),
      inputs: { x: x234 },
      initializers: {
        ratio: float32([], [0.5]),
        training: { dtype: 'bool', dims: [], data: Uint8Array.of(1) },
      },
    },
  ],
  [
    'BatchNormalization',
    [7, 9, 14, 15, 17],
    { nodes: batchNorm({ epsilon: { float: 0.01 } }), inputs: { x: image }, initializers: statistics },
  ],
  [
    'BatchNormalization that would train',
    [14, 17],
    {
      nodes: batchNorm({ training_mode: 1 }, ['y', 'mean', 'variance']),
      instead: batchNorm({}),
      inputs: { x: image },
      initializers: statistics,
    },
  ],
  ...['nearest', 'linear'].map(
    mode =>
      [
        `Upsample, ${mode}, by attribute`,
        [7],
        { nodes: one('Upsample', { mode, scales: floats(1, 1, 2, 3) }), inputs: { x: image } },
      ] as const,
  ),
  [
    'Upsample by input',
    [9],
    {
      nodes: one('Upsample', { mode: 'nearest' }, ['x', 'k']),
      inputs: { x: image },
      initializers: { k: float32([4], [1, 1, 2.5, 2]) },
    },
  ],
  ...['nearest', 'linear'].map(
    mode =>
      [
        `Resize without regions, ${mode}`,
        [10],
        {
          nodes: one('Resize', { mode }, ['x', 'k']),
          inputs: { x: image },
          initializers: { k: float32([4], [1, 1, 2, 1.5]) },
        },
      ] as const,
  ),
  [
    'Resize to sizes',
    [11, 13, 17],
    {
      nodes: one('Resize', { mode: 'linear' }, ['x', 'roi', 'k', 'sizes']),
      inputs: { x: image },
      initializers: { roi: float32([0], []), k: float32([0], []), sizes: int64([4], [2, 3, 9, 7]) },
    },
  ],
  [
    'Scatter',
    [9, 10],
    {
      nodes: one('Scatter', { axis: 1 }, ['x', 'at', 'u']),
      inputs: { x: normals(random, [2, 3]) },
      initializers: { at: int64([2, 1], [2, 0]), u: float32([2, 1], [7, 8]) },
    },
  ],
  ...(
    [
      ['a tensor', { value: tensorOf(float32([4], [1, 2, 3, 4])) }, [7, 11, 17]],
      ['a number', { value_float: { float: 2.5 } }, [12, 17]],
      ['numbers', { value_floats: floats(1, -2, 3, 4) }, [12, 17]],
    ] as const
  ).map(
    ([form, attributes, opsets]) =>
      [
        `Constant of ${form}`,
        opsets,
        {
          nodes: [node('Constant', [], ['k'], attributes), node('Mul', ['x', 'k'], ['y'])],
          inputs: { x: x234 },
        },
      ] as const,
  ),
  ...(
    [
      ['an integer', { value_int: 12 }],
      ['integers', { value_ints: [4, 6] }],
    ] as const
  ).map(
    ([form, attributes]) =>
      [
        `Constant of ${form}`,
        [12, 17],
        {
          nodes: [
            node('Constant', [], ['k'], attributes),
            node('Cast', ['k'], ['f'], { to: 1 }),
            node('ReduceSum', ['f'], ['s'], { keepdims: 0 }),
            node('Add', ['x', 's'], ['y']),
          ],
          inputs: { x: x234 },
        },
      ] as const,
  ),
  ...([1, 10, 11] as const).map(
    to =>
      [
        `Cast to type ${to} and back`,
        [9, 13, 19],
        {
          nodes: [node('Cast', ['x'], ['h'], { to }), ...one('Cast', { to: 1 }, ['h'])],
          inputs: { x: x234 },
        },
        1e-3,
      ] as const,
  ),
  ...([7, 9, 12, 13, 17] as const).map(
    opset =>
      [
        'a graph in half precision',
        [opset],
        {
          nodes: [
            node('Gemm', ['x', 'w', 'b'], ['h'], { transB: 1 }),
            node('Relu', ['h'], ['r']),
            node('Constant', [], ['k'], { value: tensorOf(castTensor(float32([1], [0.5]), 'float16')) }),
            node('Mul', ['r', 'k'], ['m']),
            node('Softmax', ['m'], ['y'], { axis: 1 }),
          ],
          inputs: { x: castTensor(normals(random, [2, 3]), 'float16') },
          initializers: {
            w: castTensor(normals(random, [4, 3]), 'float16'),
            b: castTensor(normals(random, [4]), 'float16'),
          },
          outputs: { y: 'float16' },
        },
        1e-3,
      ] as const,
  ),
  [
    'a graph in double precision',
    [9, 13, 17],
    {
      nodes: [
        node('Shape', ['x'], ['dims']),
        node('ConstantOfShape', ['dims'], ['ones'], {
          value: tensorOf(castTensor(float32([1], [1.5]), 'float64')),
        }),
        node('MatMul', ['x', 'w'], ['h']),
        node('Mul', ['x', 'ones'], ['o']),
        node('Sub', ['h', 'o'], ['y']),
      ],
      inputs: { x: castTensor(normals(random, [2, 3]), 'float64') },
      initializers: { w: castTensor(normals(random, [3, 3]), 'float64') },
      outputs: { y: 'float64' },
    },
  ],
];

describe('upgrading graphs', () => {
  for (const [title, opsets, old, tolerance] of cases)
    it(`${title} (opset ${opsets.join(', ')})`, async () => {
      for (const opset of opsets) await compare(old, opset, tolerance);
    });

  it('refuses what it cannot understand, naming file, node and remedy', () => {
    const model = modelOf(batchNorm({ spatial: 0 }), 7);
    assert.throws(
      () => upgradeGraph(model),
      (error: unknown) =>
        error instanceof ModelError &&
        /case\.onnx.*BatchNormalization \(node BatchNormalization\/y\).*spatial = 0.*Export the model again/.test(
          error.message,
        ),
    );
  });
});
