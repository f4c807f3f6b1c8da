// Turns new values of a tensor into patches of the bytes that hold it, in the tensor's own type and encoding.
import { bytesPerElement, numberToBfloat16, numberToFloat16, type FloatArray } from '../tensor/dtype';
import { elementCount } from '../tensor/tensor';
import { ModelError } from './errors';
import { readFully, withFile } from './files';
import type { PayloadRange, StoredTensor } from './model';
import type { Patch } from './patch';
import { payloadParts } from './payload';

/** New values of a tensor, row-major. */
export type NewValues = FloatArray;

const step = 65536;

/**
 * Patches that put `values` into the tensor's payload, rounded to nearest even in its own type. Elements of float64
 * tensors that already round to the new float32 value keep all their digits. Throws a ModelError when the tensor is
 * not of a floating type, the count differs, or a value is NaN or too large for the type.
 */
export function payloadPatches(name: string, stored: StoredTensor, values: NewValues): Patch[] {
  const { dtype } = stored;
  const fail = (problem: string, remedy: string): ModelError =>
    new ModelError(stored.proto.file, `The tensor "${name}" ${problem}`, remedy);
  if (!(dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16')) {
    throw fail(`has the type ${dtype} and cannot take new floating values.`, 'Leave it out of the changes.');
  }
  const count = elementCount(stored.dims);
  if (values.length !== count) {
    throw fail(
      `has ${count} elements, but ${values.length} new values were given.`,
      'Give one value per element.',
    );
  }
  const overflow = firstOverflow(dtype, values);
  if (overflow >= 0) {
    const value = values[overflow]!;
    throw fail(
      Number.isNaN(value)
        ? `would get the value NaN at element ${overflow}.`
        : `would get the value ${value} at element ${overflow}, which is too large for ${dtype}.`,
      'Nothing was saved; use a smaller learning rate or save a float32 model.',
    );
  }
  if (stored.encoding === 'varints') return varintPatches(stored, values);
  if (stored.encoding === 'sharded') return shardedPatches(stored, values);
  const patches: Patch[] = [];
  let start = 0;
  for (const range of stored.ranges) {
    const length = range.length / (bytesPerElement(dtype) + range.tagBytes);
    const from = start;
    patches.push({
      file: range.file,
      offset: range.offset,
      length: range.length,
      newLength: range.length,
      content: () => fixedContent(stored, range, values, from, from + length),
    });
    start += length;
  }
  return patches;
}

/** A patch a run; the elements at its ends may reach into the runs beside it. */
function shardedPatches(stored: StoredTensor, values: NewValues): Patch[] {
  let start = 0;
  return stored.ranges.map(range => {
    const from = start;
    start += range.length;
    const { file, offset, length } = range;
    const content = (): Iterable<Uint8Array> => shardedContent(stored, values, from, from + length);
    return { file, offset, length, newLength: length, content };
  });
}

/** The bytes `from` to `to` of the whole payload. */
function* shardedContent(
  stored: StoredTensor,
  values: NewValues,
  from: number,
  to: number,
): Generator<Uint8Array> {
  const size = bytesPerElement(stored.dtype);
  const last = Math.ceil(to / size);
  for (let start = Math.floor(from / size); start < last; start += step) {
    const bytes = encode(stored.dtype, values.subarray(start, Math.min(start + step, last)), undefined);
    const at = start * size;
    yield bytes.subarray(Math.max(0, from - at), Math.min(bytes.length, to - at));
  }
}

/** The first element that is NaN or becomes infinite although it is not; -1 when there is none. */
function firstOverflow(dtype: 'float32' | 'float64' | 'float16' | 'bfloat16', values: NewValues): number {
  // The smallest magnitude that rounds to infinity: halfway between the largest value and the next power of two.
  const limit = {
    float64: Infinity,
    float32: 2 ** 128 - 2 ** 103,
    float16: 65520,
    bfloat16: 2 ** 128 - 2 ** 119,
  }[dtype];
  return values.findIndex(
    value => Number.isNaN(value) || (Math.abs(value) >= limit && Math.abs(value) !== Infinity),
  );
}

function bitsOf(dtype: StoredTensor['dtype']): (value: number) => number {
  return dtype === 'float16' ? numberToFloat16 : numberToBfloat16;
}

function* fixedContent(
  stored: StoredTensor,
  range: PayloadRange,
  values: NewValues,
  from: number,
  to: number,
): Generator<Uint8Array> {
  const tag = range.tagBytes > 0 ? readBytes(range.file, range.offset, range.tagBytes) : null;
  const original = keepsDigits(stored, values) ? payloadParts({ ...stored, ranges: [range] }, step) : null;
  for (let start = from; start < to; start += step) {
    const part = values.subarray(start, Math.min(start + step, to));
    const old = original?.next().value as Float64Array | undefined;
    const bytes = encode(stored.dtype, part, old);
    yield tag ? withTags(bytes, tag, bytesPerElement(stored.dtype)) : bytes;
  }
}

/** float32 values of a float64 tensor say nothing about the digits of elements that did not change. */
function keepsDigits(stored: StoredTensor, values: NewValues): boolean {
  return stored.dtype === 'float64' && values instanceof Float32Array;
}

function encode(dtype: StoredTensor['dtype'], values: NewValues, old: Float64Array | undefined): Uint8Array {
  let result: FloatArray | Uint16Array;
  if (dtype === 'float32') result = Float32Array.from(values);
  else if (dtype === 'float64') {
    result = Float64Array.from(values, (value, index) => {
      const before = old?.[index];
      return before !== undefined && Math.fround(before) === value ? before : value;
    });
  } else result = Uint16Array.from(values, bitsOf(dtype));
  return new Uint8Array(result.buffer);
}

function withTags(bytes: Uint8Array, tag: Uint8Array, size: number): Uint8Array {
  const stride = size + tag.length;
  const result = new Uint8Array((bytes.length / size) * stride);
  for (let index = 0; index * size < bytes.length; index++) {
    result.set(tag, index * stride);
    result.set(bytes.subarray(index * size, (index + 1) * size), index * stride + tag.length);
  }
  return result;
}

/** Half types kept in int32_data: every run keeps its number of elements, its bytes may become more or fewer. */
function varintPatches(stored: StoredTensor, values: NewValues): Patch[] {
  const bits = bitsOf(stored.dtype);
  const patches: Patch[] = [];
  let start = 0;
  for (const range of stored.ranges) {
    const part = values.subarray(start, start + countVarints(range));
    start += part.length;
    let newLength = 0;
    for (const value of part) newLength += varintLength(bits(value)) + range.tagBytes;
    patches.push({
      file: range.file,
      offset: range.offset,
      length: range.length,
      newLength,
      content: () => varintContent(range, part, bits),
    });
  }
  return patches;
}

function* varintContent(
  range: PayloadRange,
  values: NewValues,
  bits: (value: number) => number,
): Generator<Uint8Array> {
  const tag = readBytes(range.file, range.offset, range.tagBytes);
  for (let start = 0; start < values.length; start += step) {
    const part = values.subarray(start, start + step);
    const bytes = new Uint8Array(part.length * (3 + tag.length));
    let at = 0;
    for (const value of part) {
      for (const byte of tag) bytes[at++] = byte;
      let rest = bits(value);
      for (; rest >= 128; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
      bytes[at++] = rest;
    }
    yield bytes.subarray(0, at);
  }
}

function varintLength(bits: number): number {
  return bits < 128 ? 1 : bits < 16384 ? 2 : 3;
}

/** How many varints a run holds: each ends with a byte below 128, and so does each tag. */
function countVarints(range: PayloadRange): number {
  return withFile(range.file, descriptor => {
    const window = new Uint8Array(Math.min(range.length, step));
    let ends = 0;
    for (let done = 0; done < range.length; done += window.length) {
      const bytes = window.subarray(0, Math.min(window.length, range.length - done));
      readFully(range.file, descriptor, bytes, range.offset + done);
      for (const byte of bytes) if (byte < 128) ends++;
    }
    return range.tagBytes > 0 ? ends / 2 : ends;
  });
}

function readBytes(file: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length > 0) withFile(file, descriptor => readFully(file, descriptor, bytes, offset));
  return bytes;
}
