// Weights stored as float16 are trained and saved as that; those rounded to integers are shown and run, not trained.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Engine } from '../../src/runtime/engine';
import { inspectModel } from '../../src/job/inspect';
import { openModel } from '../../src/tfjs/openModel';
import { toFloat32, type Tensor } from '../../src/tensor/tensor';
import { readTensor } from '../../src/onnx/readTensor';
import { isStored } from '../../src/onnx/model';
import { inFolder } from '../onnx/support';
import { cutInto, rewriteWeights, type Storage } from './rewriting';
import { saveLayers, tensorflow } from './support';

async function smallModel(folder: string, storage: Storage): Promise<string> {
  const { layers, sequential } = await tensorflow();
  const model = sequential({
    layers: [
      layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 2], name: 'conv' }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax', name: 'dense' }),
    ],
  });
  return rewriteWeights(await saveLayers(model, join(folder, 'original')), join(folder, storage), storage);
}

const images: Tensor = {
  dtype: 'float32',
  dims: [2, 6, 6, 2],
  data: Float32Array.from({ length: 144 }, (_, index) => Math.sin(index)),
};
const heads = [{ output: 'dense', loss: 'cross-entropy' as const, weight: 1 }];
const labels: Tensor = { dtype: 'int32', dims: [2], data: Int32Array.of(0, 2) };

describe('how a TensorFlow.js model stores its weights', () => {
  it('float16: they are trained, and saved as float16', () =>
    inFolder(async folder => {
      const path = await smallModel(folder, 'float16');
      const engine = await Engine.open(path);
      try {
        assert.ok(engine.parameters.every(({ dtype, trainable }) => dtype === 'float16' && trainable));
        const values = engine.initialValues();
        const { gradients } = await engine.lossGradient(
          values,
          { inputs: [images], labels: [labels] },
          heads,
        );
        for (const [name, value] of values) {
          const gradient = gradients.get(name)!;
          value.forEach((number, index) => (value[index] = number - 0.1 * gradient[index]!));
        }
        const target = join(folder, 'saved');
        engine.model.save(values, target);
        assert.equal(readFileSync(join(target, 'model.json'), 'utf8'), readFileSync(path, 'utf8'));
        const saved = openModel(target);
        for (const [name, value] of values) {
          const stored = saved.graph.initializers.get(name)!;
          assert.ok(isStored(stored) && stored.dtype === 'float16');
          toFloat32(readTensor(stored)).forEach((number, index) =>
            assert.ok(Math.abs(number - value[index]!) <= 2 ** -11 * Math.abs(value[index]!) + 2 ** -25),
          );
        }
      } finally {
        await engine.close();
      }
    }));

  for (const storage of ['uint8', 'uint16'] as const) {
    it(`${storage}: the model is shown and run, training is refused in one sentence`, () =>
      inFolder(async folder => {
        const path = await smallModel(folder, storage);
        assert.deepEqual(
          inspectModel(path, false).unsupported.map(({ parameter }) => parameter),
          ['conv/kernel', 'conv/bias', 'dense/kernel', 'dense/bias'],
        );
        const engine = await Engine.open(path);
        const plain = await Engine.open(join(folder, 'original', 'model.json'));
        try {
          const values = engine.initialValues();
          const [found] = await engine.predict(values, [images]);
          const [wanted] = await plain.predict(plain.initialValues(), [images]);
          (found!.data as Float32Array).forEach((value, index) =>
            assert.ok(Math.abs(value - Number(wanted!.data[index])) < (storage === 'uint8' ? 0.02 : 1e-4)),
          );
          await assert.rejects(
            engine.lossGradient(values, { inputs: [images], labels: [labels] }, heads),
            /the weights conv\/kernel are quantised .* Unlearn with the model before its quantisation\.$/,
          );
        } finally {
          await engine.close();
          await plain.close();
        }
      }));
  }

  it('in one shard or in many: predictions are the same', () =>
    inFolder(async folder => {
      const one = await smallModel(folder, 'float32');
      const many = join(folder, 'many');
      const bytes = readFileSync(join(dirname(one), 'weights0.bin'));
      const path = cutInto(one, many, [3, 4, 0, 401, bytes.length - 408]);
      const outputs = [];
      for (const model of [one, path]) {
        const engine = await Engine.open(model);
        outputs.push((await engine.predict(engine.initialValues(), [images]))[0]!.data);
        await engine.close();
      }
      assert.deepEqual(outputs[0], outputs[1]);
    }));
});
