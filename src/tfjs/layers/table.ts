// The table from the classes of Keras layers to the ONNX operators that compute the same in inference.
import { dense, flatten, identity } from './core';
import { activation, relu, softmax } from './activations';
import type { LayerRule } from './layerContext';

const rules: Readonly<Record<string, LayerRule>> = {
  Activation: activation,
  Dense: dense,
  Dropout: identity,
  Flatten: flatten,
  ReLU: relu,
  Softmax: softmax,
};

/** The rule of a class of layers, or undefined where there is none. */
export function layerRule(className: string): LayerRule | undefined {
  return Object.hasOwn(rules, className) ? rules[className] : undefined;
}
