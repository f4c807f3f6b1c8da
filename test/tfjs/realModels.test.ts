// Models that others trained: they run as TensorFlow.js runs them, and their gradients are those of TensorFlow.js.
import assert from 'node:assert/strict';
import type * as Tensorflow from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspectModel } from '../../src/job/inspect';
import { Engine } from '../../src/runtime/engine';
import { elementCount, type Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { unpackModel } from './realModels';
import { rewriteWeights, type ModelFile } from './rewriting';
import { tensorflow } from './support';

/** Pixels from 0 to 1 that no file holds. */
function pictures(dims: readonly number[]): Tensor {
  const data = Float32Array.from(
    { length: elementCount(dims) },
    (_, index) => (Math.sin(index * 0.37) + 1) / 2,
  );
  return { dtype: 'float32', dims, data };
}

interface Layer {
  class_name: string;
  config: Record<string, unknown>;
}

/** Lets MobileNetV2 take pictures of another size; the pooling of its last maps, of 1/32 of that, goes with it. */
function resized(size: number): (file: ModelFile) => void {
  return file => {
    const { layers } = (file.modelTopology as { model_config: { config: { layers: Layer[] } } }).model_config
      .config;
    layers[0]!.config['batch_input_shape'] = [null, size, size, 3];
    const pool = layers.find(layer => layer.class_name === 'AveragePooling2D')!;
    pool.config['pool_size'] = pool.config['strides'] = [size / 32, size / 32];
  };
}

describe('real TensorFlow.js models', () => {
  for (const [name, size] of [
    ['mobilenet_v2', 224],
    ['inception_v3', 299],
  ] as const) {
    it(`${name}, quantised: every layer is translated, and the outputs are those of TensorFlow.js`, () =>
      inFolder(async folder => {
        const path = unpackModel(name, folder);
        const inspected = inspectModel(path, false);
        assert.equal(inspected.format, 'tfjs-layers');
        assert.ok(inspected.unsupported.every(({ op }) => op === 'DequantizeLinear'));
        const engine = await Engine.open(path);
        try {
          assert.deepEqual(engine.model.untranslated, []);
          // The first prediction is compared with TensorFlow.js, to 1e-4.
          const [output] = await engine.predict(engine.initialValues(), [pictures([1, size, size, 3])]);
          const sum = (output!.data as Float32Array).reduce((total, value) => total + value, 0);
          assert.deepEqual(output!.dims, [1, 5]);
          assert.ok(Math.abs(sum - 1) < 1e-5);
        } finally {
          await engine.close();
        }
      }));
  }

  it('MobileNetV2 as float32: gradients of all parameters are those of TensorFlow.js', () =>
    inFolder(async folder => {
      const size = 32;
      const source = unpackModel('mobilenet_v2', join(folder, 'quantised'));
      const path = rewriteWeights(source, join(folder, 'floats'), 'float32', resized(size));
      const images = pictures([2, size, size, 3]);
      const labels: Tensor = { dtype: 'int32', dims: [2], data: Int32Array.of(3, 0) };
      const engine = await Engine.open(path);
      try {
        const { loss, gradients } = await engine.lossGradient(
          engine.initialValues(),
          { inputs: [images], labels: [labels] },
          [{ output: 'dense_3', loss: 'cross-entropy', weight: 1 }],
        );
        const wanted = await theirGradients(path, images, labels);
        assert.ok(Math.abs(loss - wanted.loss) < 1e-4 * Math.abs(wanted.loss));
        assert.equal(wanted.gradients.size, gradients.size);
        for (const [name, gradient] of wanted.gradients) {
          let [error, norm] = [0, 0];
          gradient.forEach((value, index) => {
            error += (value - gradients.get(name)![index]!) ** 2;
            norm += value ** 2;
          });
          assert.ok(
            Math.sqrt(error) <= 1e-4 * Math.sqrt(norm),
            `${name} is off by ${Math.sqrt(error / norm)}`,
          );
        }
      } finally {
        await engine.close();
      }
    }));
});

/** The loss and its gradients by TensorFlow.js alone, from the files alone. */
async function theirGradients(
  path: string,
  images: Tensor,
  labels: Tensor,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const tf = await tensorflow();
  const file = JSON.parse(readFileSync(path, 'utf8')) as ModelFile;
  const [group] = file.weightsManifest;
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: file.modelTopology as object,
      weightSpecs: group!.weights as Tensorflow.io.WeightsManifestEntry[],
      weightData: Uint8Array.from(readFileSync(join(dirname(path), group!.paths[0]!))).buffer,
    }),
  );
  // Its authors froze the first layers; Lethe trains whatever the recipe does not freeze.
  for (const layer of model.layers) layer.trainable = true;
  const variables = model.trainableWeights.map(weight => weight.read() as Tensorflow.Variable);
  const x = tf.tensor(images.data as Float32Array, [...images.dims] as [number, number, number, number]);
  const y = tf.oneHot(tf.tensor1d(labels.data as Int32Array, 'int32'), 5);
  const { value, grads } = tf.variableGrads(() => {
    const output = model.apply(x) as Tensorflow.Tensor2D;
    return tf.neg(tf.mean(tf.sum(tf.mul(y, tf.log(output)), 1))) as Tensorflow.Scalar;
  }, variables);
  return {
    loss: value.dataSync()[0]!,
    gradients: new Map(
      model.trainableWeights.map((weight, index) => [
        weight.originalName,
        grads[variables[index]!.name]!.dataSync() as Float32Array,
      ]),
    ),
  };
}
