// What cases of layers are: small models, each for one layer or a way of using layers.
import type * as Tensorflow from '@tensorflow/tfjs';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';

/** TensorFlow.js. */
export type Tf = typeof Tensorflow;
/** Any layer. */
export type LayerLike = Tensorflow.layers.Layer;

/** A model by what it shows. */
export interface LayerCase {
  readonly name: string;
  /** Why TensorFlow.js is no witness of the gradients; its predictions are compared alone then. */
  readonly noGradients?: string;
  build(tf: Tf): LayersModel;
}

/** A chain of layers on one input; a dense layer in front gives even layers without weights something to learn. */
export function chain(shape: (number | null)[], layers: (tf: Tf) => LayerLike[]): (tf: Tf) => LayersModel {
  return tf => {
    const input = tf.input({ shape });
    let value: SymbolicTensor = tf.layers.dense({ units: shape.at(-1)! }).apply(input) as SymbolicTensor;
    for (const layer of layers(tf)) value = layer.apply(value) as SymbolicTensor;
    return tf.model({ inputs: input, outputs: value });
  };
}

/** Two branches of one input, brought together. */
export function merge(
  layer: (tf: Tf) => LayerLike,
  a: (tf: Tf) => LayerLike = tf => tf.layers.dense({ units: 4 }),
  b: (tf: Tf) => LayerLike = tf => tf.layers.dense({ units: 4 }),
  shape: number[] = [5],
): (tf: Tf) => LayersModel {
  return tf => {
    const input = tf.input({ shape });
    const parts = [a(tf), b(tf)].map(part => part.apply(input) as SymbolicTensor);
    return tf.model({ inputs: input, outputs: layer(tf).apply(parts) as SymbolicTensor });
  };
}
