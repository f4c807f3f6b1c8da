// The cotangent that a loss starts at an output's logits, in closed form and outside of any graph.
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';
import type { ClassIndexLoss, ClassProbabilityLoss, ElementLoss, ResolvedLoss } from './loss';
import type { FinalActivation } from './sampleLosses';

/**
 * ∂L/∂z for L = Σ weights · terms, in the shape of the output. `output` holds what `sampleLosses` takes: logits z for
 * the cross-entropies (or log p, where elements move after a softmax), for mse the output as the file defines it.
 * `weights` has one number a term.
 */
export function lossCotangent(
  resolved: ResolvedLoss,
  output: Tensor,
  activation: FinalActivation,
  weights: Float64Array,
): Float64Array {
  if (resolved.kind !== 'elements') return ofCrossEntropy(resolved, output, activation, weights);
  if (resolved.loss === 'binary-cross-entropy') return ofBinary(resolved, output, activation, weights);
  const read = elementReader(output);
  return weights.map((weight, index) => 2 * weight * (read(index) - resolved.labels[index]!));
}

/** p Σt − t with weighted targets t; −t σ(−z) where p is a sigmoid. */
function ofCrossEntropy(
  resolved: ClassIndexLoss | ClassProbabilityLoss,
  output: Tensor,
  activation: FinalActivation,
  weights: Float64Array,
): Float64Array {
  const read = elementReader(output);
  const result = new Float64Array(output.data.length);
  const { classes } = resolved;
  const inner = elementCount(resolved.dims.slice(resolved.classAxis + 1));
  for (let position = 0; position < resolved.positions; position++) {
    const start = Math.floor(position / inner) * classes * inner + (position % inner);
    const weight = weights[position]!;
    const target = (index: number): number =>
      weight *
      (resolved.kind === 'class-indices'
        ? Number(resolved.labels[position] === index)
        : resolved.labels[start + index * inner]!);
    let mass = 0;
    for (let index = 0; index < classes; index++) mass += target(index);
    const p = activation === 'sigmoid' ? null : softmax(read, start, classes, inner);
    for (let index = 0; index < classes; index++) {
      const at = start + index * inner;
      result[at] = p ? p[index]! * mass - target(index) : -target(index) * sigmoid(-read(at));
    }
  }
  return result;
}

/**
 * w (σ(z) − y) for one probability. Those of a softmax hang together: z_i moves the term of p_i by (1 − y) p_i − y (1 − p_i),
 * and that of another p_j by y p_i − (1 − y) p_j p_i / (1 − p_j).
 */
function ofBinary(
  resolved: ElementLoss,
  output: Tensor,
  activation: FinalActivation,
  weights: Float64Array,
): Float64Array {
  const read = elementReader(output);
  const { labels, dims } = resolved;
  if (activation !== 'softmax' && activation !== 'log-softmax')
    return weights.map((weight, index) => weight * (sigmoid(read(index)) - labels[index]!));
  const axis = Math.min(1, dims.length - 1);
  const classes = dims[axis] ?? 1;
  const inner = elementCount(dims.slice(axis + 1));
  const result = new Float64Array(output.data.length);
  for (let position = 0; position < result.length / classes; position++) {
    const start = Math.floor(position / inner) * classes * inner + (position % inner);
    const p = softmax(read, start, classes, inner);
    // 1 − p is summed from the others, so that it keeps its digits where p is close to 1.
    const not = p.map((_, index) => p.reduce((sum, other, at) => (at === index ? sum : sum + other), 0));
    for (let from = 0; from < classes; from++) {
      const weight = weights[start + from * inner]!;
      const label = labels[start + from * inner]!;
      for (let by = 0; by < classes; by++) {
        const share =
          by === from
            ? (1 - label) * p[from]! - label * not[from]!
            : label * p[by]! - (label === 1 ? 0 : (1 - label) * p[from]! * (p[by]! / not[from]!));
        result[start + by * inner]! += weight * share;
      }
    }
  }
  return result;
}

function softmax(
  read: (index: number) => number,
  start: number,
  classes: number,
  inner: number,
): Float64Array {
  const values = Float64Array.from({ length: classes }, (_, index) => read(start + index * inner));
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map(value => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map(value => value / sum);
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}
