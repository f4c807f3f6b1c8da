// What ONNX Runtime computes in float64, tried out; and the operators that are written in others, against float64 formulas.
import assert from 'node:assert/strict';
import { withDoubleKernel, withoutDouble } from '../../src/onnx/doubleKernels';
import { substituted } from '../../src/onnx/doubleSubstitutes';
import type { OnnxNode } from '../../src/onnx/model';
import { internalOpset } from '../../src/onnx/upgrade';
import { Session, feed } from '../../src/runtime/session';
import { floats, int64, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { node } from '../autodiff/harness';

/** Runs one node on named inputs in float64; as it is where `float` is left out. */
async function run(
  one: OnnxNode,
  inputs: Readonly<Record<string, Tensor>>,
  opset = internalOpset,
  float?: 'float64',
): Promise<Tensor> {
  const session = await Session.create(
    {
      nodes: [one],
      constants: new Map(),
      inputs: Object.entries(inputs).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
      outputs: [{ name: one.outputs[0]!, dtype: 'float32', dims: null, typed: false }],
      opsets: new Map([['', opset]]),
      ...(float && { float }),
    },
    { threads: 1 },
    one.opType,
  );
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, feed(tensor)]));
    const result = (await session.run(feeds))[one.outputs[0]!]!;
    return { dtype: result.type as Tensor['dtype'], dims: result.dims, data: result.data as Tensor['data'] };
  } finally {
    await session.close();
  }
}

const line = (values: readonly number[]): Tensor => floats('float64', [values.length], values);
const square = floats('float64', [2, 2], [0.5, 1.5, 2.5, 3.5]);
const image = floats(
  'float64',
  [1, 4, 2, 2],
  Array.from({ length: 16 }, (_, index) => 0.1 * index),
);
const four = floats('float64', [4], [1, 2, 3, 4]);
const flags: Tensor = { dtype: 'bool', dims: [2], data: Uint8Array.of(1, 0) };
const places = int64([1, 2], [0, 1]);

