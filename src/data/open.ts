// Opening a dataset of any format Lethe reads.
import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { looksLikeNpy } from '../tensor/npy';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { fileError, readInto, withFile } from './files';
import { looksLikeIdx, openIdx } from './idxDataset';
import { openImageFolder } from './imageFolder';
import { datasetOfManifest, imageColumn, readJsonLines } from './manifest';
import { openNpy } from './npyDataset';
import { openNpz } from './npzDataset';
import type { DatasetFormat, DatasetSpec } from './spec';
import { readTable } from './table';
import { datasetOfTable } from './tableDataset';

const formats: readonly DatasetFormat[] = ['npz', 'npy', 'csv', 'tsv', 'jsonl', 'folder', 'manifest', 'idx'];

const byExtension: Readonly<Record<string, DatasetFormat>> = {
  '.npz': 'npz',
  '.npy': 'npy',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/**
 * Opens a dataset by its path, or by path, format and the names of inputs and labels. Relative paths start at
 * `baseFolder`. The format is found out from folder, extension or first bytes; a CSV file with a column of image
 * paths is a manifest. Throws a DataError or NpyError that names the file and the place.
 */
export async function openDataset(spec: string | DatasetSpec, baseFolder = '.'): Promise<Dataset> {
  const full: DatasetSpec = typeof spec === 'string' ? { path: spec } : spec;
  const path = resolve(baseFolder, full.path);
  switch (formatOf(path, full.format)) {
    case 'npz':
      return openNpz(path, full);
    case 'npy':
      return openNpy(path);
    case 'idx':
      return openIdx(path, full);
    case 'tsv':
      return datasetOfTable(path, readTable(path, '\t'), full);
    case 'csv': {
      const table = readTable(path);
      // Named inputs of numbers win over a column that merely looks like image paths.
      const manifest = full.format === undefined && full.inputs === undefined && imageColumn(table) !== null;
      return manifest ? datasetOfManifest(path, table, full) : datasetOfTable(path, table, full);
    }
    case 'jsonl': {
      const table = readJsonLines(path);
      return imageColumn(table) === null
        ? datasetOfTable(path, table, full)
        : datasetOfManifest(path, table, full);
    }
    case 'manifest': {
      const lines = ['.jsonl', '.ndjson'].includes(extname(path).toLowerCase());
      return datasetOfManifest(path, lines ? readJsonLines(path) : readTable(path), full);
    }
    case 'folder':
      return openImageFolder(path, full);
  }
}

function formatOf(path: string, given: string | undefined): DatasetFormat {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw fileError(path, error);
  }
  if (given !== undefined) {
    const format = formats.find(known => known === given);
    if (format === undefined) {
      throw new DataError(
        `The format '${given}' of ${path} is none that Lethe reads. Use one of: ${formats.join(', ')}.`,
      );
    }
    if (isFolder !== (format === 'folder')) {
      throw new DataError(
        `${path} is a ${isFolder ? 'folder' : 'file'}, which cannot have the format ${format}.`,
      );
    }
    return format;
  }
  if (isFolder) return 'folder';
  return byExtension[extname(path).toLowerCase()] ?? (idxName.test(path) ? 'idx' : sniff(path));
}

/** How MNIST and its kin name their files: train-images-idx3-ubyte, t10k-images.idx3-ubyte.gz. */
const idxName = /[-.]idx\d-?ubyte(\.gz)?$/i;

/** The format by a file's first bytes, for names without a telling extension. */
function sniff(path: string): DatasetFormat {
  const start = withFile(path, (descriptor, size) => {
    const bytes = new Uint8Array(Math.min(size, 8));
    readInto(path, descriptor, bytes, 0);
    return bytes;
  });
  if (looksLikeNpy(start)) return 'npy';
  if (start[0] === 0x50 && start[1] === 0x4b) return 'npz';
  if (looksLikeIdx(start)) return 'idx';
  throw new DataError(
    `${path} is in no format Lethe knows by its name or first bytes. Name its format (${formats.join(', ')}) in the recipe's data.`,
  );
}
