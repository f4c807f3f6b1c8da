// Layers with several inputs, tables, and models of models.
import type { SymbolicTensor } from '@tensorflow/tfjs';
import { merge, type LayerCase } from './layerCase';

/** Layers with several inputs, tables, and models of models. */
export function combiningCases(): readonly LayerCase[] {
  const cases: readonly LayerCase[] = [
    { name: 'Add', build: merge(tf => tf.layers.add()) },
    { name: 'Multiply', build: merge(tf => tf.layers.multiply()) },
    { name: 'Average', build: merge(tf => tf.layers.average()) },
    { name: 'Maximum', build: merge(tf => tf.layers.maximum()) },
    { name: 'Minimum', build: merge(tf => tf.layers.minimum()) },
    {
      name: 'Concatenate',
      build: merge(
        tf => tf.layers.concatenate(),
        undefined,
        tf => tf.layers.dense({ units: 3 }),
      ),
    },
    {
      name: 'Concatenate of maps along each axis',
      build: tf => {
        const input = tf.input({ shape: [5, 5, 2] });
        const conv = (): SymbolicTensor =>
          tf.layers.conv2d({ filters: 2, kernelSize: 2 }).apply(input) as SymbolicTensor;
        return tf.model({
          inputs: input,
          outputs: [1, 2, 3, -1].map(
            axis => tf.layers.concatenate({ axis }).apply([conv(), conv()]) as SymbolicTensor,
          ),
        });
      },
    },
    {
      name: 'a residual block: sums of maps keep their layout',
      build: tf => {
        const input = tf.input({ shape: [6, 6, 4] });
        const conv = tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(input);
        const norm = tf.layers.batchNormalization().apply(conv);
        const sum = tf.layers.add().apply([norm as SymbolicTensor, input]);
        return tf.model({ inputs: input, outputs: tf.layers.reLU().apply(sum) as SymbolicTensor });
      },
    },
    {
      name: 'Dot of vectors, normalised',
      build: merge(tf => tf.layers.dot({ axes: -1, normalize: true })),
    },
    {
      name: 'Dot of matrices',
      build: merge(
        tf => tf.layers.dot({ axes: [2, 1] }),
        tf => tf.layers.dense({ units: 3 }),
        tf => tf.layers.dense({ units: 2 }),
        [3, 5],
      ),
    },
    {
      name: 'Dot of a matrix and a vector',
      build: tf => {
        const [a, b] = [tf.input({ shape: [3, 4] }), tf.input({ shape: [4] })];
        const [x, y] = [tf.layers.dense({ units: 4 }).apply(a!), tf.layers.dense({ units: 4 }).apply(b!)];
        return tf.model({
          inputs: [a!, b!],
          outputs: tf.layers.dot({ axes: [2, 1] }).apply([x, y] as SymbolicTensor[]) as SymbolicTensor,
        });
      },
    },
    {
      name: 'Embedding of whole numbers',
      build: tf => {
        const input = tf.input({ shape: [6], dtype: 'int32' });
        const rows = tf.layers.embedding({ inputDim: 4, outputDim: 3 }).apply(input);
        return tf.model({
          inputs: input,
          outputs: tf.layers.globalAveragePooling1d({}).apply(rows) as SymbolicTensor,
        });
      },
    },
    {
      name: 'a model inside a model',
      build: tf => {
        const inner = tf.sequential({
          layers: [
            tf.layers.dense({ units: 3, inputShape: [4], activation: 'tanh' }),
            tf.layers.dense({ units: 2 }),
          ],
        });
        return tf.sequential({
          layers: [tf.layers.dense({ units: 4, inputShape: [5] }), inner, tf.layers.dense({ units: 1 })],
        });
      },
    },
    {
      name: 'a layer that is used twice',
      build: tf => {
        const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
        const shared = tf.layers.dense({ units: 3, activation: 'tanh' });
        const [x, y] = [shared.apply(a!), shared.apply(b!)] as SymbolicTensor[];
        return tf.model({
          inputs: [a!, b!],
          outputs: tf.layers.concatenate().apply([x!, y!]) as SymbolicTensor,
        });
      },
    },
    {
      name: 'several outputs, one of them used again',
      build: tf => {
        const input = tf.input({ shape: [4] });
        const hidden = tf.layers.dense({ units: 3, activation: 'relu' }).apply(input) as SymbolicTensor;
        return tf.model({
          inputs: input,
          outputs: [
            hidden,
            tf.layers.dense({ units: 2, activation: 'softmax' }).apply(hidden) as SymbolicTensor,
          ],
        });
      },
    },
  ];
  return cases;
}
