// The samples' models, judged from their files; the numbers are PyTorch's in float64.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { bindDataset } from '../../src/data/bind';
import type { BoundDataset } from '../../src/data/dataset';
import { resolveForget, splitSamples } from '../../src/data/forget';
import { openDataset } from '../../src/data/open';
import type { Preprocess } from '../../src/data/preprocess';
import { evaluateModel } from '../../src/evaluate/metrics';
import type { LossName } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import type { ModelMetrics } from '../../src/shared/report';

async function metricsOf(
  sample: string,
  files: { model: string; train: string; test: string },
  loss: LossName,
  preprocess: Preprocess | null,
): Promise<ModelMetrics> {
  const folder = join(__dirname, '../../../samples', sample);
  const engine = await Engine.open(join(folder, files.model), { threads: 2 });
  try {
    const bound = async (file: string): Promise<BoundDataset> =>
      bindDataset(await openDataset(file, folder), engine.model.graph.inputs, preprocess);
    const train = await bound(files.train);
    const split = splitSamples(train.size, resolveForget({ file: 'forget.csv' }, train.dataset, folder));
    const heads = [{ output: engine.model.graph.outputs[0]!.name, loss, weight: 1 }];
    const data = { train, ...split, test: await bound(files.test) };
    return await evaluateModel(engine, engine.initialValues(), data, heads);
  } finally {
    await engine.close();
  }
}

function near(got: number | null | undefined, want: number, relative: number): void {
  assert.ok(typeof got === 'number' && Math.abs(got / want - 1) <= relative, `${got} is not ${want}`);
}

describe('metrics of the samples', () => {
  const mnist = { train: 'train.npz', test: 'test.npz' };
  const sine = { train: 'train.csv', test: 'test.csv' };

  it('agree with PyTorch on the MNIST model', async () => {
    const got = await metricsOf('mnist-mislabelled', { model: 'model.onnx', ...mnist }, 'cross-entropy', {
      scale: 1 / 255,
    });
    assert.deepEqual([got.retain.count, got.forget.count, got.test?.count], [1900, 100, 1000]);
    assert.deepEqual([got.retain.accuracy, got.forget.accuracy, got.test?.accuracy], [1, 0.96, 0.911]);
    near(got.retain.loss, 0.006887075772135518, 1e-4);
    near(got.forget.loss, 0.10432563870480457, 1e-4);
    near(got.test?.loss, 0.29973371251436837, 1e-4);
    near(got.membershipAuc, 0.28366, 1e-3);
    near(got.confidenceAuc, 0.26481, 1e-3);
  });

  it('agree with PyTorch on the MNIST model retrained without the wrong labels', async () => {
    const got = await metricsOf('mnist-mislabelled', { model: 'retrained.onnx', ...mnist }, 'cross-entropy', {
      scale: 1 / 255,
    });
    assert.deepEqual([got.retain.accuracy, got.forget.accuracy, got.test?.accuracy], [1, 0.01, 0.951]);
    near(got.forget.loss, 24.64724464198467, 1e-4);
    near(got.membershipAuc, 0.00218, 1e-2);
    near(got.confidenceAuc, 0.5376, 1e-3);
  });

  it('agree with PyTorch on the sine model', async () => {
    const got = await metricsOf('sine-poisoned', { model: 'model.onnx', ...sine }, 'mse', null);
    assert.deepEqual([got.retain.count, got.forget.count, got.test?.count], [50, 5, 1000]);
    near(got.retain.loss, 0.005894159504675405, 1e-3);
    near(got.retain.maxError, 0.35094364359644015, 1e-3);
    near(got.forget.maxError, 0.3650219333740756, 1e-3);
    near(got.test?.maxError, 44.37665677749657, 1e-5);
    near(got.test?.loss, 5.125931018643099, 1e-4);
    near(got.membershipAuc, 0.4058, 2e-3);
    assert.equal(got.confidenceAuc, null);
  });
});
