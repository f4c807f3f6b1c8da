// Per-sample gradients: one pass over a batch gives what running every sample alone gives.
import assert from 'node:assert/strict';
import { dependentValues } from '../../src/autodiff/activity';
import {
  appendBackward,
  appendPerSampleBackward,
  explicitValue,
  type PerSampleGradient,
} from '../../src/autodiff/backward';
import type { OnnxNode } from '../../src/onnx/model';
import { Session, type RuntimeTensor } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import { elementCount, float32, int64, type Tensor } from '../../src/tensor/tensor';
import { builderOf, exposing, feeds, near, node, norm, normals, prepare } from './harness';

/** A small model: nodes, one data input x with the samples on some axis, parameters, constants. */
interface Model {
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
  /** Parameters whose gradient must be left to single runs. */
  readonly remaining?: readonly string[];
  readonly samples?: number;
}

interface Pass {
  readonly batch: Float32Array;
  readonly rows: Float32Array;
}

const cotangentName = 'seed';

/** The gradients of a batch, and the per-sample ones (none asked for when `factors` is undefined). */
async function passes(
  model: Model,
  values: Readonly<Record<string, Tensor>>,
  cotangent: Tensor,
  factors: boolean | undefined,
): Promise<{
  found: Map<string, Partial<Pass>>;
  kinds: Map<string, PerSampleGradient['kind']>;
  remaining: readonly string[];
}> {
  const shared = {
    title: '',
    nodes: model.nodes,
    constants: model.constants ?? {},
    output: 'y',
    differences: 'exact',
  } as const;
  const batch = values['x']!.dims[0]!;
  const parts = prepare({ ...shared, args: values });
  const targets = Object.keys(model.parameters);
  const forward = await exposing(parts);
  const at = async (samples: number): Promise<Readonly<Record<string, RuntimeTensor>>> =>
    forward.run(feeds({ ...values, x: dataOf(model, samples, new Random(5)) }));
  const [two, three, here] = [await at(2), await at(3), await forward.run(feeds(values))];
  await forward.close();
  const builder = builderOf(parts, { ...values, ...here });
  builder.declare(cotangentName, cotangent.dims);
  const outputs: { name: string; dims: readonly number[] }[] = [];
  const expose = (value: string): string => {
    const name = builder.op('Identity', [value], builder.dims(value));
    outputs.push({ name, dims: builder.dims(value) });
    return name;
  };
  const request = { builder, nodes: parts.nodes, seeds: new Map([['y', cotangentName]]), targets };
  const sums = new Map([...appendBackward(request)].map(([name, value]) => [name, expose(value)]));
  const rows = new Map<string, string>();
  const kinds = new Map<string, PerSampleGradient['kind']>();
  let remaining: readonly string[] = [];
  if (factors !== undefined) {
    const result = appendPerSampleBackward({
      ...request,
      factors,
      facts: {
        samples: batch,
        dependsOnData: dependentValues(parts.nodes, ['x']),
        batchFirst: name => {
          if (name === 'x') return true;
          const [a, b] = [two[name]!.dims, three[name]!.dims];
          return a[0] === 2 && b[0] === 3 && a.slice(1).join() === b.slice(1).join();
        },
      },
    });
    remaining = result.remaining;
    for (const [name, gradient] of result.gradients) {
      kinds.set(name, gradient.kind);
      const value = explicitValue(builder, name, gradient);
      assert.deepEqual(builder.dims(value), [batch, ...model.parameters[name]!], name);
      rows.set(name, expose(value));
    }
  }
  const session = await Session.create(
    {
      ...parts,
      nodes: builder.nodes,
      constants: builder.constants,
      inputs: [...parts.inputs, { name: cotangentName, dtype: 'float32', dims: cotangent.dims }],
      outputs: outputs.map(({ name, dims }) => ({ name, dtype: 'float32', dims })),
    },
    { threads: 2, optimise: factors === true },
    'a per-sample case',
  );
  const outcome = await session.run(feeds({ ...values, [cotangentName]: cotangent }));
  await session.close();
  const found = new Map<string, Partial<Pass>>();
  for (const name of targets) {
    const [sum, row] = [sums.get(name), rows.get(name)];
    found.set(name, {
      ...(sum ? { batch: outcome[sum]!.data as Float32Array } : {}),
      ...(row ? { rows: outcome[row]!.data as Float32Array } : {}),
    });
  }
  return { found, kinds, remaining };
}

function dataOf(model: Model, samples: number, random: Random): Tensor {
  const dims = [samples, ...model.sample];
  if (model.indices === undefined) return normals(random, dims);
  return int64(
    dims,
    Array.from({ length: elementCount(dims) }, () => random.integer(model.indices!)),
  );
}

/** Rows of a tensor, from axis 0. */
function row(tensor: Tensor, sample: number): Tensor {
  const stride = tensor.data.length / tensor.dims[0]!;
  return {
    dtype: tensor.dtype,
    dims: [1, ...tensor.dims.slice(1)],
    data: tensor.data.slice(sample * stride, (sample + 1) * stride),
  };
}

async function check(model: Model): Promise<void> {
  const random = new Random(11);
  const samples = model.samples ?? 4;
  const parameters = Object.fromEntries(
    Object.entries(model.parameters).map(([name, dims]) => [name, normals(random, dims)]),
  );
  const x = dataOf(model, samples, random);
  const forward = await exposing(
    prepare({
      title: '',
      nodes: model.nodes,
      constants: model.constants ?? {},
      output: 'y',
      differences: 'exact',
      args: { ...parameters, x },
    }),
  );
  const y = (await forward.run(feeds({ ...parameters, x })))['y']!;
  await forward.close();
  const cotangent = normals(random, y.dims);
  const single: Map<string, Partial<Pass>>[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const seed =
      y.dims[0] === samples ? row(cotangent, sample) : float32(y.dims, cotangent.data as Float32Array);
    single.push((await passes(model, { ...parameters, x: row(x, sample) }, seed, undefined)).found);
  }
  for (const factors of [true, false]) {
    const { found, kinds, remaining } = await passes(model, { ...parameters, x }, cotangent, factors);
    assert.deepEqual([...remaining].sort(), [...(model.remaining ?? [])].sort(), 'left to single runs');
    for (const [name, dims] of Object.entries(model.parameters)) {
      if (remaining.includes(name)) continue;
      const isOuter = factors && (model.outer ?? []).includes(name);
      assert.equal(kinds.get(name), isOuter ? 'outer' : 'explicit', `${name}, factors ${factors}`);
      const { batch, rows } = found.get(name) as Pass;
      const size = elementCount(dims);
      const sum = new Float64Array(size);
      for (let sample = 0; sample < samples; sample++) {
        const alone = single[sample]!.get(name)!.batch!;
        const together = rows.subarray(sample * size, (sample + 1) * size);
        assert.ok(norm(alone) > 0, `${name} has no gradient for sample ${sample}`);
        near(
          norm(alone.map((value, index) => value - together[index]!)),
          0,
          2e-5 * norm(alone),
          `${name}, sample ${sample}`,
        );
        together.forEach((value, index) => (sum[index]! += value));
      }
      near(norm(sum.map((value, index) => value - batch[index]!)), 0, 2e-5 * norm(batch), `${name}, the sum`);
    }
  }
}

const shape = (...dims: number[]): Tensor => int64([dims.length], dims);

const models: Readonly<Record<string, Model>> = {
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
};

describe('per-sample gradients', () => {
  for (const [title, model] of Object.entries(models)) it(title, () => check(model));
});
