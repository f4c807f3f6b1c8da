// The value of a loss, sample by sample and in float64: what the metrics and the dataset panel show.
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';
import type { ClassIndexLoss, ClassProbabilityLoss, ElementLoss, ResolvedLoss } from './loss';

/** What an output ends in; null where the file ends in logits or in plain values. */
export type FinalActivation = 'softmax' | 'log-softmax' | 'sigmoid' | null;

/**
 * Each sample's own mean loss; 0 for a sample none of whose positions is labelled (see `sampleTerms`).
 *
 * `output` holds logits for the cross-entropies: what the file has before a final Softmax, LogSoftmax or Sigmoid
 * (named by `activation`), else its output. For mse it is the output as the file defines it. Probabilities are never
 * formed: log p is computed by log-sum-exp, and binary cross-entropy of a logit z is
 * max(z, 0) − z·y + log(1 + e^{−|z|}). A softmax under binary cross-entropy runs over axis 1.
 */
export function sampleLosses(
  resolved: ResolvedLoss,
  output: Tensor,
  activation: FinalActivation,
  samples: number = sampleCount(resolved),
): Float64Array {
  const sums = new Float64Array(samples);
  const perSample = resolved.positions / samples;
  const terms = lossTerms(resolved, output, activation);
  for (let position = 0; position < terms.length; position++) {
    sums[Math.floor(position / perSample)]! += terms[position]!;
  }
  const counts = sampleTerms(resolved, samples);
  return sums.map((sum, sample) => (counts[sample] === 0 ? 0 : sum / counts[sample]!));
}

/** How many terms of the mean belong to each sample: its labelled positions, or its elements. */
export function sampleTerms(resolved: ResolvedLoss, samples: number = sampleCount(resolved)): Int32Array {
  const perSample = resolved.positions / samples;
  const counts = new Int32Array(samples);
  if (resolved.kind !== 'class-indices') return counts.fill(perSample);
  resolved.labels.forEach((label, position) => {
    if (label >= 0) counts[Math.floor(position / perSample)]!++;
  });
  return counts;
}

/** The class with the largest value at every position, the first on ties; positions in row-major order. */
export function predictedClasses(output: Tensor, classAxis: number): Int32Array {
  const read = elementReader(output);
  const { classes, inner, positions } = layout(output.dims, classAxis);
  const result = new Int32Array(positions);
  for (let position = 0; position < positions; position++) {
    const start = startOf(position, classes, inner);
    let best = 0;
    for (let index = 1; index < classes; index++) {
      if (read(start + index * inner) > read(start + best * inner)) best = index;
    }
    result[position] = best;
  }
  return result;
}

/** The largest softmax probability of the logits at every position. */
export function confidences(logits: Tensor, classAxis: number): Float64Array {
  const read = elementReader(logits);
  const { classes, inner, positions } = layout(logits.dims, classAxis);
  return Float64Array.from({ length: positions }, (_, position) => {
    const start = startOf(position, classes, inner);
    let largest = -Infinity;
    for (let index = 0; index < classes; index++) largest = Math.max(largest, read(start + index * inner));
    return Math.exp(largest - logSumExp(read, start, classes, inner));
  });
}

/** log p and log(1 − p) of one element of an output that is a probability, from logits. */
export function binaryLogProbabilities(
  logits: Tensor,
  activation: FinalActivation,
): (index: number) => readonly [number, number] {
  const read = elementReader(logits);
  if (activation !== 'softmax' && activation !== 'log-softmax') {
    return index => [-softplus(-read(index)), -softplus(read(index))];
  }
  const axis = Math.min(1, logits.dims.length - 1);
  const { classes, inner } = layout(logits.dims, axis);
  return index => {
    const start = index - (Math.floor(index / inner) % classes) * inner;
    const all = logSumExp(read, start, classes, inner);
    return [read(index) - all, logSumExp(read, start, classes, inner, index) - all];
  };
}

/** The loss of every position (or element), before any weight. */
export function lossTerms(resolved: ResolvedLoss, output: Tensor, activation: FinalActivation): Float64Array {
  switch (resolved.kind) {
    case 'class-indices':
    case 'class-probabilities':
      return crossEntropies(resolved, output, activation);
    case 'elements':
      return resolved.loss === 'mse'
        ? squares(resolved, output)
        : binaryCrossEntropies(resolved, output, activation);
  }
}

function crossEntropies(
  resolved: ClassIndexLoss | ClassProbabilityLoss,
  output: Tensor,
  activation: FinalActivation,
): Float64Array {
  const read = elementReader(output);
  const { classes, inner, positions } = layout(resolved.dims, resolved.classAxis);
  const terms = new Float64Array(positions);
  for (let position = 0; position < positions; position++) {
    const start = startOf(position, classes, inner);
    const sigmoid = activation === 'sigmoid';
    const all = sigmoid ? 0 : logSumExp(read, start, classes, inner);
    const minusLog = (index: number): number => {
      const logit = read(start + index * inner);
      return sigmoid ? softplus(-logit) : all - logit;
    };
    if (resolved.kind === 'class-indices') {
      const label = resolved.labels[position]!;
      if (label >= 0) terms[position] = minusLog(label);
    } else {
      let sum = 0;
      for (let index = 0; index < classes; index++) {
        const probability = resolved.labels[start + index * inner]!;
        if (probability !== 0) sum += probability * minusLog(index);
      }
      terms[position] = sum;
    }
  }
  return terms;
}

function binaryCrossEntropies(
  resolved: ElementLoss,
  output: Tensor,
  activation: FinalActivation,
): Float64Array {
  const logs = binaryLogProbabilities(output, activation);
  return Float64Array.from(resolved.labels, (label, index) => {
    const [log, logOther] = logs(index);
    // A label of exactly 0 or 1 leaves one term out, so that 0 · −∞ cannot arise.
    return -(label === 0 ? 0 : label * log) - (label === 1 ? 0 : (1 - label) * logOther);
  });
}

function squares(resolved: ElementLoss, output: Tensor): Float64Array {
  const read = elementReader(output);
  return Float64Array.from(resolved.labels, (label, index) => (read(index) - label) ** 2);
}

/** log(1 + e^x) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function logSumExp(
  read: (index: number) => number,
  start: number,
  classes: number,
  inner: number,
  except = -1,
): number {
  let largest = -Infinity;
  for (let index = 0; index < classes; index++) {
    const at = start + index * inner;
    if (at !== except) largest = Math.max(largest, read(at));
  }
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let index = 0; index < classes; index++) {
    const at = start + index * inner;
    if (at !== except) sum += Math.exp(read(at) - largest);
  }
  return largest + Math.log(sum);
}

function sampleCount(resolved: ResolvedLoss): number {
  const { dims } = resolved;
  return resolved.kind !== 'elements' && dims.length < 2 ? 1 : (dims[0] ?? 1);
}

function layout(
  dims: readonly number[],
  classAxis: number,
): { classes: number; inner: number; positions: number } {
  const classes = dims[classAxis] ?? 1;
  const inner = elementCount(dims.slice(classAxis + 1));
  return { classes, inner, positions: classes === 0 ? 0 : elementCount(dims) / classes };
}

/** The place of a position's first class in the output. */
function startOf(position: number, classes: number, inner: number): number {
  return Math.floor(position / inner) * classes * inner + (position % inner);
}
