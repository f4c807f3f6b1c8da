// A classifier as scikit-learn's exporter writes it: the class is the first output, maps of probabilities the second.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Engine } from '../../src/runtime/engine';
import { float32, int64 } from '../../src/tensor/tensor';

describe('a classifier with ZipMap', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.open(join(__dirname, '../../../test/fixtures/onnx/zipmap.onnx'));
  });
  after(() => engine.close());

  const inputs = [float32([2, 2], [1, 2, -1, 0.5])];
  const softmax = (z: readonly number[]): number[] => {
    const e = z.map(Math.exp);
    const sum = e.reduce((total, value) => total + value, 0);
    return e.map(value => value / sum);
  };
  const weights = [
    [0.3, -0.5, 0.2],
    [0.7, 0.1, -0.4],
  ];
  const probabilities = [
    [1, 2],
    [-1, 0.5],
  ].map(x => softmax([0, 1, 2].map(k => x[0]! * weights[0]![k]! + x[1]! * weights[1]![k]!)));

  it('has the tensor behind the maps as an output', async () => {
    assert.deepEqual(
      engine.model.graph.outputs.map(({ name }) => name),
      ['output_label', 'probabilities'],
    );
    assert.ok(engine.model.warnings.some(warning => /takes "probabilities"/.test(warning)));
    const [labels, found] = await engine.predict(engine.initialValues(), inputs);
    assert.deepEqual(
      [...labels!.data].map(Number),
      [0, 0].map((_, row) => argmax(probabilities[row]!)),
    );
    probabilities.flat().forEach((p, at) => assert.ok(Math.abs(Number(found!.data[at]) - p) < 1e-6));
  });

  it('has gradients of the probabilities, not of the class', async () => {
    const heads = [{ output: 'probabilities', loss: 'cross-entropy', weight: 1 }] as const;
    const labels = [int64([2], [1, 2])];
    const { gradients } = await engine.lossGradient(engine.initialValues(), { inputs, labels }, heads);
    const rows = [1, 2].map((label, row) => probabilities[row]!.map((p, k) => p - (k === label ? 1 : 0)));
    const want = [
      [1, -1],
      [2, 0.5],
    ].flatMap(x => [0, 1, 2].map(k => (x[0]! * rows[0]![k]! + x[1]! * rows[1]![k]!) / 2));
    want.forEach((value, at) => assert.ok(Math.abs(gradients.get('w')![at]! - value) < 1e-6));
    const each = (await engine.perSampleGradients(engine.initialValues(), inputs)).get('w')!;
    const [first] = probabilities as [number[]];
    const best = argmax(first);
    [1, 2].forEach((x, row) =>
      first.forEach((p, k) => {
        const slope = x * first[best]! * ((k === best ? 1 : 0) - p);
        assert.ok(Math.abs(Number(each.data[row * 3 + k]) - slope) < 1e-6);
      }),
    );
  });
});

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
