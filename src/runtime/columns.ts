// Which gradients of the model's outputs constrain a projection: the columns of G, chosen sample by sample.
import type { FloatArray, FloatType } from '../tensor/dtype';
import { elementCount, zeros, type Tensor } from '../tensor/tensor';
import type { Batch, ConstraintKind, HeadLoss } from './contracts';
import type { ResolvedLoss } from './loss';

/** A column of G: the gradient of a weighted sum of elements of one head's output, for one sample. */
export interface Column {
  /** The position in the batch of the sample behind it. */
  readonly sample: number;
  readonly head: number;
  /** Places within the sample's output, and their weights. */
  readonly elements: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
}

/** The columns of a projection, and the dims of one sample's output by head. */
export interface ColumnPlan {
  readonly columns: readonly Column[];
  readonly outputs: readonly (readonly number[])[];
  /** The type of the outputs, and so of their cotangents. */
  readonly float: FloatType;
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
  const columns: Column[] = [];
  heads.forEach(({ head, output, resolved }, index) => {
    const size = elementCount(output.dims.slice(1));
    const data = output.data as FloatArray;
    for (let sample = 0; sample < samples; sample++) {
      const start = sample * size;
      const one = (element: number): void => {
        columns.push({ sample, head: index, elements: [element], weights: [1] });
      };
      if (kind === 'all-outputs' || (head.loss === 'mse' && kind !== 'random-combination'))
        for (let element = 0; element < size; element++) one(element);
      else if (kind === 'random-combination') {
        const elements = Array.from({ length: size }, (_, element) => element);
        const weights = Float32Array.from({ length: size }, () => random());
        columns.push({ sample, head: index, elements, weights });
      } else if (kind === 'given-label' && resolved.kind === 'class-indices') {
        const elements = labelledElements(resolved, sample, samples).filter(place => place < size);
        columns.push({ sample, head: index, elements, weights: elements.map(() => 1) });
      } else one(largest(data, start, size));
    }
  });
  const float = heads[0]?.output.dtype === 'float64' ? 'float64' : 'float32';
  return { columns, outputs: heads.map(({ output }) => output.dims.slice(1)), float };
}

/** How many columns `planColumns` gives. */
export function countColumns(
  samples: number,
  heads: readonly { readonly loss: string; readonly size: number }[],
  kind: ConstraintKind,
): number {
  const each = heads.map(({ loss, size }) =>
    kind === 'all-outputs' || (loss === 'mse' && kind !== 'random-combination') ? size : 1,
  );
  return samples * each.reduce((sum, count) => sum + count, 0);
}

/** The cotangents of each column by itself: by head, [columns, …dims of the head's output]. */
export function columnCotangents({ columns, outputs, float }: ColumnPlan): Tensor[] {
  const cotangents = outputs.map(dims => zeros(float, [columns.length, ...dims]));
  columns.forEach(({ head, elements, weights }, at) => {
    const data = cotangents[head]?.data as FloatArray;
    const start = at * elementCount(outputs[head] as readonly number[]);
    for (let index = 0; index < elements.length; index++) data[start + elements[index]!] = weights[index]!;
  });
  return cotangents;
}

/** Σ over columns of coefficient × cotangent: by head, [samples, …dims of the head's output]. */
export function combineColumns(
  { columns, outputs, float }: ColumnPlan,
  samples: number,
  coefficients: Float64Array,
): Tensor[] {
  const cotangents = outputs.map(dims => zeros(float, [samples, ...dims]));
  columns.forEach(({ sample, head, elements, weights }, at) => {
    const data = cotangents[head]?.data as FloatArray;
    const start = sample * elementCount(outputs[head] as readonly number[]);
    for (let index = 0; index < elements.length; index++)
      data[start + elements[index]!]! += weights[index]! * coefficients[at]!;
  });
  return cotangents;
}

/** The product of each column's cotangent with tangents of the outputs (by head, [samples, …]). */
export function alongColumns(
  { columns, outputs }: ColumnPlan,
  tangents: readonly FloatArray[],
): Float64Array {
  return Float64Array.from(columns, ({ sample, head, elements, weights }) => {
    const data = tangents[head] as FloatArray;
    const start = sample * elementCount(outputs[head] as readonly number[]);
    let sum = 0;
    for (let index = 0; index < elements.length; index++)
      sum += weights[index]! * data[start + elements[index]!]!;
    return sum;
  });
}

/** The places of the logits of a sample's labels (one, unless the model labels positions). */
function labelledElements(
  resolved: ResolvedLoss & { kind: 'class-indices' },
  sample: number,
  samples: number,
): number[] {
  const perSample = resolved.positions / samples;
  const inner = elementCount(resolved.dims.slice(resolved.classAxis + 1));
  const places: number[] = [];
  for (let position = 0; position < perSample; position++) {
    const label = resolved.labels[sample * perSample + position] as number;
    if (label < 0) continue;
    places.push(Math.floor(position / inner) * resolved.classes * inner + label * inner + (position % inner));
  }
  return places;
}

function largest(data: FloatArray, start: number, size: number): number {
  let best = 0;
  for (let element = 1; element < size; element++)
    if ((data[start + element] as number) > (data[start + best] as number)) best = element;
  return best;
}
