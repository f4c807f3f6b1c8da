// The labels of a dataset as one number a sample.
import { basename } from 'node:path';
import type { Dataset, SampleArray } from '../data/dataset';
import { DataError } from '../data/errors';
import { isFloating, type DType } from '../tensor/dtype';
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';

/** The first label array, reduced to one number a sample. */
export interface LabelColumn {
  readonly dtype: DType;
  /** How many numbers a sample's label has. */
  readonly perSample: number;
  /** Whether every sample's label is all zeros but for a single one. */
  readonly oneHot: boolean;
  /** The label as a class: the number itself, the place of the largest of a list, the commonest over positions. */
  readonly classes: readonly number[];
  /** The label as a value: the first number. */
  readonly values: readonly number[];
  /** Labels of up to 512 samples spread over the data, as read. */
  readonly sample: Tensor;
}

/** Samples that a loss is inferred from, and numbers that they may have together. */
const looked = { samples: 512, numbers: 1_000_000 };

/** Numbers that are read at a time; reading labels may read inputs along. */
const readAtOnce = 4_000_000;

/**
 * Reads the labels of all samples, in pieces; null where there are none. Decodes no images. Throws a DataError, also for
 * a label that is not finite.
 */
export async function readLabels(dataset: Dataset): Promise<LabelColumn | null> {
  const [label] = dataset.labels;
  if (label === undefined) return null;
  const dims = label.dims ?? [];
  const perSample = elementCount(dims);
  const wanted = Math.max(1, Math.min(dataset.size, looked.samples, Math.floor(looked.numbers / perSample)));
  const floating = isFloating(label.dtype);
  const spread = floating ? new Float64Array(wanted * perSample) : new Int32Array(wanted * perSample);
  const classes: number[] = [];
  const values: number[] = [];
  let taken = 0;
  let oneHot = perSample > 1;
  for await (const own of labelsInOrder(dataset, label, perSample)) {
    const index = values.length;
    const bad = own.find(value => !Number.isFinite(value));
    if (bad !== undefined) {
      throw new DataError(
        `${basename(dataset.path)}: the label of sample ${index} is ${bad}. Correct it or remove the sample.`,
      );
    }
    values.push(own[0] ?? 0);
    classes.push(dims.length > 1 ? commonest(own) : largestAt(own));
    oneHot &&=
      own.every(value => value === 0 || value === 1) && own.reduce((sum, value) => sum + value, 0) === 1;
    if (taken < wanted && index === Math.floor((taken * dataset.size) / wanted)) {
      spread.set(own, taken++ * perSample);
    }
  }
  const sample: Tensor = { dtype: floating ? 'float64' : 'int32', dims: [wanted, ...dims], data: spread };
  return { dtype: label.dtype, perSample, oneHot, classes, values, sample };
}

/** The numbers of each sample's label. What is given is overwritten by the next. */
async function* labelsInOrder(
  dataset: Dataset,
  label: SampleArray,
  perSample: number,
): AsyncGenerator<Float64Array> {
  const own = new Float64Array(perSample);
  if (perSample === 1 && dataset.columns.includes(label.name)) {
    // A column may hold the names of classes, which stand for their numbers.
    const numbers = new Map(dataset.classes?.map((name, id) => [name, id]));
    for (const value of dataset.column(label.name)) {
      own[0] = numbers.get(String(value)) ?? Number(value);
      yield own;
    }
    return;
  }
  const stored = dataset.inputs.reduce((sum, { dims }) => sum + elementCount(dims ?? []), perSample);
  const step = Math.max(1, Math.min(1024, Math.floor(readAtOnce / stored)));
  for (let start = 0; start < dataset.size; start += step) {
    const count = Math.min(step, dataset.size - start);
    const tensor = (await dataset.read(Array.from({ length: count }, (_, at) => start + at))).labels[0];
    if (!tensor) return;
    const read = elementReader(tensor);
    for (let row = 0; row < count; row++) {
      for (let at = 0; at < perSample; at++) own[at] = read(row * perSample + at);
      yield own;
    }
  }
}

function largestAt(values: Float64Array): number {
  if (values.length === 1) return values[0] ?? 0;
  let best = 0;
  values.forEach((value, index) => {
    if (value > (values[best] ?? 0)) best = index;
  });
  return best;
}

/** The number that occurs most often, the first on ties. */
export function commonest(values: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  let best = values[0] ?? 0;
  for (const value of Array.from(values)) {
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (count > (counts.get(best) ?? 0)) best = value;
  }
  return best;
}
