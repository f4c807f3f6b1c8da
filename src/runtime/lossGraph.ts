// The loss inside a gradient graph: its value sample by sample, and its cotangent on the logits, in closed form.
import type { GraphBuilder } from '../autodiff/builder';
import { DifferentiationError } from '../autodiff/rule';
import type { Ending } from './endings';
import type { ValueInfo } from '../onnx/model';
import type { FloatType } from '../tensor/dtype';
import { allocateFloats, elementCount, floats, type Tensor } from '../tensor/tensor';
import { termWeights, type ResolvedLoss } from './loss';

/** Everything about a loss term that its graph depends on; labels and weights are fed. */
export interface LossShape {
  readonly kind: ResolvedLoss['kind'];
  readonly loss: 'cross-entropy' | 'binary-cross-entropy' | 'mse';
  readonly classAxis: number;
  /** The dims of the output, batch axis first. */
  readonly dims: readonly number[];
}

/** The shape of a resolved loss for `samples` samples. */
export function lossShape(resolved: ResolvedLoss, samples: number): LossShape {
  const dims = [samples, ...resolved.dims.slice(1)];
  return resolved.kind === 'elements'
    ? { kind: resolved.kind, loss: resolved.loss, classAxis: -1, dims }
    : { kind: resolved.kind, loss: 'cross-entropy', classAxis: resolved.classAxis, dims };
}

/** The names of a loss term's graph inputs, its value and the cotangent it starts. */
export interface LossTerm {
  readonly inputs: readonly ValueInfo[];
  /** The weighted loss of each sample: [samples]. */
  readonly value: string;
  /** The graph value that the cotangent belongs to. */
  readonly on: string;
  readonly cotangent: string;
}

/**
 * Appends a loss on `output`. With a recognised final activation the cotangent starts at the logits before it, so
 * that nothing is lost to saturation. Weights carry the mean, sample weights and ignored positions.
 */
export function appendLoss(
  b: GraphBuilder,
  output: string,
  activation: Ending | undefined,
  shape: LossShape,
  index: number,
): LossTerm {
  const labels = `lethe/labels/${index}`;
  const weights = `lethe/weights/${index}`;
  const logits = shape.loss === 'mse' || !activation ? output : (activation.logarithms ?? activation.logits);
  const inputs: ValueInfo[] = [];
  const input = (name: string, dtype: FloatType | 'int64', dims: readonly number[]): string => {
    inputs.push({ name, dtype, dims });
    return b.declare(name, dims);
  };
  if (shape.kind === 'elements') {
    const w = input(weights, b.float, shape.dims);
    const y = input(labels, b.float, shape.dims);
    const made =
      shape.loss === 'mse' ? squaredError(b, logits, y, w) : binaryCrossEntropy(b, logits, y, w, activation);
    return { inputs, value: perSampleSum(b, made.value), on: logits, cotangent: made.cotangent };
  }
  const { classAxis, dims } = shape;
  const positions = dims.filter((_, axis) => axis !== classAxis);
  const kept = dims.map((dim, axis) => (axis === classAxis ? 1 : dim));
  const w = b.reshape(input(weights, b.float, positions), kept);
  const target =
    shape.kind === 'class-indices'
      ? b.op(
          'OneHot',
          [input(labels, 'int64', positions), b.ints([dims[classAxis] as number]), b.floats([2], [0, 1])],
          dims,
          { axis: classAxis },
        )
      : input(labels, b.float, dims);
  const made = crossEntropy(b, logits, b.binary('Mul', target, w), classAxis, activation);
  return { inputs, value: perSampleSum(b, made.value), on: logits, cotangent: made.cotangent };
}

interface ValueAndCotangent {
  readonly value: string;
  readonly cotangent: string;
}

/** −Σ t log p with weighted targets t; the cotangent is p Σt − t on logits. */
function crossEntropy(
  b: GraphBuilder,
  logits: string,
  target: string,
  classAxis: number,
  activation: Ending | undefined,
): ValueAndCotangent {
  if (activation?.kind === 'sigmoid') {
    // p is a sigmoid: −t log σ(z) = t softplus(−z), with cotangent −t σ(−z).
    const negative = b.unary('Neg', logits);
    return {
      value: b.binary('Mul', target, b.unary('Softplus', negative)),
      cotangent: b.unary('Neg', b.binary('Mul', target, b.unary('Sigmoid', negative))),
    };
  }
  if (activation?.logarithms !== undefined)
    // `logits` holds log p itself; its own LogSoftmax turns this cotangent into p Σt − t.
    return {
      value: b.unary('Neg', b.binary('Mul', target, logits)),
      cotangent: b.unary('Neg', target),
    };
  const axis = axisOf(b, logits, activation, classAxis);
  const logProbabilities = b.unary('LogSoftmax', logits, { axis });
  const mass = b.sum(target, [axis], true);
  return {
    value: b.unary('Neg', b.binary('Mul', target, logProbabilities)),
    cotangent: b.binary('Sub', b.binary('Mul', b.unary('Exp', logProbabilities), mass), target),
  };
}

function squaredError(b: GraphBuilder, output: string, y: string, w: string): ValueAndCotangent {
  const difference = b.binary('Sub', output, y);
  const weighted = b.binary('Mul', difference, w);
  return { value: b.binary('Mul', weighted, difference), cotangent: b.scale(weighted, 2) };
}

