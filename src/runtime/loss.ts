// How labels meet an output: which loss term belongs to which element, checked before anything is computed.
import { LetheError } from '../shared/errors';
import { isFloating } from '../tensor/dtype';
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';
import type { LossName } from './contracts';

/** Labels that do not fit the output they are compared with. */
export class LossError extends LetheError {
  override readonly name = 'LossError';
}

/** Cross-entropy against class numbers. A position is an element of the output without its class axis. */
export interface ClassIndexLoss {
  readonly kind: 'class-indices';
  readonly dims: readonly number[];
  readonly classAxis: number;
  readonly classes: number;
  /** How many positions there are, labelled or not. */
  readonly positions: number;
  /** One class per position in row-major order; -1 where the position is ignored. */
  readonly labels: Int32Array;
  /** The weight of each position in the mean: 1 / (labelled positions), 0 where ignored. */
  readonly weights: Float64Array;
}

/** Cross-entropy against a distribution over the classes at every position. */
export interface ClassProbabilityLoss {
  readonly kind: 'class-probabilities';
  readonly dims: readonly number[];
  readonly classAxis: number;
  readonly classes: number;
  readonly positions: number;
  /** Shaped like the output. */
  readonly labels: Float64Array;
  readonly weights: Float64Array;
}

/** A loss that compares element with element. */
export interface ElementLoss {
  readonly kind: 'elements';
  readonly loss: 'binary-cross-entropy' | 'mse';
  readonly dims: readonly number[];
  /** How many elements the mean is over. */
  readonly positions: number;
  /** Shaped like the output. */
  readonly labels: Float64Array;
  readonly weights: Float64Array;
}

/** A loss whose labels are known to fit. Every kind is a mean: the sum of its terms times `weights`. */
export type ResolvedLoss = ClassIndexLoss | ClassProbabilityLoss | ElementLoss;

/**
 * Fits labels to an output of the given dims (batch axis first).
 *
 * Cross-entropy takes integers, with the class axis 1 if the labels' shape is the output's without axis 1, else
 * the last; negative labels are ignored. Floating labels shaped like the output are class probabilities, along the
 * axis where they sum to one (axis 1 where both do, the last where neither does). The other losses reshape labels
 * to the output, whatever their type, and never broadcast.
 *
 * `where` names the labels in messages ("labels of train.npz"); `rows` gives each sample's number in its dataset,
 * where that differs from its place in the batch. Throws a LossError.
 */
export function resolveLoss(
  loss: LossName,
  outputDims: readonly number[],
  labels: Tensor,
  where: string,
  rows?: readonly number[],
): ResolvedLoss {
  if (labels.dtype === 'string') {
    throw new LossError(
      `${where} are texts; the loss ${loss} needs numbers. Map them to class numbers first.`,
    );
  }
  const context: Context = { dims: outputDims, labels, where, rows };
  if (loss !== 'cross-entropy') return resolveElements(loss, context);
  if (isFloating(labels.dtype) && sameDims(labels.dims, outputDims)) return resolveProbabilities(context);
  return resolveClasses(context);
}

/**
 * The weight of every term of the mean (one per position or element) once each sample's terms are scaled by
 * `sampleWeights`. `samples` is the number of samples in the batch.
 */
export function termWeights(
  resolved: ResolvedLoss,
  samples: number,
  sampleWeights?: ArrayLike<number>,
): Float64Array {
  if (!sampleWeights) return resolved.weights;
  if (sampleWeights.length !== samples) {
    throw new RangeError(`${sampleWeights.length} sample weights were given for ${samples} samples.`);
  }
  const perSample = resolved.positions / samples;
  return resolved.weights.map(
    (weight, position) => weight * sampleWeights[Math.floor(position / perSample)]!,
  );
}

interface Context {
  readonly dims: readonly number[];
  readonly labels: Tensor;
  readonly where: string;
  readonly rows: readonly number[] | undefined;
}

function resolveElements(loss: 'binary-cross-entropy' | 'mse', context: Context): ElementLoss {
  const { dims, labels, where } = context;
  const positions = elementCount(dims);
  if (labels.data.length !== positions) {
    throw new LossError(
      `${where} hold ${labels.data.length} values (shape ${shape(labels.dims)}), but the output has ${positions} ` +
        `(shape ${shape(dims)}). The loss ${loss} compares them one by one and never broadcasts: give one label ` +
        `per output element.`,
    );
  }
  const read = elementReader(labels);
  const values = new Float64Array(positions);
  for (let index = 0; index < positions; index++) {
    const value = read(index);
    if (!Number.isFinite(value)) throw notFinite(context, index, value);
    if (loss === 'binary-cross-entropy' && (value < 0 || value > 1)) {
      throw new LossError(
        `${where}: the label ${placeOf(context, index, dims)} is ${value}, but the loss binary-cross-entropy takes ` +
          `labels from 0 to 1. Correct the label, or use the loss cross-entropy (class numbers) or mse.`,
      );
    }
    values[index] = value;
  }
  return { kind: 'elements', loss, dims, positions, labels: values, weights: evenWeights(positions) };
}

