// ONNX's numbers for element types, and where the elements of each type may be stored.
import type { DType } from '../tensor/dtype';

const numbers: readonly (readonly [DType, number])[] = [
  ['float32', 1],
  ['uint8', 2],
  ['int8', 3],
  ['uint16', 4],
  ['int16', 5],
  ['int32', 6],
  ['int64', 7],
  ['string', 8],
  ['bool', 9],
  ['float16', 10],
  ['float64', 11],
  ['uint32', 12],
  ['uint64', 13],
  ['bfloat16', 16],
];
const byNumber = new Map(numbers.map(([dtype, number]) => [number, dtype]));
const byDType = new Map(numbers);

/** Types that ONNX defines and Lethe does not compute with. */
const unsupportedNames = new Map([
  [0, 'undefined'],
  [14, 'complex64'],
  [15, 'complex128'],
  [17, 'float8e4m3fn'],
  [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'],
  [20, 'float8e5m2fnuz'],
  [21, 'uint4'],
  [22, 'int4'],
  [23, 'float4e2m1'],
  [24, 'float8e8m0'],
  [25, 'uint2'],
  [26, 'int2'],
]);

/** The element type with ONNX's number, or undefined where Lethe does not know it. */
export function dtypeOf(number: number): DType | undefined {
  return byNumber.get(number);
}

/** ONNX's number of an element type. */
export function numberOf(dtype: DType): number {
  return byDType.get(dtype)!;
}

/** How to speak of an element type that Lethe does not know. */
export function unsupportedName(number: number): string {
  return unsupportedNames.get(number) ?? `number ${number}`;
}

/** The field of TensorProto that holds elements of a type when they are not raw: its number and name. */
export function typedField(dtype: DType): { readonly field: number; readonly name: string } {
  switch (dtype) {
    case 'float32':
      return { field: 4, name: 'float_data' };
    case 'float64':
      return { field: 10, name: 'double_data' };
    case 'int64':
      return { field: 7, name: 'int64_data' };
    case 'uint32':
    case 'uint64':
      return { field: 11, name: 'uint64_data' };
    case 'string':
      return { field: 6, name: 'string_data' };
    default:
      return { field: 5, name: 'int32_data' };
  }
}
