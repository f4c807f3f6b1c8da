// A dense tensor: element type, dims and row-major elements.
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
  type DType,
  type FloatArray,
  type FloatType,
  type TypedArray,
} from './dtype';

/** A dense row-major tensor. `data.length` equals the product of `dims`. */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

/** The number of elements of a shape; 1 for rank 0. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A tensor of zeros. */
export function zeros(dtype: DType, dims: readonly number[]): Tensor {
  return { dtype, dims, data: allocate(dtype, elementCount(dims)) };
}

/** A fresh typed array for `length` elements of a numeric type. Throws a TypeError for `string`. */
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length);
    case 'float64':
      return new Float64Array(length);
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return new Uint16Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'uint8':
    case 'bool':
      return new Uint8Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'uint32':
      return new Uint32Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'uint64':
      return new BigUint64Array(length);
    case 'string':
      throw new TypeError('String tensors have no typed array.');
  }
}

/** A fresh array of zeros to compute with. */
export function allocateFloats(type: FloatType, length: number): FloatArray {
  return type === 'float64' ? new Float64Array(length) : new Float32Array(length);
}

/** The type of the numbers that an array holds. */
export function floatTypeOf(data: FloatArray): FloatType {
  return data instanceof Float64Array ? 'float64' : 'float32';
}

/** A tensor to compute with from numbers, which are shared where they have the type. */
export function floats(type: FloatType, dims: readonly number[], data: ArrayLike<number>): Tensor {
  if (type === 'float32')
    return { dtype: type, dims, data: data instanceof Float32Array ? data : new Float32Array(data) };
  return { dtype: type, dims, data: data instanceof Float64Array ? data : new Float64Array(data) };
}

/** A float32 tensor from numbers. */
export function float32(dims: readonly number[], data: Float32Array | readonly number[]): Tensor {
  return { dtype: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** An int64 tensor from numbers. */
export function int64(dims: readonly number[], data: readonly number[]): Tensor {
  return { dtype: 'int64', dims, data: BigInt64Array.from(data, value => BigInt(value)) };
}

/** A reader of single elements as numbers (int64 beyond 2^53 loses digits). */
export function elementReader(tensor: Tensor): (index: number) => number {
  const { data, dtype } = tensor;
  if (dtype === 'float16') return index => float16ToNumber(data[index] as number);
  if (dtype === 'bfloat16') return index => bfloat16ToNumber(data[index] as number);
  return index => Number(data[index]);
}

/** The elements as float64. */
export function toFloat64(tensor: Tensor): Float64Array {
  if (tensor.data instanceof Float64Array) return tensor.data;
  const read = elementReader(tensor);
  return Float64Array.from({ length: tensor.data.length }, (_, index) => read(index));
}

/** The elements as float32 (the same array when they already are). */
export function toFloat32(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  const read = elementReader(tensor);
  const result = new Float32Array(tensor.data.length);
  for (let index = 0; index < result.length; index++) result[index] = read(index);
  return result;
}

/** The elements as float32 or float64 (the same array when they already are). */
export function toFloats(tensor: Tensor, type: FloatType): FloatArray {
  return type === 'float64' ? toFloat64(tensor) : toFloat32(tensor);
}

/**
 * The tensor in another numeric type: floats round to nearest even, integers truncate toward zero as a cast
 * does. Returns the tensor itself when it has the type already.
 */
export function castTensor(tensor: Tensor, dtype: DType): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const read = elementReader(tensor);
  const data = allocate(dtype, tensor.data.length);
  for (let index = 0; index < data.length; index++) {
    const value = read(index);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array)
      data[index] = BigInt(Math.trunc(value));
    else if (dtype === 'float16') data[index] = numberToFloat16(value);
    else if (dtype === 'bfloat16') data[index] = numberToBfloat16(value);
    else if (dtype === 'bool') data[index] = value !== 0 ? 1 : 0;
    else data[index] = value;
  }
  return { dtype, dims: tensor.dims, data };
}
