// Reads the elements of stored tensors, whole or in chunks.
import type { DType, TypedArray } from '../tensor/dtype';
import { allocate, elementCount, toFloat64, type Tensor } from '../tensor/tensor';
import type { StoredTensor } from './model';
import { payloadParts } from './payload';

/**
 * The tensor with its elements (float16 and bfloat16 as bit patterns). Throws a ModelError for string tensors, for
 * files that have become shorter, and when the number of varints does not fit the dims.
 */
export function readTensor(stored: StoredTensor): Tensor {
  const { dtype, dims } = stored;
  const count = elementCount(dims);
  let data: TypedArray | undefined;
  let done = 0;
  for (const part of payloadParts(stored, Math.max(count, 1))) {
    if (part.length === count) data = part;
    else {
      data ??= allocate(dtype, count);
      // Parts have the type of the whole, so the two casts agree.
      (data as Float64Array).set(part as Float64Array, done);
      done += part.length;
    }
  }
  return { dtype, dims, data: data ?? allocate(dtype, count) };
}

/**
 * The elements in order as float64, at most `maxElements` at a time, so that statistics of a tensor of any size need
 * little memory. Integers beyond 2^53 lose digits. Throws as `readTensor` does.
 */
export function* readTensorChunks(stored: StoredTensor, maxElements = 65536): Generator<Float64Array> {
  for (const part of payloadParts(stored, maxElements)) {
    yield widen(stored.dtype, part);
  }
}

function widen(dtype: DType, part: TypedArray): Float64Array {
  const plain = dtype !== 'float16' && dtype !== 'bfloat16';
  // Much faster than element by element, where the language can convert.
  if (plain && !(part instanceof BigInt64Array || part instanceof BigUint64Array))
    return new Float64Array(part);
  return toFloat64({ dtype, dims: [part.length], data: part });
}
