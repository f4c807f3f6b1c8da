// A head's output on a batch in one form for every kind of loss: log-probabilities or values, labels, losses.
import type { HeadLoss } from '../runtime/contracts';
import type { ResolvedLoss } from '../runtime/loss';
import {
  binaryLogProbabilities,
  predictedClasses,
  sampleLosses,
  type FinalActivation,
} from '../runtime/sampleLosses';
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';

/** One head on one batch. A binary output counts as two classes at every element; a regressor has no classes. */
export interface HeadView {
  readonly head: HeadLoss;
  readonly samples: number;
  /** Positions (or elements) of one sample. */
  readonly perSample: number;
  /** 0 for a regressor. */
  readonly classes: number;
  /** [positions, classes] log p, or [positions] the values of a regressor. */
  readonly values: Float64Array;
  /** The class of every position, −1 where it is ignored; null for a regressor. */
  readonly labels: Int32Array | null;
  readonly losses: Float64Array;
}

/** Brings a head's output and labels into that form. `output` holds logits for the cross-entropies. */
export function viewHead(
  head: HeadLoss,
  resolved: ResolvedLoss,
  output: Tensor,
  activation: FinalActivation,
  samples: number,
): HeadView {
  const perSample = resolved.positions / samples;
  const losses = sampleLosses(resolved, output, activation, samples);
  const shared = { head, samples, perSample, losses };
  if (resolved.kind === 'elements') {
    if (resolved.loss === 'mse') {
      const read = elementReader(output);
      const values = Float64Array.from({ length: output.data.length }, (_, index) => read(index));
      return { ...shared, classes: 0, values, labels: null };
    }
    const logs = binaryLogProbabilities(output, activation);
    const values = new Float64Array(2 * resolved.positions);
    for (let index = 0; index < resolved.positions; index++) {
      const [log, logOther] = logs(index);
      values[2 * index] = logOther;
      values[2 * index + 1] = log;
    }
    return {
      ...shared,
      classes: 2,
      values,
      labels: Int32Array.from(resolved.labels, label => (label > 0.5 ? 1 : 0)),
    };
  }
  const { labels, dims, classAxis, classes } = resolved;
  return {
    ...shared,
    classes,
    values: logSoftmax(output, classAxis),
    labels:
      labels instanceof Int32Array
        ? labels
        : predictedClasses({ dtype: 'float64', dims, data: labels }, classAxis),
  };
}

/** log p at every position, [positions, classes] whatever axis the classes had. */
function logSoftmax(logits: Tensor, classAxis: number): Float64Array {
  const read = elementReader(logits);
  const classes = logits.dims[classAxis] ?? 1;
  const inner = elementCount(logits.dims.slice(classAxis + 1));
  const positions = logits.data.length / classes;
  const result = new Float64Array(positions * classes);
  for (let position = 0; position < positions; position++) {
    const start = Math.floor(position / inner) * classes * inner + (position % inner);
    let largest = -Infinity;
    for (let index = 0; index < classes; index++) largest = Math.max(largest, read(start + index * inner));
    let sum = 0;
    for (let index = 0; index < classes; index++) sum += Math.exp(read(start + index * inner) - largest);
    const all = largest + Math.log(sum);
    for (let index = 0; index < classes; index++)
      result[position * classes + index] = read(start + index * inner) - all;
  }
  return result;
}

/** The class with the largest log p at a position, the first on ties. */
export function predictedAt({ values, classes }: HeadView, position: number): number {
  const start = position * classes;
  let best = 0;
  for (let index = 1; index < classes; index++)
    if (values[start + index]! > values[start + best]!) best = index;
  return best;
}
