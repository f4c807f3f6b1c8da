// Writes samples/mnist-tfjs: the networks of samples/mnist-mislabelled as TensorFlow.js LayersModels with the same
// weights, channels last.
import { fromBinary } from '@bufbuild/protobuf';
import * as tf from '@tensorflow/tfjs';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelProtoSchema } from 'onnx-buf';
import { root } from './ensure.mjs';

await tf.setBackend('cpu');
for (const name of ['model', 'retrained']) await convert(name);

async function convert(name) {
  const source = readFileSync(join(root, 'samples', 'mnist-mislabelled', `${name}.onnx`));
  const { graph } = fromBinary(ModelProtoSchema, source);
  const weights = new Map(
    graph.initializer
      .filter(({ name: key }) => /\.(weight|bias)$/.test(key))
      .map(({ name: key, dims, rawData }) => [
        key,
        tf.tensor(new Float32Array(Uint8Array.from(rawData).buffer), dims.map(Number)),
      ]),
  );
  const conv = (prefix, filters) =>
    tf.layers.conv2d({ name: prefix, filters, kernelSize: 3, padding: 'same', activation: 'relu' });
  const pool = number => tf.layers.maxPooling2d({ name: `pool${number}`, poolSize: 2 });
  const model = tf.sequential({
    layers: [
      tf.layers.inputLayer({ name: 'image', inputShape: [28, 28, 1] }),
      conv('conv1', 16),
      pool(1),
      conv('conv2', 32),
      pool(2),
      tf.layers.flatten({ name: 'flat' }),
      tf.layers.dense({ name: 'fc1', units: 128, activation: 'relu' }),
      tf.layers.dense({ name: 'logits', units: 10 }),
    ],
  });
  const kernel = layer => weights.get(`${layer}.weight`).transpose([2, 3, 1, 0]);
  // The flattened maps had their channels first there and have them last here.
  const flat = weights
    .get('fc1.weight')
    .reshape([128, 32, 7, 7])
    .transpose([2, 3, 1, 0])
    .reshape([1568, 128]);
  model.setWeights([
    kernel('conv1'),
    weights.get('conv1.bias'),
    kernel('conv2'),
    weights.get('conv2.bias'),
    flat,
    weights.get('fc1.bias'),
    weights.get('fc2.weight').transpose(),
    weights.get('fc2.bias'),
  ]);
  const folder = join(root, 'samples', 'mnist-tfjs', name);
  mkdirSync(folder, { recursive: true });
  await model.save(
    tf.io.withSaveHandler(
      async ({ modelTopology, format, generatedBy, convertedBy, weightSpecs, weightData }) => {
        const shard = 'group1-shard1of1.bin';
        const manifest = [{ paths: [shard], weights: weightSpecs }];
        const json = { format, generatedBy, convertedBy, modelTopology, weightsManifest: manifest };
        writeFileSync(join(folder, 'model.json'), `${JSON.stringify(json)}\n`);
        writeFileSync(join(folder, shard), Buffer.from(weightData));
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      },
    ),
  );
}
