// A .npy file as a dataset of inputs without labels. Rows are read from the file when they are asked for.
import { basename } from 'node:path';
import {
  decodeNpyArray,
  decodeNpyPayload,
  isStringArray,
  npyHeaderLength,
  npyPayloadLength,
  parseNpyHeader,
  type NpyHeader,
} from '../tensor/npy';
import { elementCount, type Tensor } from '../tensor/tensor';
import { ArrayDataset, tensorColumn } from './arrayDataset';
import type { Dataset, SampleArray, SampleBatch } from './dataset';
import { DataError } from './errors';
import { readInto, readWholeFile, withFile } from './files';
import { checkIndices } from './rows';

/**
 * Opens a .npy file whose first axis counts the samples. Only the header is read, except for column-major files,
 * whose rows do not lie together. Throws a DataError or NpyError.
 */
export function openNpy(path: string): Dataset {
  const header = readHeader(path);
  const file = basename(path);
  const [size] = header.dims;
  if (header.text !== null)
    throw new DataError(`${file} holds text. Lethe needs an array of numbers as input.`);
  if (size === undefined || size === 0)
    throw new DataError(`${file} holds no samples: its first axis is missing or empty.`);
  const name = file.replace(/\.npy$/i, '');
  if (!header.fortranOrder) return new NpyDataset(path, name, size, header);
  const tensor = decodeNpyArray(readWholeFile(path), file);
  if (isStringArray(tensor))
    throw new DataError(`${file} holds text. Lethe needs an array of numbers as input.`);
  const columns = tensor.dims.length === 1 ? new Map([[name, tensorColumn(tensor)]]) : new Map();
  return new ArrayDataset(path, size, [{ name, tensor }], [], null, columns);
}

class NpyDataset implements Dataset {
  readonly inputs: readonly SampleArray[];
  readonly labels = [];
  readonly classes = null;
  readonly columns = [];

  constructor(
    readonly path: string,
    name: string,
    readonly size: number,
    private readonly header: NpyHeader,
  ) {
    this.inputs = [{ name, dtype: header.dtype, dims: header.dims.slice(1) }];
  }

  column(name: string): readonly (string | number)[] {
    throw new DataError(
      `${this.path} has no column ${name}: a .npy file holds a single array. Use .npz or CSV for columns.`,
    );
  }

  async read(indices: readonly number[]): Promise<SampleBatch> {
    checkIndices(indices, this.size, this.path);
    const { header } = this;
    const dims = [indices.length, ...header.dims.slice(1)];
    const width = elementCount(header.dims.slice(1)) * header.itemSize;
    const payload = new Uint8Array(indices.length * width);
    withFile(this.path, descriptor => {
      // Neighbouring rows are read at once.
      for (let start = 0; start < indices.length;) {
        let end = start + 1;
        while (end < indices.length && indices[end] === indices[end - 1]! + 1) end++;
        const target = payload.subarray(start * width, end * width);
        readInto(this.path, descriptor, target, header.dataOffset + indices[start]! * width);
        start = end;
      }
    });
    return { inputs: [decodeNpyPayload(payload, { ...header, dims }) as Tensor], labels: [] };
  }
}

function readHeader(path: string): NpyHeader {
  const file = basename(path);
  return withFile(path, (descriptor, size) => {
    let bytes = new Uint8Array(Math.min(size, 12));
    readInto(path, descriptor, bytes, 0);
    const length = npyHeaderLength(bytes, file);
    bytes = new Uint8Array(Math.min(size, length ?? 0));
    readInto(path, descriptor, bytes, 0);
    const header = parseNpyHeader(bytes, file);
    const needed = header.dataOffset + npyPayloadLength(header, file);
    if (size < needed) {
      throw new DataError(
        `${file} should be ${needed} bytes long, but has only ${size}. It was cut off; write it again with numpy.save.`,
      );
    }
    return header;
  });
}
