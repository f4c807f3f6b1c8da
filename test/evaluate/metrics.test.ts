import assert from 'node:assert/strict';
import { evaluateModel } from '../../src/evaluate/metrics';
import type { BoundDataset } from '../../src/data/dataset';
import type { HeadLoss } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { LossError } from '../../src/runtime/loss';
import { CancelledError, LetheError } from '../../src/shared/errors';
import { elementCount, float32, int64, type Tensor } from '../../src/tensor/tensor';

type End = 'softmax' | 'log-softmax' | 'sigmoid' | null;

/** An engine whose first inputs are the logits of its outputs; an output that ends in an activation applies it. */
function echo(ends: Record<string, End>): Engine & { chunks: number[] } {
  const names = Object.keys(ends);
  const chunks: number[] = [];
  const sigmoid = (tensor: Tensor): Tensor =>
    float32(
      tensor.dims,
      Float32Array.from(tensor.data as Float32Array, value => 1 / (1 + Math.exp(-value))),
    );
  const fake = {
    chunks,
    model: { path: 'model.onnx', graph: { outputs: names.map(name => ({ name })) } },
    finalActivation: (name: string) => ends[name] ?? null,
    predict: async (_: unknown, inputs: readonly Tensor[], options?: { logits?: boolean }) => {
      chunks.push(inputs[0]!.dims[0]!);
      return names.map((name, place) =>
        options?.logits || ends[name] === null ? inputs[place]! : sigmoid(inputs[place]!),
      );
    },
  };
  return fake as unknown as Engine & { chunks: number[] };
}

/** A dataset held in memory. */
function dataset(path: string, inputs: Tensor[], labels: Tensor[]): BoundDataset {
  const size = inputs[0]!.dims[0]!;
  const pick = (tensor: Tensor, indices: readonly number[]): Tensor => {
    const inner = elementCount(tensor.dims.slice(1));
    const data = tensor.data.slice(0, 0).constructor as new (values: unknown[]) => Tensor['data'];
    const values = indices.flatMap(index => [...tensor.data.subarray(index * inner, (index + 1) * inner)]);
    return { dtype: tensor.dtype, dims: [indices.length, ...tensor.dims.slice(1)], data: new data(values) };
  };
  const read = async (indices: readonly number[]): ReturnType<BoundDataset['read']> => {
    return { inputs: inputs.map(x => pick(x, indices)), labels: labels.map(y => pick(y, indices)) };
  };
  return { dataset: { path } as BoundDataset['dataset'], size, warnings: [], read };
}

const head = (output: string, loss: HeadLoss['loss'], weight = 1): HeadLoss => ({ output, loss, weight });
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const near = (got: number, want: number): void =>
  assert.ok(Math.abs(got - want) < 1e-6, `${got} is not ${want}`);