function resolveProbabilities(context: Context): ClassProbabilityLoss {
  const { dims, labels } = context;
  const read = elementReader(labels);
  const values = new Float64Array(labels.data.length);
  for (let index = 0; index < values.length; index++) {
    const value = read(index);
    if (!Number.isFinite(value)) throw notFinite(context, index, value);
    values[index] = value;
  }
  const last = Math.max(0, dims.length - 1);
  const classAxis = last > 1 && sumsToOne(values, dims, 1) ? 1 : last;
  const classes = dims[classAxis] ?? 1;
  const positions = classes === 0 ? 0 : values.length / classes;
  const weights = evenWeights(positions);
  return { kind: 'class-probabilities', dims, classAxis, classes, positions, labels: values, weights };
}

function resolveClasses(context: Context): ClassIndexLoss {
  const { dims, labels, where } = context;
  const classAxis =
    dims.length > 1 && sameDims(labels.dims, without(dims, 1)) ? 1 : Math.max(0, dims.length - 1);
  const positionDims = without(dims, classAxis);
  const positions = elementCount(positionDims);
  const classes = dims[classAxis] ?? 1;
  if (labels.data.length !== positions || !reshapes(labels.dims, positionDims)) {
    const expected =
      dims.length > 2 ? `${shape(positionDims)} or ${shape(without(dims, 1))}` : shape(positionDims);
    throw new LossError(
      `${where} have the shape ${shape(labels.dims)}, but an output of shape ${shape(dims)} needs class numbers of ` +
        `shape ${expected}, or floating class probabilities of shape ${shape(dims)}. Give labels of that shape, or ` +
        `another loss.`,
    );
  }
  const read = elementReader(labels);
  const values = new Int32Array(positions);
  let labelled = 0;
  for (let index = 0; index < positions; index++) {
    const value = read(index);
    if (!Number.isInteger(value)) {
      throw new LossError(
        `${where}: the label ${placeOf(context, index, positionDims)} is ${value}, which is no class number. The ` +
          `loss cross-entropy takes integers, or floating class probabilities of shape ${shape(dims)}; for ` +
          `regression use the loss mse.`,
      );
    }
    if (value >= classes) {
      // Positions may be left out by a negative label; a sample with one label is left out of the data instead.
      const remedy =
        positionDims.length > 1
          ? 'Correct the label, or make it negative to ignore it.'
          : 'Correct the label or remove the sample.';
      const hint = classes === 1 ? ' For an output with one column use the loss binary-cross-entropy.' : '';
      throw new LossError(
        `${where}: the label ${placeOf(context, index, positionDims)} is ${value}, but the model has ` +
          `${classes} ${classes === 1 ? 'class (0)' : `classes (0 to ${classes - 1})`}. ${remedy}${hint}`,
      );
    }
    values[index] = value < 0 ? -1 : value;
    if (value >= 0) labelled++;
  }
  const weights = Float64Array.from(values, label => (label < 0 ? 0 : 1 / labelled));
  return { kind: 'class-indices', dims, classAxis, classes, positions, labels: values, weights };
}

/** Whether labels may be read as if they had these dims: equal but for axes of size one, or flattened. */
function reshapes(from: readonly number[], to: readonly number[]): boolean {
  const wide = (dims: readonly number[]): number[] => dims.filter(dim => dim !== 1);
  return wide(from).length <= 1 || sameDims(wide(from), wide(to));
}

function sumsToOne(values: Float64Array, dims: readonly number[], axis: number): boolean {
  const size = dims[axis]!;
  const inner = elementCount(dims.slice(axis + 1));
  for (let start = 0; start < values.length; start += size * inner) {
    for (let offset = 0; offset < inner; offset++) {
      let sum = 0;
      for (let index = 0; index < size; index++) sum += values[start + index * inner + offset]!;
      if (Math.abs(sum - 1) > 1e-3) return false;
    }
  }
  return true;
}

function evenWeights(count: number): Float64Array {
  return new Float64Array(count).fill(1 / count);
}

function notFinite(context: Context, index: number, value: number): LossError {
  const place = placeOf(context, index, context.labels.dims);
  return new LossError(
    `${context.where}: the label ${place} is ${value}. Correct it or leave the sample out.`,
  );
}

/** "of sample 12" or "of sample 12 at [3, 5]". */
function placeOf(context: Context, index: number, dims: readonly number[]): string {
  const place: number[] = [];
  let rest = index;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    place.unshift(rest % dims[axis]!);
    rest = Math.floor(rest / dims[axis]!);
  }
  const [row = 0, ...inside] = place;
  const sample = `of sample ${context.rows?.[row] ?? row}`;
  return inside.some((_, axis) => dims[axis + 1] !== 1) ? `${sample} at [${inside.join(', ')}]` : sample;
}

function without(dims: readonly number[], axis: number): number[] {
  return dims.filter((_, index) => index !== axis);
}

function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

function shape(dims: readonly number[]): string {
  return `[${dims.join(', ')}]`;
}
