// IDX files, the format of MNIST: images in one file, labels in another beside it, either of them gzipped or not.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { DType } from '../tensor/dtype';
import { allocate, elementCount, type Tensor } from '../tensor/tensor';
import { ArrayDataset, tensorColumn } from './arrayDataset';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { readWholeFile } from './files';
import { namesOf, type DatasetSpec } from './spec';

/** Element types by the third byte of the file, and how to read one; numbers are big-endian. */
const types: Readonly<
  Record<number, { readonly dtype: DType; readonly bytes: number; read(view: DataView, at: number): number }>
> = {
  0x08: { dtype: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) },
  0x09: { dtype: 'int8', bytes: 1, read: (view, at) => view.getInt8(at) },
  0x0b: { dtype: 'int16', bytes: 2, read: (view, at) => view.getInt16(at) },
  0x0c: { dtype: 'int32', bytes: 4, read: (view, at) => view.getInt32(at) },
  0x0d: { dtype: 'float32', bytes: 4, read: (view, at) => view.getFloat32(at) },
  0x0e: { dtype: 'float64', bytes: 8, read: (view, at) => view.getFloat64(at) },
};

/** More axes than any data has. */
const mostAxes = 8;

/** Bytes that a gzipped file may grow to. */
const mostBytes = 4e9;

/** Whether the first bytes are those of an IDX file that is not gzipped. */
export function looksLikeIdx(start: Uint8Array): boolean {
  return (
    start[0] === 0 &&
    start[1] === 0 &&
    (start[2] ?? 0) in types &&
    (start[3] ?? 0) > 0 &&
    (start[3] ?? 99) <= mostAxes
  );
}

/**
 * Reads an IDX file of inputs and the labels that belong to it: the file that `spec.labels` names (beside the inputs),
 * else the one whose name has "labels" and "idx1" where that of the inputs has "images" and "idx3". Without such a file,
 * or with `labels: []`, the data has no labels. Throws a DataError.
 */
export function openIdx(path: string, spec: Omit<DatasetSpec, 'path'>): Dataset {
  const images = readIdx(path);
  const [size = 0] = images.dims;
  if (size === 0) throw new DataError(`${basename(path)} holds no samples: its first axis is empty.`);
  const file = labelFile(path, spec);
  const inputs = [{ name: 'images', tensor: images }];
  if (file === null) return new ArrayDataset(path, size, inputs, [], null, new Map());
  const labels = readIdx(file);
  if (labels.dims[0] !== size) {
    throw new DataError(
      `${basename(path)} has ${size} samples, but ${basename(file)} has ${labels.dims[0] ?? 'no'} labels. Name the labels that ` +
        'belong to it in data.labels.',
    );
  }
  const columns = new Map(labels.dims.length === 1 ? [['labels', tensorColumn(labels)]] : []);
  return new ArrayDataset(path, size, inputs, [{ name: 'labels', tensor: labels }], null, columns);
}

function labelFile(path: string, spec: Omit<DatasetSpec, 'path'>): string | null {
  const named = namesOf(spec.labels);
  if (named !== null) return named[0] === undefined ? null : resolve(dirname(path), named[0]);
  const name = basename(path).replace('images', 'labels').replace('idx3', 'idx1');
  if (name === basename(path)) return null;
  const other = name.endsWith('.gz') ? name.slice(0, -3) : `${name}.gz`;
  return [name, other].map(each => join(dirname(path), each)).find(each => existsSync(each)) ?? null;
}

/** The tensor of an IDX file. Throws a DataError that names the file and what is wrong with it. */
export function readIdx(path: string): Tensor {
  const file = basename(path);
  const stored = readWholeFile(path);
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? unpacked(stored, file) : stored;
  if (!looksLikeIdx(bytes)) {
    throw new DataError(`${file} is no IDX file: its first four bytes are not those of one.`);
  }
  const type = types[bytes[2]!]!;
  const axes = bytes[3]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = 4 + 4 * axes;
  if (bytes.length < offset)
    throw new DataError(`${file} ends within its header. It was cut off; load it down again.`);
  const dims = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = elementCount(dims);
  const needed = offset + count * type.bytes;
  if (!Number.isSafeInteger(needed) || bytes.length !== needed) {
    throw new DataError(
      `${file} should be ${needed} bytes long for the shape [${dims.join(', ')}], but has ${bytes.length}. It was cut off or ` +
        'joined with something else; load it down again.',
    );
  }
  if (type.dtype === 'uint8') return { dtype: 'uint8', dims, data: bytes.slice(offset) };
  const data = allocate(type.dtype, count);
  for (let index = 0; index < count; index++) data[index] = type.read(view, offset + index * type.bytes);
  return { dtype: type.dtype, dims, data };
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch {
    throw new DataError(`${file} is damaged: it cannot be unpacked by gzip. Load it down again.`);
  }
}
