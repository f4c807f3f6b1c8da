// What a translated model gives is held against TensorFlow.js, and refused where it differs.
import assert from 'node:assert/strict';
import { differenceOf } from '../../src/runtime/parity';
import { Engine } from '../../src/runtime/engine';
import type { Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { saveLayers, tensorflow } from './support';

const tensor = (...data: number[]): Tensor => ({
  dtype: 'float32',
  dims: [data.length],
  data: Float32Array.from(data),
});

describe('the comparison with TensorFlow.js', () => {
  it('lets errors of rounding pass and nothing larger, relative to the largest element', () => {
    assert.equal(differenceOf(tensor(1, 100), tensor(1.009, 100)), null);
    assert.match(
      differenceOf(tensor(1, 100), tensor(1.02, 100))!,
      /^is 1 at element 0 where .* 1\.01999.* 2\.0e-4/,
    );
    assert.equal(differenceOf(tensor(NaN, Infinity), tensor(NaN, Infinity)), null);
    assert.match(differenceOf(tensor(NaN, 1), tensor(1, 1))!, /is NaN at element 0/);
    assert.match(differenceOf(tensor(1), tensor(1, 1))!, /shape \[1\] where TensorFlow\.js gives \[2\]/);
  });

  it('refuses a model that the two compute differently, and names the output', () =>
    inFolder(async folder => {
      const tf = await tensorflow();
      // TensorFlow.js 4.22 repeats means along the wrong axis where normalisation is not along the last one.
      const model = tf.sequential({
        layers: [tf.layers.batchNormalization({ axis: 1, inputShape: [3, 4, 2], name: 'norm' })],
      });
      model.setWeights(model.weights.map((_, index) => tf.tensor1d([1, 2, 3].map(value => value + index))));
      const engine = await Engine.open(await saveLayers(model, folder));
      try {
        const input: Tensor = { dtype: 'float32', dims: [1, 3, 4, 2], data: new Float32Array(24).fill(1) };
        await assert.rejects(
          engine.predict(engine.initialValues(), [input]),
          /The output "norm" of its translation is .* where TensorFlow\.js gives .*, so the model is not run/,
        );
      } finally {
        await engine.close();
      }
    }));
});
