// The table from the classes of Keras layers to the ONNX operators that compute the same in inference.
import { activation, elu, leakyRelu, prelu, relu, softmax, thresholdedRelu } from './activations';
import { convolution, depthwise, separable, transposed } from './convolution';
import { dense, flatten, identity, permute, repeatVector, rescaling, reshape } from './core';
import { embedding } from './embedding';
import type { LayerRule } from './layerContext';
import { average, concatenate, dot, merging } from './merge';
import { batchNormalization, layerNormalization } from './normalization';
import { globalPooling, plainIfChannelsFirst, pooling } from './pooling';
import { recurrent } from './recurrent';
import { cropping, upSampling, zeroPadding } from './resizing';
import { bidirectional, timeDistributed } from './wrappers';

const globalAverage = plainIfChannelsFirst(globalPooling('ReduceMean'));
const globalMax = plainIfChannelsFirst(globalPooling('ReduceMax'));

const rules: Readonly<Record<string, LayerRule>> = {
  Activation: activation,
  ActivityRegularization: identity,
  Add: merging('Add'),
  AlphaDropout: identity,
  Average: average,
  AveragePooling1D: pooling('AveragePool', 1),
  AveragePooling2D: pooling('AveragePool', 2),
  AveragePooling3D: pooling('AveragePool', 3),
  BatchNormalization: batchNormalization,
  Bidirectional: bidirectional,
  Concatenate: concatenate,
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv2DTranspose: transposed(2),
  Conv3D: convolution(3),
  Conv3DTranspose: transposed(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  Dense: dense,
  DepthwiseConv2D: depthwise,
  Dot: dot,
  Dropout: identity,
  ELU: elu,
  Embedding: embedding,
  Flatten: flatten,
  GRU: recurrent,
  GaussianDropout: identity,
  GaussianNoise: identity,
  GlobalAveragePooling1D: globalAverage,
  GlobalAveragePooling2D: globalAverage,
  GlobalAveragePooling3D: globalAverage,
  GlobalMaxPooling1D: globalMax,
  GlobalMaxPooling2D: globalMax,
  GlobalMaxPooling3D: globalMax,
  LSTM: recurrent,
  LayerNormalization: layerNormalization,
  LeakyReLU: leakyRelu,
  MaxPooling1D: pooling('MaxPool', 1),
  MaxPooling2D: pooling('MaxPool', 2),
  MaxPooling3D: pooling('MaxPool', 3),
  Maximum: merging('Max'),
  Minimum: merging('Min'),
  Multiply: merging('Mul'),
  PReLU: prelu,
  Permute: permute,
  ReLU: relu,
  RepeatVector: repeatVector,
  Rescaling: rescaling,
  Reshape: reshape,
  SeparableConv2D: separable,
  SimpleRNN: recurrent,
  Softmax: softmax,
  SpatialDropout1D: identity,
  SpatialDropout2D: identity,
  SpatialDropout3D: identity,
  Subtract: merging('Sub'),
  ThresholdedReLU: thresholdedRelu,
  TimeDistributed: timeDistributed(layerRule),
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
};

/** The rule of a class of layers, or undefined where there is none. */
export function layerRule(className: string): LayerRule | undefined {
  return Object.hasOwn(rules, className) ? rules[className] : undefined;
}