describe('evaluateModel', () => {
  it('gives loss, accuracy and both AUCs of a classifier', async () => {
    const z = [4, 0, 0, 3, 2, 0, 0, 1, 1, 0];
    const train = dataset('train.npz', [float32([5, 2], z)], [int64([5], [0, 1, 1, 1, 0])]);
    const test = dataset('test.npz', [float32([3, 2], [2, 0, 0, 1, 3, 0])], [int64([3], [0, 0, 0])]);
    const data = { train, retained: [0, 1, 4], forgotten: [2, 3], test };
    const got = await evaluateModel(echo({ logits: null }), new Map(), data, [
      head('logits', 'cross-entropy'),
    ]);
    assert.deepEqual([got.retain.count, got.forget.count, got.test?.count], [3, 2, 3]);
    assert.deepEqual([got.retain.accuracy, got.forget.accuracy, got.test?.accuracy], [1, 0.5, 2 / 3]);
    near(got.retain.loss, (softplus(-4) + softplus(-3) + softplus(-1)) / 3);
    near(got.forget.loss, (softplus(2) + softplus(-1)) / 2);
    // Losses by margin: forgotten -2 and 1, test 2, -1 and 3: only (1, -1) is a pair with the smaller loss forgotten.
    near(got.membershipAuc!, 1 / 6);
    // Confidences by |margin|: forgotten 2 and 1, test 2, 1 and 3: above 1, two ties.
    near(got.confidenceAuc!, (1 + 0.5 + 0.5) / 6);
    assert.ok(!('heads' in got.retain) && !('maxError' in got.retain));
  });

  it('has no AUC without a test set, and no confidence for regression', async () => {
    const train = dataset('train.csv', [float32([3, 1], [1, 2, 3])], [float32([3], [1, 2.5, 5])]);
    const data = { train, retained: [0, 1], forgotten: [2], test: null };
    const engine = echo({ y: null });
    const alone = await evaluateModel(engine, new Map(), data, [head('y', 'mse')]);
    assert.deepEqual(alone, {
      retain: { count: 2, loss: 0.125, maxError: 0.5 },
      forget: { count: 1, loss: 4, maxError: 2 },
      test: null,
      membershipAuc: null,
      confidenceAuc: null,
    });
    const tested = await evaluateModel(engine, new Map(), { ...data, test: train }, [head('y', 'mse')]);
    assert.equal(tested.membershipAuc, 0.5 / 3);
    assert.equal(tested.confidenceAuc, null);
  });

  it('judges binary outputs at the logit 0, element by element, whatever the file ends in', async () => {
    for (const end of ['sigmoid', null] as const) {
      const train = dataset('d', [float32([2, 2], [3, -1, -0.1, 2])], [int64([2, 2], [1, 1, 0, 1])]);
      const data = { train, retained: [0, 1], forgotten: [0], test: train };
      const got = await evaluateModel(echo({ p: end }), new Map(), data, [head('p', 'binary-cross-entropy')]);
      assert.equal(got.retain.accuracy, 3 / 4);
      near(got.retain.loss, (softplus(-3) + softplus(1) + softplus(-0.1) + softplus(-2)) / 4);
      assert.ok(got.confidenceAuc! > 0.5);
    }
  });

  it('adds up several heads, mse on the output as the file defines it', async () => {
    const inputs = [float32([2, 2], [1, 0, 0, 2]), float32([2, 1], [0, 0])];
    const labels = [int64([2], [0, 0]), float32([2, 1], [0.5, 1])];
    const train = dataset('d', inputs, labels);
    const heads = [head('logits', 'cross-entropy', 0.5), head('p', 'mse', 2)];
    const data = { train, retained: [0, 1], forgotten: [0], test: null };
    const got = await evaluateModel(echo({ logits: null, p: 'sigmoid' }), new Map(), data, heads);
    const losses = [(softplus(-1) + softplus(2)) / 2, 0.125] as const;
    near(got.retain.heads![0]!.loss, losses[0]);
    near(got.retain.heads![1]!.loss, losses[1]);
    near(got.retain.loss, 0.5 * losses[0] + 2 * losses[1]);
    assert.deepEqual([got.retain.accuracy, got.retain.maxError], [0.5, 0.5]);
    assert.equal(got.retain.heads![1]!.accuracy, undefined);
  });

  it('leaves ignored positions out of loss, accuracy and AUC', async () => {
    const train = dataset('d', [float32([3, 2], [1, 0, 0, 5, 0, 2])], [int64([3], [0, -1, 1])]);
    const test = dataset('t', [float32([2, 2], [0, 0, 9, 0])], [int64([2], [0, -1])]);
    const data = { train, retained: [0, 1, 2], forgotten: [0, 1], test };
    const got = await evaluateModel(echo({ z: null }), new Map(), data, [head('z', 'cross-entropy')]);
    assert.deepEqual([got.retain.count, got.retain.accuracy, got.test?.accuracy], [3, 1, 1]);
    near(got.retain.loss, (softplus(-1) + softplus(-2)) / 2);
    assert.equal(got.membershipAuc, 1);
  });

  it('takes samples in chunks that cover each once', async () => {
    const size = 1200;
    const inputs = float32(
      [size, 1],
      Array.from({ length: size }, (_, index) => index % 7),
    );
    const train = dataset('d', [inputs], [float32([size], new Float32Array(size))]);
    const engine = echo({ y: null });
    const retained = [...Array(size).keys()];
    const data = { train, retained, forgotten: [0], test: null };
    const got = await evaluateModel(engine, new Map(), data, [head('y', 'mse')]);
    assert.deepEqual(engine.chunks, [32, 512, 512, 144, 1]);
    const squares = retained.reduce((sum, index) => sum + (index % 7) ** 2, 0);
    near(got.retain.loss, squares / size);
  });

  it('says which sample, output or label is at fault', async () => {
    const rows = (values: number[], label: number): BoundDataset =>
      dataset('train.npz', [float32([2, 2], values)], [int64([2], [0, label])]);
    const on = (train: BoundDataset, output = 'z'): Promise<unknown> =>
      evaluateModel(echo({ z: null }), new Map(), { train, retained: [1], forgotten: [0], test: null }, [
        head(output, 'cross-entropy'),
      ]);
    const says = (sentence: RegExp) => (error: unknown) =>
      error instanceof LetheError && sentence.test(error.message);
    await assert.rejects(
      on(rows([0, 0, NaN, 0], 1)),
      says(/loss on the output z is NaN for sample 1 of train\.npz/),
    );
    await assert.rejects(on(rows([0, 0, 0, 0], 2)), LossError);
    await assert.rejects(on(rows([0, 0, 0, 0], 2)), says(/Labels of train\.npz: the label of sample 1 is 2/));
    await assert.rejects(on(rows([0, 0, 0, 0], 1), 'y'), says(/has no output y\. Its outputs are: z\./));
    const bare = dataset('x.npy', [float32([2, 2], [0, 0, 0, 0])], []);
    await assert.rejects(on(bare), says(/x\.npy has 0 label arrays, but 1 outputs have a loss/));
  });

  it('stops between chunks when it is cancelled', async () => {
    const train = dataset('d', [float32([2, 1], [1, 2])], [float32([2], [1, 2])]);
    const data = { train, retained: [0], forgotten: [1], test: null };
    const aborted = AbortSignal.abort();
    await assert.rejects(
      evaluateModel(echo({ y: null }), new Map(), data, [head('y', 'mse')], aborted),
      CancelledError,
    );
  });
});
