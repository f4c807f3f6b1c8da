// Models as Keras 3 describes them: run by us, and by TensorFlow.js once they are put in the words of Keras 2.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../../src/runtime/engine';
import type { Tensor } from '../../src/tensor/tensor';
import { asKeras2, layerWeightName, modelNames } from '../../src/tfjs/keras2';
import { inFolder } from '../onnx/support';
import type { ModelFile } from './rewriting';
import { saveLayers, tensorflow } from './support';

const policy = {
  module: 'keras',
  class_name: 'DTypePolicy',
  config: { name: 'float32' },
  registered_name: null,
};

/** A tensor as Keras 3 writes the inputs of a call. */
function keptTensor(layer: string): object {
  return {
    class_name: '__keras_tensor__',
    config: { shape: [null, 3], dtype: 'float32', keras_history: [layer, 0, 0] },
  };
}

function call(...layers: string[]): object {
  const tensors = layers.map(keptTensor);
  return { args: tensors.length === 1 ? tensors : [tensors], kwargs: { mask: null } };
}

function layer(className: string, name: string, config: object, ...inbound: object[]): object {
  return {
    module: 'keras.layers',
    class_name: className,
    config: { name, trainable: true, dtype: policy, ...config },
    registered_name: null,
    name,
    inbound_nodes: inbound,
  };
}

const dense = (name: string, units: number, from: string, activation: unknown): object =>
  layer('Dense', name, { units, activation, use_bias: true }, call(from));

/** A functional model with two branches, as `model.to_json()` of Keras 3 gives it. */
const topology = {
  module: 'keras.src.models.functional',
  class_name: 'Functional',
  config: {
    name: 'functional_1',
    trainable: true,
    layers: [
      layer('InputLayer', 'pixels', { batch_shape: [null, 4], sparse: false }),
      dense('left', 3, 'pixels', 'silu'),
      dense('right', 3, 'pixels', {
        module: 'builtins',
        class_name: 'function',
        config: 'relu',
        registered_name: 'function',
      }),
      layer('LeakyReLU', 'leaky', { negative_slope: 0.2 }, call('left')),
      layer('Add', 'sum', {}, call('leaky', 'right')),
      dense('classes', 2, 'sum', 'softmax'),
    ],
    input_layers: [['pixels', 0, 0]],
    output_layers: ['classes', 0, 0],
  },
  registered_name: 'Functional',
  keras_version: '3.3.3',
  backend: 'tensorflow',
};

describe('a model of Keras 3', () => {
  const numbers: Readonly<Record<string, number>> = { kernel: 0, bias: 1 };
  const named = (weight: string): string => `functional_1/${weight}`;
  const numbered = (weight: string): string => weight.replace(/(?<=\/)\w+$/, part => String(numbers[part]));
  for (const [how, nameOf] of [
    ['named behind the model', named],
    ['numbered', numbered],
  ] as const)
    it(`with weights that are ${how} runs, and they keep the names of the file`, () =>
      inFolder(folder => runs(folder, nameOf)));

  async function runs(folder: string, nameOf: (weight: string) => string): Promise<void> {
    const tf = await tensorflow();
    // The same layers saved by TensorFlow.js give the weights.
    const input = tf.input({ shape: [4] });
    const branch = (name: string): unknown => tf.layers.dense({ units: 3, name }).apply(input);
    const sum = tf.layers.add().apply([branch('left'), branch('right')] as (typeof input)[]);
    const output = tf.layers.dense({ units: 2, name: 'classes' }).apply(sum) as typeof input;
    const path = await saveLayers(tf.model({ inputs: input, outputs: output }), folder);
    const file = JSON.parse(readFileSync(path, 'utf8')) as ModelFile;
    for (const weight of file.weightsManifest[0]!.weights) weight.name = nameOf(weight.name);
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...file, modelTopology: topology }));

    const engine = await Engine.open(path);
    try {
      assert.deepEqual(engine.model.untranslated, []);
      assert.deepEqual(
        engine.parameters.filter(parameter => parameter.trainable).map(({ name }) => name),
        ['left', 'right', 'classes'].flatMap(name => [nameOf(`${name}/kernel`), nameOf(`${name}/bias`)]),
      );
      const data = Float32Array.from({ length: 12 }, (_, index) => Math.cos(index));
      const images: Tensor = { dtype: 'float32', dims: [3, 4], data };
      // TensorFlow.js is asked for the first of them.
      const [found] = await engine.predict(engine.initialValues(), [images]);
      assert.deepEqual(found!.dims, [3, 2]);
    } finally {
      await engine.close();
    }
  }

  it('loses only the names of models in front of those of its weights', () => {
    const names = modelNames({
      class_name: 'Functional',
      config: {
        name: 'outer',
        layers: [{ class_name: 'Sequential', config: { name: 'inner', layers: [] }, name: 'inner' }],
      },
    });
    assert.deepEqual([...names], ['outer', 'inner']);
    assert.equal(layerWeightName('outer/inner/dense/kernel', names), 'dense/kernel');
    assert.equal(layerWeightName('outer/lstm/lstm_cell/kernel', names), 'lstm/lstm_cell/kernel');
    assert.equal(layerWeightName('inner/kernel', names), 'inner/kernel');
  });

  it('and one of Keras 2 stays as it is', async () => {
    const tf = await tensorflow();
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 3, inputShape: [4], activation: 'relu' }),
        tf.layers.leakyReLU({ alpha: 0.1 }),
      ],
    });
    const before = JSON.parse(JSON.stringify(model.toJSON(null, false))) as unknown;
    assert.deepEqual(asKeras2(before), before);
  });
});