/** softplus(z) − z·y, whose cotangent is σ(z) − y. */
function binaryCrossEntropy(
  b: GraphBuilder,
  logits: string,
  y: string,
  w: string,
  activation: Ending | undefined,
): ValueAndCotangent {
  if (activation && activation.kind !== 'sigmoid') return binaryOfSoftmax(b, logits, y, w, activation);
  const value = b.binary('Sub', b.unary('Softplus', logits), b.binary('Mul', logits, y));
  const cotangent = b.binary('Sub', b.unary('Sigmoid', logits), y);
  return { value: b.binary('Mul', value, w), cotangent: b.binary('Mul', cotangent, w) };
}

/**
 * Binary cross-entropy of softmax probabilities. 1 − p is summed from the other classes, never subtracted, so
 * that it keeps its digits where p is close to 1.
 */
function binaryOfSoftmax(
  b: GraphBuilder,
  logits: string,
  y: string,
  w: string,
  activation: Ending,
): ValueAndCotangent {
  const dims = b.dims(logits);
  if (activation.logarithms !== undefined) return binaryOfLogarithms(b, logits, y, w);
  const axis = axisOf(b, logits, activation, dims.length - 1);
  if (dims.length !== 2 || axis !== 1)
    throw new DifferentiationError(
      'Binary cross-entropy on a softmax over more than one class axis is not differentiated. ' +
        'Use the loss cross-entropy.',
    );
  const classes = dims[1] as number;
  const logP = b.unary('LogSoftmax', logits, { axis });
  const p = b.unary('Exp', logP);
  const others = Array.from({ length: classes * classes }, (_, at) => (at % (classes + 1) === 0 ? 0 : 1));
  const rest = b.op('MatMul', [p, b.floats([classes, classes], others)], dims);
  const safe = b.op('Max', [rest, b.scalar(1e-37)], dims);
  const not = b.op('Sub', [b.scalar(1), y], dims);
  const value = b.binary('Add', b.binary('Mul', y, logP), b.binary('Mul', not, b.unary('Log', safe)));
  // With a = w (y − (1 − y) p / (1 − p)) = −∂L/∂ log p, the cotangent on the logits is p Σa − a.
  const a = b.binary('Mul', w, b.binary('Sub', y, b.binary('Div', b.binary('Mul', not, p), safe)));
  return {
    value: b.unary('Neg', b.binary('Mul', w, value)),
    cotangent: b.binary('Sub', b.binary('Mul', p, b.sum(a, [axis], true)), a),
  };
}

/** Binary cross-entropy from log p: the cotangent on log p is −w (y − (1 − y) p / (1 − p)). */
function binaryOfLogarithms(b: GraphBuilder, logP: string, y: string, w: string): ValueAndCotangent {
  const dims = b.dims(logP);
  const p = b.unary('Exp', logP);
  const rest = b.op('Max', [b.op('Sub', [b.scalar(1), p], dims), b.scalar(1e-37)], dims);
  const not = b.op('Sub', [b.scalar(1), y], dims);
  const value = b.binary('Add', b.binary('Mul', y, logP), b.binary('Mul', not, b.unary('Log', rest)));
  const slope = b.binary('Sub', y, b.binary('Div', b.binary('Mul', not, p), rest));
  return {
    value: b.unary('Neg', b.binary('Mul', w, value)),
    cotangent: b.unary('Neg', b.binary('Mul', w, slope)),
  };
}

/** The axis of a final softmax, counted from the front. */
function axisOf(b: GraphBuilder, logits: string, activation: Ending | undefined, fallback: number): number {
  const axis = activation?.axis ?? fallback;
  return axis < 0 ? axis + b.dims(logits).length : axis;
}

/** The sum over everything but the batch: [samples]. */
function perSampleSum(b: GraphBuilder, value: string): string {
  const dims = b.dims(value);
  if (dims.length === 1) return value;
  const samples = dims[0] as number;
  return b.reshape(b.sum(b.reshape(value, [samples, elementCount(dims.slice(1))]), [1]), [samples]);
}

/**
 * The feeds of a loss term, of type `float`, for `samples` samples starting at `start`, padded with weight 0 to `size`
 * samples.
 */
export function lossFeeds(
  resolved: ResolvedLoss,
  sampleWeights: ArrayLike<number> | undefined,
  range: { readonly start: number; readonly end: number; readonly size: number; readonly samples: number },
  float: FloatType,
): { labels: Tensor; weights: Tensor } {
  const weights = termWeights(resolved, range.samples, sampleWeights);
  const perSample = resolved.positions / range.samples;
  const labelsPerSample = resolved.labels.length / range.samples;
  const shape = lossShape(resolved, range.size);
  const part = allocateFloats(float, perSample * range.size);
  part.set(weights.subarray(range.start * perSample, range.end * perSample));
  const given = resolved.labels.subarray(range.start * labelsPerSample, range.end * labelsPerSample);
  const positions = shape.dims.filter((_, axis) => axis !== shape.classAxis);
  if (resolved.kind === 'class-indices') {
    const labels = new BigInt64Array(labelsPerSample * range.size);
    // An ignored position has weight 0; its class must only be one that exists.
    given.forEach((label, at) => (labels[at] = BigInt(Math.max(0, label))));
    return {
      labels: { dtype: 'int64', dims: positions, data: labels },
      weights: floats(float, positions, part),
    };
  }
  const labels = allocateFloats(float, labelsPerSample * range.size);
  labels.set(given);
  return {
    labels: floats(float, shape.dims, labels),
    weights: floats(float, resolved.kind === 'elements' ? shape.dims : positions, part),
  };
}
