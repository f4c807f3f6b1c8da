// Streams the payload of a stored tensor as typed arrays of bounded length.
import { closeSync, openSync } from 'node:fs';
import { bytesPerElement, type TypedArray } from '../tensor/dtype';
import { allocate, elementCount } from '../tensor/tensor';
import { ModelError, readFailure } from './errors';
import { readFully, statRegular, withFile } from './files';
import type { PayloadRange, StoredTensor } from './model';

const damaged = 'The file is damaged; export or download it again.';

/**
 * The elements of a stored tensor in order, in parts of at most `step` elements; a tensor that is one plain run of
 * bytes comes in full parts. Throws a ModelError for string tensors and for payloads that do not fit the dims.
 */
export function* payloadParts(stored: StoredTensor, step: number): Generator<TypedArray> {
  if (stored.encoding === 'strings') {
    throw new ModelError(
      stored.proto.file,
      `The tensor "${stored.name}" holds strings, which Lethe cannot compute with.`,
      'Export the model without its text preprocessing.',
    );
  }
  if (stored.encoding === 'sharded') return yield* shardedParts(stored, step);
  const first = stored.ranges[0];
  if (!first) return;
  statRegular(first.file);
  let descriptor: number;
  try {
    descriptor = openSync(first.file, 'r');
  } catch (error) {
    throw readFailure(first.file, error);
  }
  try {
    if (stored.encoding === 'varints') yield* varintParts(stored, descriptor, step);
    else for (const range of stored.ranges) yield* fixedParts(stored, range, descriptor, step);
  } catch (error) {
    throw readFailure(first.file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** Runs may end in the middle of an element, and each may lie in another file. */
function* shardedParts(stored: StoredTensor, step: number): Generator<TypedArray> {
  const size = bytesPerElement(stored.dtype);
  const count = elementCount(stored.dims);
  for (let done = 0; done < count; done += step) {
    const part = allocate(stored.dtype, Math.min(step, count - done));
    const bytes = new Uint8Array(part.buffer);
    const from = done * size;
    let start = 0;
    for (const range of stored.ranges) {
      const first = Math.max(from, start);
      const end = Math.min(from + bytes.length, start + range.length);
      if (first < end) {
        withFile(range.file, descriptor =>
          readFully(
            range.file,
            descriptor,
            bytes.subarray(first - from, end - from),
            range.offset + first - start,
          ),
        );
      }
      start += range.length;
    }
    yield part;
  }
}

function* fixedParts(
  stored: StoredTensor,
  range: PayloadRange,
  descriptor: number,
  step: number,
): Generator<TypedArray> {
  const size = bytesPerElement(stored.dtype);
  const stride = size + range.tagBytes;
  const count = range.length / stride;
  for (let done = 0; done < count; done += step) {
    const part = allocate(stored.dtype, Math.min(step, count - done));
    const bytes = new Uint8Array(part.buffer);
    if (range.tagBytes === 0) readFully(range.file, descriptor, bytes, range.offset + done * stride);
    else {
      const tagged = new Uint8Array(part.length * stride);
      readFully(range.file, descriptor, tagged, range.offset + done * stride);
      for (let index = 0; index < part.length; index++) {
        const at = index * stride + range.tagBytes;
        bytes.set(tagged.subarray(at, at + size), index * size);
      }
    }
    yield part;
  }
}

function* varintParts(stored: StoredTensor, descriptor: number, step: number): Generator<TypedArray> {
  const total = elementCount(stored.dims);
  let done = 0;
  let part = allocate(stored.dtype, Math.min(step, total));
  let filled = 0;
  let store = varintStore(stored, part);
  for (const range of stored.ranges) {
    // The varint being read: its low 28 and high 36 bits, and how many of its bytes have come.
    let low = 0;
    let high = 0;
    let length = 0;
    let tagLeft = range.tagBytes;
    const window = new Uint8Array(Math.min(range.length, 65536));
    for (let offset = 0; offset < range.length; offset += window.length) {
      const bytes = window.subarray(0, Math.min(window.length, range.length - offset));
      readFully(range.file, descriptor, bytes, range.offset + offset);
      for (const byte of bytes) {
        if (tagLeft > 0) {
          tagLeft--;
          continue;
        }
        if (length < 4) low += (byte & 127) * 2 ** (7 * length);
        else high += (byte & 127) * 2 ** (7 * (length - 4));
        if (++length > 10) throw varintError(stored, 'holds a number of more than ten bytes.');
        if (byte >= 128) continue;
        if (done + filled === total)
          throw varintError(stored, `holds more than the ${total} elements of its dims.`);
        store(filled++, low, high % 2 ** 36);
        low = high = length = 0;
        tagLeft = range.tagBytes;
        if (filled === part.length) {
          yield part;
          done += filled;
          filled = 0;
          part = allocate(stored.dtype, Math.min(step, total - done));
          store = varintStore(stored, part);
        }
      }
    }
    if (length > 0) throw varintError(stored, 'ends in the middle of a number.');
  }
  if (done + filled < total) {
    throw varintError(stored, `holds ${done + filled} elements, but its dims need ${total}.`);
  }
}

/** How a varint becomes an element: the low bits of it, as protobuf does for int32 and the types stored in it. */
function varintStore(
  stored: StoredTensor,
  part: TypedArray,
): (index: number, low: number, high: number) => void {
  if (part instanceof BigInt64Array || part instanceof BigUint64Array) {
    const words = new Uint32Array(part.buffer);
    return (index, low, high) => {
      words[2 * index] = low + (high % 16) * 2 ** 28;
      words[2 * index + 1] = Math.floor(high / 16);
    };
  }
  if (stored.dtype === 'bool') return (index, low, high) => (part[index] = low || high ? 1 : 0);
  return (index, low, high) => (part[index] = low + (high % 16) * 2 ** 28);
}

function varintError(stored: StoredTensor, problem: string): ModelError {
  return new ModelError(stored.proto.file, `The tensor "${stored.name}" ${problem}`, damaged);
}