/** What each operator is tried on that takes another thing than one or two matrices. */
const settings: Readonly<Record<string, [Readonly<Record<string, Tensor>>, Parameters<typeof node>[3]?]>> = {
  And: [{ a: flags, b: flags }],
  BatchNormalization: [{ x: image, s: four, b: four, m: four, v: four }],
  Cast: [{ x: square }, { to: 11 }],
  CenterCropPad: [{ x: square, s: int64([2], [2, 2]) }],
  Clip: [{ x: square, low: floats('float64', [], [1]), high: floats('float64', [], [2]) }],
  Compress: [{ x: square, c: flags }, { axis: 0 }],
  Concat: [{ a: square, b: square }, { axis: 0 }],
  ConstantOfShape: [
    { s: int64([1], [2]) },
    { value: { type: 'tensor', value: floats('float64', [1], [0.5]) } },
  ],
  CumSum: [{ x: square, a: int64([], [1]) }],
  DepthToSpace: [{ x: image }, { blocksize: 2 }],
  Einsum: [{ a: square, b: square }, { equation: 'ij,jk->ik' }],
  Expand: [{ x: square, s: int64([3], [2, 2, 2]) }],
  Gather: [{ x: square, i: int64([1], [1]) }],
  GatherElements: [{ x: square, i: places }],
  GatherND: [{ x: square, i: places }],
  GridSample: [{ x: image, g: floats('float64', [1, 2, 2, 2], [0, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) }],
  GroupNormalization: [{ x: image, s: four, b: four }, { num_groups: 2 }],
  LayerNormalization: [{ x: square, s: line([1, 2]), b: line([1, 2]) }],
  MaxPool: [{ x: image }, { kernel_shape: [2, 2] }],
  Mod: [{ a: square, b: square }, { fmod: 1 }],
  Not: [{ a: flags }],
  Or: [{ a: flags, b: flags }],
  Pad: [{ x: square, p: int64([4], [1, 0, 0, 1]) }, { mode: 'reflect' }],
  Range: [{ a: floats('float64', [], [0]), b: floats('float64', [], [2]), c: floats('float64', [], [0.5]) }],
  Reshape: [{ x: square, s: int64([1], [4]) }],
  ReverseSequence: [{ x: square, l: int64([2], [1, 2]) }],
  ScatterElements: [{ x: square, i: places, u: floats('float64', [1, 2], [7, 8]) }, { reduction: 'add' }],
  ScatterND: [{ x: square, i: places, u: line([7]) }, { reduction: 'add' }],
  Slice: [{ x: square, s: int64([1], [1]), e: int64([1], [-3]), a: int64([1], [0]), d: int64([1], [-1]) }],
  SpaceToDepth: [{ x: image }, { blocksize: 2 }],
  Split: [{ x: square }, { num_outputs: 2 }],
  Squeeze: [{ x: floats('float64', [1, 2], [1, 2]) }],
  Tile: [{ x: square, r: int64([2], [1, 2]) }],
  TopK: [{ x: square, k: int64([1], [1]) }],
  Unsqueeze: [{ x: square, a: int64([1], [0]) }],
  Where: [{ c: { dtype: 'bool', dims: [2, 2], data: Uint8Array.of(1, 0, 0, 1) }, a: square, b: square }],
  Xor: [{ a: flags, b: flags }],
};
const two = [
  'Add',
  'CastLike',
  'Div',
  'Equal',
  'Gemm',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
].concat(['MatMul', 'Max', 'Min', 'Mul', 'Pow', 'Sub', 'Sum']);
/** Without a kernel of their own to try: they become initializers, or run the nodes inside. */
const withoutKernel = ['Constant', 'If', 'Loop', 'Scan'];

describe('operators in float64', () => {
  for (const opset of [22, 23, 24])
    it(`have the kernels that are listed, opset ${opset}`, async () => {
      for (const opType of withDoubleKernel) {
        if (withoutKernel.includes(opType)) continue;
        const [inputs, attributes] = settings[opType] ?? [
          two.includes(opType) ? { a: square, b: square } : { x: square },
        ];
        const outputs = ['TopK', 'Split'].includes(opType) ? ['y', 'z'] : ['y'];
        await run(node(opType, Object.keys(inputs), outputs, attributes), inputs, opset);
      }
    });

  it('are written in others only where they have no kernel', async () => {
    for (const opType of substituted) {
      const [inputs, attributes] = cases[opType] ?? assert.fail(`${opType} has no case`);
      const one = node(opType, Object.keys(inputs), ['y'], attributes);
      await assert.rejects(
        run(one, inputs),
        /Could not find an implementation|invalid model|INVALID_GRAPH/i,
        opType,
      );
    }
  });

  for (const opType of substituted)
    it(`${opType} written in others gives all digits`, async () => {
      const [inputs, attributes, formula] = cases[opType]!;
      const found = await run(
        node(opType, Object.keys(inputs), ['y'], attributes),
        inputs,
        internalOpset,
        'float64',
      );
      const got = toFloat64(found);
      const want = formula(...Object.values(inputs).map(toFloat64));
      assert.equal(got.length, want.length);
      want.forEach((value, index) => {
        const error = Math.abs(got[index]! - value);
        const at = toFloat64(Object.values(inputs)[0]!)[index];
        assert.ok(
          error <= 4e-15 * Math.max(Math.abs(value), floor),
          `at ${at}: ${got[index]}, expected ${value}`,
        );
      });
    });

  it('name the node that cannot be computed, in sub-graphs too', () => {
    const conv = node('Conv', ['x', 'w'], ['y']);
    const inner = {
      name: 'g',
      nodes: [conv],
      inputs: [],
      outputs: [],
      initializers: new Map(),
      valueInfo: [],
    };
    const branch = node('If', ['c'], ['y'], { then_branch: { type: 'graph', value: inner } });
    assert.equal(withoutDouble([node('Relu', ['x'], ['r']), branch]), conv);
    assert.equal(withoutDouble([node('Relu', ['x'], ['r']), node('Erf', ['r'], ['y'])]), undefined);
    const foreign = { ...node('Relu', ['x'], ['r']), domain: 'com.example' };
    assert.equal(withoutDouble([foreign]), foreign);
  });
});

/** Errors count relative to the value, or to this where that is smaller. */
const floor = 1e-10;

type Formula = (
  ...inputs: Float64Array[]
) => ArrayLike<number> & { forEach(action: (value: number, index: number) => void): void };

const both =
  (f: (x: number) => number): Formula =>
  x =>
    x.map(f);
const spread = [
  -700, -20, -6.5, -3, -1.5, -0.75, -0.5, -0.49, -1e-3, -1e-9, 0, 1e-9, 1e-3, 0.3, 0.5, 0.9, 2, 4, 5.9, 30,
  600,
];
const moderate = spread.filter(value => Math.abs(value) <= 30);
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const hard = (x: number, alpha: number, beta: number): number => Math.min(1, Math.max(0, alpha * x + beta));

/** erf by its series, with enough terms for |x| up to 3, and 1 − erfc by its continued fraction beyond. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    // All terms of e^(−z²) Σ 2^n z^(2n+1) / (2n+1)!! are positive: nothing cancels.
    let [sum, term] = [0, z];
    for (let n = 0; n < 200; n++) {
      sum += term;
      term *= (2 * z * z) / (2 * n + 3);
    }
    return (Math.sign(x) * 2 * Math.exp(-z * z) * sum) / Math.sqrt(Math.PI);
  }
  let tail = 0;
  for (let n = 200; n > 0; n--) tail = n / 2 / (z + tail);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (z + tail) / Math.sqrt(Math.PI));
}

/** 1 + erf(x) without cancellation. */
function onePlusErf(x: number): number {
  if (x > -1.5) return 1 + erf(x);
  let tail = 0;
  for (let n = 2000; n > 0; n--) tail = n / 2 / (-x + tail);
  return Math.exp(-x * x) / (-x + tail) / Math.sqrt(Math.PI);
}

/** Inputs, attributes and the formula of every operator that is written in others. */
const cases: Readonly<
  Record<string, [Readonly<Record<string, Tensor>>, Parameters<typeof node>[3], Formula]>
> = {
  Acosh: [{ x: line([1, 1.5, 2, 30]) }, {}, both(Math.acosh)],
  Asinh: [{ x: line(moderate) }, {}, both(Math.asinh)],
  Atanh: [{ x: line(moderate.filter(value => Math.abs(value) < 1)) }, {}, both(Math.atanh)],
  Celu: [
    { x: line(spread) },
    { alpha: { float: 0.75 } },
    both(x => (x > 0 ? x : 0.75 * Math.expm1(x / 0.75))),
  ],
  Cosh: [{ x: line(spread) }, {}, both(Math.cosh)],
  Elu: [{ x: line(spread) }, { alpha: { float: 0.5 } }, both(x => (x > 0 ? x : 0.5 * Math.expm1(x)))],
  Erf: [{ x: line(spread) }, {}, both(erf)],
  Gelu: [{ x: line(moderate) }, {}, both(x => 0.5 * x * onePlusErf(x * Math.SQRT1_2))],
  HardSigmoid: [
    { x: line(spread) },
    { alpha: { float: 0.125 }, beta: { float: 0.25 } },
    both(x => hard(x, 0.125, 0.25)),
  ],
  HardSwish: [{ x: line(spread) }, {}, both(x => x * hard(x, 1 / 6, 0.5))],
  LeakyRelu: [{ x: line(spread) }, { alpha: { float: 0.125 } }, both(x => (x < 0 ? 0.125 * x : x))],
  Mean: [
    { a: line([1, 2]), b: line([4, 8]), c: line([0.5, 0.25]) },
    {},
    (a, b, c) => a!.map((value, index) => (value + b![index]! + c![index]!) / 3),
  ],
  Mish: [{ x: line(spread) }, {}, both(x => x * Math.tanh(softplus(x)))],
  NonZero: [{ x: line([0, 0.5, 0, -1e-300]) }, {}, () => [1, 3]],
  OneHot: [
    { i: int64([2], [2, 0]), d: int64([], [3]), v: line([0.1, 0.7]) },
    {},
    () => [0.1, 0.1, 0.7, 0.7, 0.1, 0.1],
  ],
  PRelu: [
    { x: line([-2, -0.5, 0, 3]), s: floats('float64', [1], [0.3]) },
    {},
    x => x!.map(value => (value < 0 ? 0.3 * value : value)),
  ],
  Selu: [
    { x: line(spread) },
    { alpha: { float: 1.5 }, gamma: { float: 1.25 } },
    both(x => 1.25 * (x > 0 ? x : 1.5 * Math.expm1(x))),
  ],
  Sinh: [{ x: line(spread) }, {}, both(Math.sinh)],
  Softplus: [{ x: line(spread) }, {}, both(softplus)],
  Softsign: [{ x: line(spread) }, {}, both(x => x / (1 + Math.abs(x)))],
  Tan: [{ x: line([-1.2, -0.5, 0, 0.001, 1.5]) }, {}, both(Math.tan)],
  ThresholdedRelu: [{ x: line(spread) }, { alpha: { float: 0.75 } }, both(x => (x > 0.75 ? x : 0))],
};
