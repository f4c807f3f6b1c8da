// Rows of a tensor along axis 0.
import { allocate, elementCount, type Tensor } from '../tensor/tensor';
import { DataError } from './errors';

/** The rows of a tensor at some indices, stacked in that order. */
export function takeRows(tensor: Tensor, indices: readonly number[]): Tensor {
  const dims = tensor.dims.slice(1);
  const width = elementCount(dims);
  const data = allocate(tensor.dtype, indices.length * width);
  indices.forEach((index, position) => {
    data.set(tensor.data.subarray(index * width, (index + 1) * width) as never, position * width);
  });
  return { dtype: tensor.dtype, dims: [indices.length, ...dims], data };
}

/** Samples stacked along a new axis 0. All must have the same type and dims. */
export function stack(samples: readonly Tensor[]): Tensor {
  const [first] = samples;
  if (first === undefined) throw new TypeError('Nothing to stack.');
  const width = elementCount(first.dims);
  const data = allocate(first.dtype, samples.length * width);
  samples.forEach((sample, position) => data.set(sample.data as never, position * width));
  return { dtype: first.dtype, dims: [samples.length, ...first.dims], data };
}

/** Throws a DataError unless every index is one of a dataset's samples. */
export function checkIndices(indices: readonly number[], size: number, source: string): void {
  for (const index of indices) {
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new DataError(
        `Sample ${index} is not in ${source}, whose ${size} samples are numbered 0 to ${size - 1}.`,
      );
    }
  }
}
