// NumPy's .npy format: decoding versions 1 to 3, encoding version 1.
import { LetheError } from '../shared/errors';
import { bytesPerElement, type DType, type TypedArray } from './dtype';
import { parsePythonLiteral, type PythonValue } from './pythonLiteral';
import { allocate, elementCount, toFloat32, type Tensor } from './tensor';

/** A .npy or .npz file that cannot be read or written. The message names the file or array. */
export class NpyError extends LetheError {
  override readonly name = 'NpyError';
}

/** An array of strings, row-major. */
export interface StringArray {
  readonly dtype: 'string';
  readonly dims: readonly number[];
  readonly values: readonly string[];
}

/** What the header of a .npy file says. */
export interface NpyHeader {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** Bytes an element takes in the file; for strings the fixed width. */
  readonly itemSize: number;
  /** For strings: 'U' is UTF-32, 'S' bytes. */
  readonly text: 'U' | 'S' | null;
  /** Where the elements start, in bytes from the beginning. */
  readonly dataOffset: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const maximumHeader = 1 << 20;
const maximumRank = 64;

/** Whether bytes start as a .npy file does. */
export function looksLikeNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

/**
 * How many bytes from the beginning hold the whole header, or null while fewer than 12 bytes are there. Throws an
 * NpyError when the bytes are no .npy file.
 */
export function npyHeaderLength(bytes: Uint8Array, source: string): number | null {
  const known = Math.min(bytes.length, magic.length);
  for (let index = 0; index < known; index++) {
    if (bytes[index] !== magic[index]) {
      throw new NpyError(`${source} is not in NumPy's .npy format: its first bytes are not "\\x93NUMPY".`);
    }
  }
  if (bytes.length < 12) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    throw new NpyError(
      `${source} is in version ${version} of the .npy format. Lethe reads versions 1 to 3; save it again with numpy.save.`,
    );
  }
  const length = version === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (length > maximumHeader) {
    throw new NpyError(
      `${source} declares a header of ${length} bytes, more than the ${maximumHeader} allowed.`,
    );
  }
  return length;
}

/** Reads the header of a .npy file. `source` is what errors call the array. Throws an NpyError. */
export function parseNpyHeader(bytes: Uint8Array, source = 'The array'): NpyHeader {
  const length = npyHeaderLength(bytes, source);
  if (length === null || bytes.length < length) {
    throw new NpyError(
      `${source} ends inside its header, after ${bytes.length} bytes. The file is damaged; write it again with numpy.save.`,
    );
  }
  const text = new TextDecoder(bytes[6] === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(bytes[6] === 1 ? 10 : 12, length),
  );
  const fields = parsePythonLiteral(text);
  if (!(fields instanceof Map)) throw damagedHeader(source);
  const descr = fields.get('descr');
  const fortranOrder = fields.get('fortran_order');
  if (descr === undefined || typeof fortranOrder !== 'boolean') throw damagedHeader(source);
  const dims = readShape(fields.get('shape'), source);
  return { ...readDescr(descr, source), dims, fortranOrder, dataOffset: length };
}

/** Bytes the elements of an array take in the file. Throws an NpyError beyond 2^53. */
export function npyPayloadLength(header: NpyHeader, source = 'The array'): number {
  let length = header.itemSize;
  if (header.dims.includes(0)) return 0;
  for (const dim of header.dims) length *= dim;
  if (!Number.isSafeInteger(length))
    throw new NpyError(`${source} declares more elements than can be counted exactly.`);
  return length;
}

/** Decodes a numeric .npy file. Bytes after the array are ignored, as NumPy does. Throws an NpyError. */
export function decodeNpy(bytes: Uint8Array, source = 'The array'): Tensor {
  const array = decodeNpyArray(bytes, source);
  if (array.dtype === 'string') throw new NpyError(`${source} holds text where numbers are needed.`);
  return array as Tensor;
}

/** Decodes a .npy file of numbers or text. Throws an NpyError. */
export function decodeNpyArray(bytes: Uint8Array, source = 'The array'): Tensor | StringArray {
  const header = parseNpyHeader(bytes, source);
  const needed = npyPayloadLength(header, source);
  const present = bytes.length - header.dataOffset;
  if (present < needed) {
    throw new NpyError(
      `${source} should hold ${needed} bytes of elements (${describeShape(header)}), but only ${present} are there. ` +
        'The file is damaged or was cut off; write it again with numpy.save.',
    );
  }
  return decodeNpyPayload(bytes.subarray(header.dataOffset, header.dataOffset + needed), header);
}

/** Whether an array holds text. */
export function isStringArray(array: Tensor | StringArray): array is StringArray {
  return array.dtype === 'string';
}

/** Decodes elements that follow a header; the result is row-major and does not share memory with `payload`. */
export function decodeNpyPayload(payload: Uint8Array, header: NpyHeader): Tensor | StringArray {
  const { dims, dtype } = header;
  // A Buffer's own slice would share memory and keep its odd offset.
  const bytes = new Uint8Array(payload);
  if (header.bigEndian) reverseGroups(bytes, header.text === 'U' ? 4 : header.itemSize);
  if (header.text !== null) {
    const values = decodeText(bytes, header.itemSize, header.text, elementCount(dims));
    return { dtype: 'string', dims, values: header.fortranOrder ? toRowMajor(values, dims, []) : values };
  }
  if (dtype === 'bool') bytes.forEach((byte, index) => (bytes[index] = byte === 0 ? 0 : 1));
  const data = viewAs(dtype, bytes);
  return {
    dtype,
    dims,
    data: header.fortranOrder ? toRowMajor(data, dims, allocate(dtype, data.length)) : data,
  };
}

