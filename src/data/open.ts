// Opening a dataset of any format Lethe reads.
import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { looksLikeNpy } from '../tensor/npy';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { fileError, readInto, withFile } from './files';
import { openNpy } from './npyDataset';
import { openNpz } from './npzDataset';
import type { DatasetFormat, DatasetSpec } from './spec';

const byExtension: Readonly<Record<string, DatasetFormat>> = {
  '.npz': 'npz',
  '.npy': 'npy',
};

/**
 * Opens a dataset by its path, or by path, format and the names of inputs and labels. Relative paths start at
 * `baseFolder`. Throws a DataError or NpyError that names the file and the place.
 */
export async function openDataset(spec: string | DatasetSpec, baseFolder = '.'): Promise<Dataset> {
  const full: DatasetSpec = typeof spec === 'string' ? { path: spec } : spec;
  const path = resolve(baseFolder, full.path);
  const format = formatOf(path, full.format);
  switch (format) {
    case 'npz':
      return openNpz(path, full);
    case 'npy':
      return openNpy(path);
  }
  throw new DataError(`${path} is in no format Lethe reads.`);
}

function formatOf(path: string, given: string | undefined): DatasetFormat {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw fileError(path, error);
  }
  if (given !== undefined) return given as DatasetFormat;
  if (isFolder) return 'folder';
  return byExtension[extname(path).toLowerCase()] ?? sniff(path);
}

function sniff(path: string): DatasetFormat {
  const start = withFile(path, (descriptor, size) => {
    const bytes = new Uint8Array(Math.min(size, 8));
    readInto(path, descriptor, bytes, 0);
    return bytes;
  });
  if (looksLikeNpy(start)) return 'npy';
  if (start[0] === 0x50 && start[1] === 0x4b) return 'npz';
  throw new DataError(`${path} is in no format Lethe knows. Name it in data.train.format.`);
}
