// Where gradients choose or collect: ties of MaxPool, repeated indices of Gather, operators without a rule.
import assert from 'node:assert/strict';
import { appendBackward } from '../../src/autodiff/backward';
import { appendForward } from '../../src/autodiff/forward';
import { DifferentiationError } from '../../src/autodiff/rule';
import { Session } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';
import { between, builderOf, exposing, feeds, near, node, normals, prepare, type Case } from './harness';

/** The gradient of ⟨u, y⟩ with respect to x, `repeats` times. */
async function gradientOf(test: Case, u: Tensor, repeats = 1): Promise<Float32Array[]> {
  const parts = prepare(test);
  const forward = await exposing(parts);
  const values = await forward.run(feeds(test.args));
  await forward.close();
  const builder = builderOf(parts, { ...test.args, ...values });
  builder.declare('seed', u.dims);
  const seeds = new Map([['y', 'seed']]);
  const found = appendBackward({ builder, nodes: parts.nodes, seeds, targets: ['x'] }).get('x')!;
  const session = await Session.create(
    {
      ...parts,
      nodes: builder.nodes,
      constants: builder.constants,
      inputs: [...parts.inputs, { name: 'seed', dtype: 'float32', dims: u.dims }],
      outputs: [{ name: found, dtype: 'float32', dims: builder.dims(found) }],
    },
    { threads: 2 },
    'a case of choices',
  );
  const results: Float32Array[] = [];
  for (let round = 0; round < repeats; round++) {
    const outcome = await session.run(feeds({ ...test.args, seed: u }));
    results.push(Float32Array.from(outcome[found]!.data as Float32Array));
  }
  await session.close();
  return results;
}

describe('choices of gradients', () => {
  for (const [form, attributes] of [
    ['tiling', { kernel_shape: [2, 2], strides: [2, 2] }],
    ['tiling with a remainder', { kernel_shape: [3, 2], strides: [3, 2] }],
    ['overlapping', { kernel_shape: [3, 3], strides: [1, 2] }],
    ['padded', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ] as const)
    it(`give a tie of ${form} windows to the element that ONNX Runtime names`, async () => {
      const random = new Random(21);
      for (const constant of [true, false]) {
        const dims = [2, 3, 7, 8];
        // One value everywhere, or few enough that most windows hold ties.
        const x = float32(
          dims,
          Float32Array.from({ length: 336 }, () => (constant ? 0.5 : between(random, -1, 1))),
        );
        const test: Case = {
          title: form,
          nodes: [node('MaxPool', ['x'], ['y', 'indices'], attributes)],
          args: { x },
          output: 'y',
          differences: 'piecewise',
        };
        const forward = await exposing(prepare(test));
        const { y, indices } = await forward.run(feeds(test.args));
        const picks = Array.from(indices!.data as BigInt64Array, Number);
        await forward.close();
        const u = normals(random, y!.dims);
        const expected = new Float32Array(x.data.length);
        picks.forEach((pick, at) => (expected[pick]! += (u.data as Float32Array)[at]!));
        const [found] = await gradientOf(test, u);
        expected.forEach((value, at) => near(found![at]!, value, 1e-5, `element ${at}`));
      }
    });

  it('lose none of many rows gathered from the same place, on every run', async () => {
    const random = new Random(22);
    const [rows, size, width] = [20000, 7, 16];
    const picks = Array.from({ length: rows }, () => random.integer(size));
    const test: Case = {
      title: 'repeated indices',
      nodes: [node('Gather', ['x', 'indices'], ['y'])],
      args: { x: normals(random, [size, width]) },
      constants: { indices: int64([rows], picks) },
      output: 'y',
      differences: 'exact',
    };
    // Small integers: their sums are exact in any order.
    const u = float32(
      [rows, width],
      Float32Array.from({ length: rows * width }, () => between(random, -3, 3)),
    );
    const expected = new Float32Array(size * width);
    picks.forEach((pick, row) => {
      for (let at = 0; at < width; at++)
        expected[pick * width + at]! += (u.data as Float32Array)[row * width + at]!;
    });
    for (const found of await gradientOf(test, u, 10)) assert.deepEqual(found, expected);
  });

  it('refuse products and extremes at places that repeat or come from the data', async () => {
    const test = (places: Case['constants'], given: Case['args']): Case => ({
      title: 'ScatterND',
      nodes: [node('ScatterND', ['x', 'places', 'u'], ['y'], { reduction: 'mul' })],
      opset: 18,
      args: { x: float32([3], [1, 2, 3]), u: float32([2], [4, 5]), ...given },
      ...(places ? { constants: places } : {}),
      output: 'y',
      differences: 'exact',
    });
    const places = int64([2, 1], [1, -2]);
    const cotangent = float32([3], [1, 1, 1]);
    await assert.rejects(gradientOf(test({ places }, {}), cotangent), /reduces by mul at places that repeat/);
    await assert.rejects(
      gradientOf(test(undefined, { places }), cotangent),
      /reduces by mul at places that depend on the data/,
    );
  });

  it('refuse operators without a rule, naming the node and the parameter', async () => {
    const test: Case = {
      title: 'Det',
      nodes: [node('Mul', ['x', 'x'], ['h']), { ...node('Det', ['h'], ['y']), name: 'odd one' }],
      args: { x: float32([2, 2], [1, 2, 3, 5]) },
      output: 'y',
      differences: 'smooth',
    };
    const refusal = (error: unknown): boolean =>
      error instanceof DifferentiationError && /Det \(node odd one\).*freeze/.test(error.message);
    await assert.rejects(
      gradientOf(test, float32([], [1])),
      error => refusal(error) && /parameter x/.test((error as Error).message),
    );
    const parts = prepare(test);
    const builder = builderOf(parts, {
      ...test.args,
      h: { dims: [2, 2] },
      y: { dims: [] },
      t: { dims: [2, 2] },
    });
    assert.throws(() => appendForward(builder, parts.nodes, new Map([['x', 't']]), ['y']), refusal);
  });
});