/** Encodes a tensor as .npy version 1, row-major, little-endian. bfloat16 has no NumPy type and becomes float32. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  if (tensor.dtype === 'bfloat16')
    return encodeNpy({ dtype: 'float32', dims: tensor.dims, data: toFloat32(tensor) });
  const { dims, data } = tensor;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const fields = `{'descr': '${descrOf(tensor.dtype)}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The elements start at a multiple of 64 bytes, so that a reader may map them.
  const total = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const result = new Uint8Array(total + data.byteLength);
  result.set(magic);
  result.set([1, 0, (total - 10) & 0xff, (total - 10) >> 8], 6);
  result.set(new TextEncoder().encode(fields.padEnd(total - 11) + '\n'), 10);
  result.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), total);
  return result;
}

const descrs: Readonly<Record<string, DType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

function descrOf(dtype: DType): string {
  const code = Object.keys(descrs).find(key => descrs[key] === dtype);
  if (code === undefined) throw new NpyError(`Elements of type ${dtype} cannot be written as a .npy file.`);
  return (code.endsWith('1') ? '|' : '<') + code;
}

function readDescr(
  descr: PythonValue,
  source: string,
): Pick<NpyHeader, 'dtype' | 'bigEndian' | 'itemSize' | 'text'> {
  if (typeof descr !== 'string') {
    throw new NpyError(
      `${source} is a structured array. Lethe reads plain arrays; save each field as its own array.`,
    );
  }
  const match = /^([<>|=]?)([A-Za-z?])(\d*)(?:\[.*\])?$/.exec(descr);
  if (match === null)
    throw new NpyError(`${source} has the element type '${descr}', which Lethe does not know.`);
  const [, order, kind, width] = match;
  const bigEndian = order === '>';
  if (kind === 'O') {
    throw new NpyError(
      `${source} holds Python objects, which only Python can load safely. Save it as a plain array of numbers.`,
    );
  }
  if (kind === 'U' || kind === 'S') {
    const characters = Number(width);
    if (width === '' || characters > 1 << 24)
      throw new NpyError(`${source} has text elements of unknown width.`);
    return { dtype: 'string', bigEndian, itemSize: kind === 'U' ? characters * 4 : characters, text: kind };
  }
  const dtype =
    kind === '?' ? 'bool' : Object.hasOwn(descrs, `${kind}${width}`) ? descrs[`${kind}${width}`] : undefined;
  if (dtype === undefined || descr.endsWith(']')) {
    throw new NpyError(
      `${source} has elements of type '${descr}'. Lethe reads integers, booleans and floats of up to 64 bits; convert it with astype.`,
    );
  }
  return { dtype, bigEndian, itemSize: bytesPerElement(dtype), text: null };
}

function readShape(shape: PythonValue | undefined, source: string): number[] {
  if (!Array.isArray(shape) || !shape.every(dim => typeof dim === 'number')) throw damagedHeader(source);
  if (shape.length > maximumRank) {
    throw new NpyError(`${source} has ${shape.length} axes; Lethe reads arrays of up to ${maximumRank}.`);
  }
  if (!shape.every(dim => Number.isSafeInteger(dim) && dim >= 0)) throw damagedHeader(source);
  return shape;
}

function damagedHeader(source: string): NpyError {
  return new NpyError(
    `${source} has a header that cannot be understood. The file is damaged; write it again with numpy.save.`,
  );
}

function describeShape(header: NpyHeader): string {
  return `${header.dtype}, shape ${header.dims.length === 0 ? '()' : header.dims.join(' × ')}`;
}

function reverseGroups(bytes: Uint8Array, size: number): void {
  if (size < 2) return;
  for (let start = 0; start + size <= bytes.length; start += size)
    bytes.subarray(start, start + size).reverse();
}

function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const { buffer, byteOffset } = bytes;
  const length = bytes.length / bytesPerElement(dtype);
  const { constructor } = allocate(dtype, 0);
  const View = constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
  return new View(buffer, byteOffset, length);
}

function decodeText(bytes: Uint8Array, width: number, kind: 'U' | 'S', count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: string[] = [];
  for (let index = 0; index < count; index++) {
    const item = bytes.subarray(index * width, (index + 1) * width);
    if (kind === 'S') {
      values.push(new TextDecoder().decode(item).replace(/\0+$/, ''));
      continue;
    }
    let text = '';
    for (let offset = index * width; offset < (index + 1) * width; offset += 4) {
      const point = view.getUint32(offset, true);
      text += point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
    }
    values.push(text.replace(/\0+$/, ''));
  }
  return values;
}

/** Copies a column-major array into `target` in row-major order. */
function toRowMajor<T extends TypedArray | string[]>(source: T, dims: readonly number[], target: T): T {
  const strides: number[] = [];
  let stride = 1;
  for (const dim of dims) {
    strides.push(stride);
    stride *= dim;
  }
  const position = dims.map(() => 0);
  let offset = 0;
  for (let index = 0; index < source.length; index++) {
    target[index] = source[offset]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++position[axis]! < dims[axis]!) break;
      offset -= strides[axis]! * dims[axis]!;
      position[axis] = 0;
    }
  }
  return target;
}
