// Which gradients of the model's outputs constrain a projection: the columns of G, chosen sample by sample.
import { elementCount, zeros, type Tensor } from '../tensor/tensor';
import type { Batch, ConstraintKind, HeadLoss } from './contracts';
import type { ResolvedLoss } from './loss';

/** The columns of a projection: which sample each belongs to, and its cotangent on every head. */
export interface ColumnPlan {
  /** The position in the batch of the sample behind each column. */
  readonly samples: readonly number[];
  /** By head, [columns, …dims of the head's output]. */
  readonly cotangents: readonly Tensor[];
}

/** A head as columns see it: the values its gradients are taken of, and its labels. */
export interface ColumnHead {
  readonly head: HeadLoss;
  /** [samples, …]: logits of a classifier, the output of a regressor. */
  readonly output: Tensor;
  readonly resolved: ResolvedLoss;
}

/**
 * Chooses the columns. Largest logit and given label give one column a sample and head (for regression one an
 * output element), a random combination one a sample, all outputs one an element.
 */
export function planColumns(
  batch: Batch,
  heads: readonly ColumnHead[],
  kind: ConstraintKind,
  random: () => number,
): ColumnPlan {
  const samples = (batch.inputs[0] as Tensor).dims[0] as number;
  const columns: { sample: number; head: number; fill: (target: Float32Array, start: number) => void }[] = [];
  heads.forEach(({ head, output, resolved }, index) => {
    const size = elementCount(output.dims.slice(1));
    const data = output.data as Float32Array;
    for (let sample = 0; sample < samples; sample++) {
      const start = sample * size;
      const one = (element: number): void => {
        columns.push({ sample, head: index, fill: (target, at) => (target[at + element] = 1) });
      };
      if (kind === 'all-outputs' || (head.loss === 'mse' && kind !== 'random-combination'))
        for (let element = 0; element < size; element++) one(element);
      else if (kind === 'random-combination') {
        const weights = Float32Array.from({ length: size }, () => random());
        columns.push({ sample, head: index, fill: (target, at) => target.set(weights, at) });
      } else if (kind === 'given-label' && resolved.kind === 'class-indices')
        columns.push({ sample, head: index, fill: labelledElements(resolved, sample, samples, size) });
      else one(largest(data, start, size));
    }
  });
  const cotangents = heads.map(({ output }) => zeros('float32', [columns.length, ...output.dims.slice(1)]));
  columns.forEach((column, at) => {
    const target = cotangents[column.head] as Tensor;
    column.fill(target.data as Float32Array, at * elementCount(target.dims.slice(1)));
  });
  return { samples: columns.map(column => column.sample), cotangents };
}

/** The sum of the logits of a sample's labels (one, unless the model labels positions). */
function labelledElements(
  resolved: ResolvedLoss & { kind: 'class-indices' },
  sample: number,
  samples: number,
  size: number,
): (target: Float32Array, at: number) => void {
  const perSample = resolved.positions / samples;
  const inner = elementCount(resolved.dims.slice(resolved.classAxis + 1));
  const places: number[] = [];
  for (let position = 0; position < perSample; position++) {
    const label = resolved.labels[sample * perSample + position] as number;
    if (label < 0) continue;
    places.push(Math.floor(position / inner) * resolved.classes * inner + label * inner + (position % inner));
  }
  return (target, at) => {
    for (const place of places) if (place < size) target[at + place] = 1;
  };
}

function largest(data: Float32Array, start: number, size: number): number {
  let best = 0;
  for (let element = 1; element < size; element++)
    if ((data[start + element] as number) > (data[start + best] as number)) best = element;
  return best;
}
