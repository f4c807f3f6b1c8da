// Gradients that TensorFlow.js 4.22 gets wrong or refuses, put right before a model is differentiated.
import type * as tensorflow from '@tensorflow/tfjs';
import type { Tensorflow } from './tfjsLibrary';

type GradFunc = tensorflow.GradConfig['gradFunc'];

/** Operations on two values whose gradients TensorFlow.js forgets to sum over the axes that were broadcast. */
const unreduced: readonly string[] = ['Maximum', 'Minimum', 'SquaredDifference'];

/** Operations that gradients stop at, with their operands; TensorFlow.js has no gradient of them at all. */
const steps: Readonly<Record<string, readonly string[]>> = {
  All: ['x'],
  Any: ['x'],
  ArgMax: ['x'],
  ArgMin: ['x'],
  Equal: ['a', 'b'],
  Greater: ['a', 'b'],
  Less: ['a', 'b'],
  LessEqual: ['a', 'b'],
  IsFinite: ['x'],
  IsInf: ['x'],
  IsNan: ['x'],
  LogicalAnd: ['a', 'b'],
  LogicalNot: ['x'],
  LogicalOr: ['a', 'b'],
  NotEqual: ['a', 'b'],
};

/** Corrects the gradients of the process. Doing it twice changes nothing. */
export function correctGradients(tf: Tensorflow): void {
  if (corrected.has(tf.engine())) return;
  corrected.add(tf.engine());
  for (const [kernelName, inputsToSave] of Object.entries(steps)) {
    const gradFunc: GradFunc = (_, saved) =>
      Object.fromEntries(inputsToSave.map((name, index) => [name, () => tf.zeros(saved[index]!.shape)]));
    if (!tf.getGradient(kernelName))
      tf.registerGradient({ kernelName, inputsToSave: [...inputsToSave], gradFunc });
  }
  replace(tf, 'Cast', original => stopping(tf, original));
  for (const kernel of unreduced) replace(tf, kernel, original => reducing(tf, original));
  for (const [kernel, resize] of [
    ['ResizeBilinear', tf.image.resizeBilinear],
    ['ResizeNearestNeighbor', tf.image.resizeNearestNeighbor],
  ] as const)
    replace(tf, kernel, () => resizing(tf, resize));
  for (const kernel of ['AvgPool', 'AvgPool3D']) replace(tf, kernel, original => dividing(tf, original));
}

const corrected = new WeakSet<object>();

function replace(tf: Tensorflow, kernel: string, change: (original: GradFunc) => GradFunc): void {
  const config = tf.getGradient(kernel);
  tf.unregisterGradient(kernel);
  tf.registerGradient({ ...config, gradFunc: change(config.gradFunc) });
}

/** A cast to integers or truth values is a step; the gradient of TensorFlow.js goes through it as if it were not there. */
function stopping(tf: Tensorflow, original: GradFunc): GradFunc {
  return (dy, saved, attributes) => {
    const to = (attributes as unknown as { readonly dtype: string }).dtype;
    if (to === 'float32') return original(dy, saved, attributes);
    return { x: () => tf.zeros((dy as tensorflow.Tensor).shape) };
  };
}

function reducing(tf: Tensorflow, original: GradFunc): GradFunc {
  return (dy, saved, attributes) => {
    const found = original(dy, saved, attributes);
    const operands = { a: saved[0]!, b: saved[1]! };
    const reduced = (key: 'a' | 'b') => (): tensorflow.Tensor => {
      const gradient = found[key]!();
      const axes = tf.broadcast_util.getReductionAxes(operands[key].shape, gradient.shape);
      const sum = axes.length > 0 ? tf.sum(gradient, axes) : gradient;
      return tf.reshape(sum, operands[key].shape);
    };
    return { a: reduced('a'), b: reduced('b') };
  };
}

/**
 * Average pooling divides by the elements of the window that lie inside the input; its gradient in plain JavaScript
 * divides by the whole window, also at the edges. tfjs-node has it right.
 */
function dividing(tf: Tensorflow, original: GradFunc): GradFunc {
  return (dy, saved, attributes) => {
    if (tf.getBackend() !== 'cpu') return original(dy, saved, attributes);
    const { filterSize, strides, pad } = attributes as unknown as Windows;
    const [x] = saved as [tensorflow.Tensor];
    const rank = x.shape.length;
    const kernel = typeof filterSize === 'number' ? Array<number>(rank - 2).fill(filterSize) : filterSize;
    const scaled = tf.tidy(() => {
      const ones = tf.ones([1, ...x.shape.slice(1, -1), 1]);
      const window = tf.ones([...kernel, 1, 1]);
      const inside =
        rank === 4
          ? tf.conv2d(ones as tensorflow.Tensor4D, window as tensorflow.Tensor4D, strides, pad)
          : tf.conv3d(ones as tensorflow.Tensor5D, window as tensorflow.Tensor5D, strides, pad);
      const size = kernel.reduce((all, each) => all * each, 1);
      return tf.mul(dy as tensorflow.Tensor, tf.div(size, inside));
    });
    return original(scaled, saved, attributes);
  };
}

interface Windows {
  readonly filterSize: number | number[];
  readonly strides: number;
  readonly pad: 'same' | 'valid';
}

/**
 * Resizing is a matrix along each of two axes, had by resizing the identity. The gradients of TensorFlow.js mix up height and
 * width, or the samples of a batch, and do not know half pixels.
 */
function resizing(tf: Tensorflow, resize: Tensorflow['image']['resizeBilinear']): GradFunc {
  return (dy, saved, attributes) => {
    const { alignCorners, halfPixelCenters } = attributes as unknown as Resizing;
    const [batch, height, width, channels] = saved[0]!.shape as [number, number, number, number];
    const [, to, across] = (dy as tensorflow.Tensor).shape as [number, number, number, number];
    /** [from, to] */
    const matrix = (from: number, size: number): tensorflow.Tensor2D => {
      const identity = tf.eye(from).reshape([1, from, from, 1]) as tensorflow.Tensor4D;
      return resize(identity, [size, from], alignCorners, halfPixelCenters).reshape([size, from]).transpose();
    };
    const images = (): tensorflow.Tensor => {
      const rows = (dy as tensorflow.Tensor).transpose([1, 0, 2, 3]).reshape([to, batch * across * channels]);
      const tall = tf
        .matMul(matrix(height, to), rows as tensorflow.Tensor2D)
        .reshape([height, batch, across, channels]);
      const columns = tall.transpose([2, 1, 0, 3]).reshape([across, batch * height * channels]);
      const wide = tf.matMul(matrix(width, across), columns as tensorflow.Tensor2D);
      return wide.reshape([width, batch, height, channels]).transpose([1, 2, 0, 3]);
    };
    return { images };
  };
}

interface Resizing {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}
