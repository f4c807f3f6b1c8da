// Activations, normalisations, and layers that move elements.
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import { chain, type LayerCase, type Tf } from './layerCase';

/** Batch normalisation of a vector, a sequence and maps. */
function normalised(tf: Tf, settings: { scale?: boolean; center?: boolean }): LayersModel {
  const inputs = [tf.input({ shape: [5] }), tf.input({ shape: [4, 3] }), tf.input({ shape: [4, 5, 3] })];
  return tf.model({
    inputs,
    outputs: inputs.map(
      input => tf.layers.batchNormalization({ epsilon: 0.01, ...settings }).apply(input) as SymbolicTensor,
    ),
  });
}

const activations = [
  'elu',
  'hardSigmoid',
  'linear',
  'relu',
  'relu6',
  'selu',
  'sigmoid',
  'softmax',
  'softplus',
  'softsign',
  'tanh',
  'swish',
  'mish',
  'gelu',
] as const;

/** Height, width and channels of maps. */
const space = [7, 6, 3];

/** Activations, normalisations, and layers that move elements. */
export function elementwiseCases(): readonly LayerCase[] {
  const cases: readonly LayerCase[] = [
    ...activations.map(activation => ({
      name: `the activation ${activation}`,
      build: chain([5], tf => [
        tf.layers.dense({ units: 4, activation: activation as 'relu' }),
        tf.layers.activation({ activation: activation as 'relu' }),
      ]),
    })),
    {
      name: 'Dense on three axes, without a bias',
      build: chain([4, 5], tf => [tf.layers.dense({ units: 3, useBias: false })]),
    },
    {
      name: 'BatchNormalization on two, three and four axes',
      build: tf => normalised(tf, {}),
    },
    {
      name: 'BatchNormalization without scale, and without centre',
      noGradients: 'it fails where there is no scale',
      build: tf => normalised(tf, { scale: false, center: false }),
    },
    {
      name: 'LayerNormalization over one and two axes',
      build: chain([4, 5], tf => [
        tf.layers.layerNormalization({}),
        tf.layers.layerNormalization({ axis: [1, 2], epsilon: 0.1 }),
      ]),
    },
    {
      name: 'LayerNormalization without scale and centre',
      noGradients: 'it fails where there is no scale',
      build: chain([4, 5], tf => [tf.layers.layerNormalization({ scale: false, center: false })]),
    },
    {
      name: 'advanced activations',
      build: chain([3, 4], tf => [
        tf.layers.leakyReLU({ alpha: 0.2 }),
        tf.layers.prelu({}),
        tf.layers.elu({}),
        tf.layers.reLU({ maxValue: 1.5 }),
        tf.layers.softmax({ axis: -1 }),
      ]),
    },
    {
      name: 'ThresholdedReLU',
      noGradients: 'it has none of that',
      build: chain([4], tf => [tf.layers.thresholdedReLU({ theta: 0.1 })]),
    },
    {
      name: 'Flatten behind a convolution, Reshape, Permute and RepeatVector',
      build: chain(space, tf => [
        tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 6 }),
        tf.layers.repeatVector({ n: 4 }),
        tf.layers.permute({ dims: [2, 1] }),
        tf.layers.reshape({ targetShape: [3, 8] }),
        tf.layers.dense({ units: 2 }),
      ]),
    },
    {
      name: 'layers that do nothing in inference',
      build: chain([4, 3], tf => [
        tf.layers.dropout({ rate: 0.4 }),
        tf.layers.spatialDropout1d({ rate: 0.4 }),
        tf.layers.gaussianNoise({ stddev: 0.4 }),
        tf.layers.gaussianDropout({ rate: 0.4 }),
        tf.layers.alphaDropout({ rate: 0.4 }),
      ]),
    },
  ];
  return cases;
}
