// The labels of a dataset as one number a sample.
import type { Dataset, SampleArray } from '../data/dataset';
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

/** Reads the labels of all samples; null where there are none. Decodes no images. Throws a DataError. */
export async function readLabels(dataset: Dataset): Promise<LabelColumn | null> {
  const [label] = dataset.labels;
  if (label === undefined) return null;
  const dims = label.dims ?? [];
  const perSample = elementCount(dims);
  const inMemory = perSample === 1 && dataset.columns.includes(label.name);
  const numbers = inMemory ? columnNumbers(dataset, label) : await storedNumbers(dataset, perSample);
  const classes: number[] = [];
  const values: number[] = [];
  let oneHot = perSample > 1;
  for (let index = 0; index < dataset.size; index++) {
    const own = numbers.subarray(index * perSample, (index + 1) * perSample);
    values.push(own[0] ?? 0);
    classes.push(dims.length > 1 ? commonest(own) : largestAt(own));
    oneHot &&=
      own.every(value => value === 0 || value === 1) && own.reduce((sum, value) => sum + value, 0) === 1;
  }
  const looked = Math.min(dataset.size, 512);
  const spread = Float64Array.from({ length: looked * perSample }, (_, at) => {
    const index = Math.floor((Math.floor(at / perSample) * dataset.size) / looked);
    return numbers[index * perSample + (at % perSample)] ?? 0;
  });
  const sample: Tensor = isFloating(label.dtype)
    ? { dtype: 'float64', dims: [looked, ...dims], data: spread }
    : { dtype: 'int32', dims: [looked, ...dims], data: Int32Array.from(spread) };
  return { dtype: label.dtype, perSample, oneHot, classes, values, sample };
}

/** Class names of a column stand for their numbers. */
function columnNumbers(dataset: Dataset, label: SampleArray): Float64Array {
  const numbers = new Map(dataset.classes?.map((name, id) => [name, id]));
  const column = dataset.column(label.name);
  return Float64Array.from(column, value =>
    dataset.classes === null ? Number(value) : (numbers.get(String(value)) ?? Number(value)),
  );
}

async function storedNumbers(dataset: Dataset, perSample: number): Promise<Float64Array> {
  const numbers = new Float64Array(dataset.size * perSample);
  const step = 1024;
  for (let start = 0; start < dataset.size; start += step) {
    const count = Math.min(step, dataset.size - start);
    const indices = Array.from({ length: count }, (_, offset) => start + offset);
    const tensor = (await dataset.read(indices)).labels[0];
    if (!tensor) continue;
    const read = elementReader(tensor);
    for (let at = 0; at < tensor.data.length; at++) numbers[start * perSample + at] = read(at);
  }
  return numbers;
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
