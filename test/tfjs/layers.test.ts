// Every layer that is translated gives the predictions and the gradients that TensorFlow.js gives.
import assert from 'node:assert/strict';
import type * as Tensorflow from '@tensorflow/tfjs';
import type { LayersModel, SymbolicTensor, Tensor as TfTensor } from '@tensorflow/tfjs';
import { Engine } from '../../src/runtime/engine';
import type { Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { combiningCases } from './cases/combining';
import { convolutionCases } from './cases/convolution';
import { elementwiseCases } from './cases/elementwise';
import { recurrentCases } from './cases/recurrent';
import { saveLayers, tensorflow } from './support';

/** The largest difference between two lists relative to the largest number of the second. */
function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [most, scale] = [0, 1e-3];
  for (let index = 0; index < wanted.length; index++) {
    most = Math.max(most, Math.abs(found[index]! - wanted[index]!));
    scale = Math.max(scale, Math.abs(wanted[index]!));
  }
  return most / scale;
}

function dataOf(tensor: TfTensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/** Weights from a seed: zeros and ones, as layers begin, would hide mistakes. Variances must be positive. */
function randomise(tf: typeof Tensorflow, model: LayersModel): void {
  model.setWeights(
    model.weights.map((weight, index) => {
      const shape = weight.shape as number[];
      const positive = weight.originalName.includes('variance') || weight.originalName.includes('gamma');
      return positive
        ? tf.randomUniform(shape, 0.5, 1.5, 'float32', index + 1)
        : tf.randomNormal(shape, 0, 0.4, 'float32', index + 1);
    }),
  );
}

const layerCases = [...elementwiseCases(), ...convolutionCases(), ...combiningCases(), ...recurrentCases()];

describe('layers of TensorFlow.js', () => {
  for (const { name, build, noGradients } of layerCases) {
    it(noGradients === undefined ? name : `${name} (predictions alone: ${noGradients})`, () =>
      inFolder(async folder => {
        const tf = await tensorflow();
        const model = build(tf);
        randomise(tf, model);
        const samples = 3;
        const inputs = (model.inputs as SymbolicTensor[]).map((input, index) => {
          const shape = [samples, ...input.shape.slice(1).map(size => size ?? 5)];
          return input.dtype === 'int32'
            ? tf.randomUniform(shape, 0, 4, 'int32', index + 7)
            : tf.randomNormal(shape, 0, 1, 'float32', index + 7);
        });
        const outputs = ([] as TfTensor[]).concat(model.apply(inputs) as TfTensor);
        const labels = outputs.map((output, index) =>
          tf.randomNormal(output.shape, 0, 1, 'float32', index + 77),
        );
        const variables = model.trainableWeights.map(weight => weight.read() as Tensorflow.Variable);
        const gradientsOf = (): ReturnType<typeof tf.variableGrads> =>
          tf.variableGrads(() => {
            const found = ([] as TfTensor[]).concat(model.apply(inputs) as TfTensor);
            return found
              .map((output, index) => tf.losses.meanSquaredError(labels[index]!, output))
              .reduce((sum, loss) => tf.add(sum, loss)) as Tensorflow.Scalar;
          }, variables);
        const wanted = noGradients === undefined ? gradientsOf() : null;

        const path = await saveLayers(model, folder, 1000);
        const engine = await Engine.open(path, { threads: 1 });
        try {
          const given = inputs.map((input): Tensor =>
            input.dtype === 'int32'
              ? { dtype: 'int32', dims: input.shape, data: Int32Array.from(input.dataSync()) }
              : { dtype: 'float32', dims: input.shape, data: dataOf(input) },
          );
          const values = engine.initialValues();
          const predicted = await engine.predict(values, given);
          outputs.forEach((output, index) => {
            assert.deepEqual(predicted[index]!.dims, output.shape, `the shape of output ${index}`);
            const error = difference(predicted[index]!.data as Float32Array, dataOf(output));
            assert.ok(error < 1e-5, `output ${index} is off by ${error}`);
          });
          const trainable = model.trainableWeights.map(weight => weight.originalName);
          assert.deepEqual(
            engine.parameters.filter(parameter => parameter.trainable).map(parameter => parameter.name),
            trainable,
          );
          if (trainable.length === 0) return;
          const heads = engine.model.graph.outputs.map(output => ({
            output: output.name,
            loss: 'mse' as const,
            weight: 1,
          }));
          const { gradients, loss } = await engine.lossGradient(
            values,
            {
              inputs: given,
              labels: labels.map(label => ({ dtype: 'float32', dims: label.shape, data: dataOf(label) })),
            },
            heads,
          );
          assert.deepEqual([...gradients.keys()].sort(), [...trainable].sort());
          if (!wanted) return;
          assert.ok(
            Math.abs(loss - wanted.value.dataSync()[0]!) < 1e-4 * Math.max(1, Math.abs(loss)),
            'the loss',
          );
          for (const [index, name] of trainable.entries()) {
            const expected = wanted.grads[variables[index]!.name];
            assert.ok(expected, `TensorFlow.js has no gradient of ${name}`);
            const error = difference(gradients.get(name)!, dataOf(expected));
            assert.ok(error < 1e-4, `the gradient of ${name} is off by ${error}`);
          }
        } finally {
          await engine.close();
        }
      }),
    );
  }
});
