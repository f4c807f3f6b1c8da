// Reading files of a dataset, with sentences for what goes wrong.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError } from './errors';

/** A whole file, of any size memory allows. Throws a DataError that names the path. */
export function readWholeFile(path: string): Uint8Array {
  return withFile(path, (descriptor, size) => {
    const bytes = new Uint8Array(size);
    readInto(path, descriptor, bytes, 0);
    return bytes;
  });
}

/** Opens a regular file for reading, hands over its descriptor and size, and closes it again. */
export function withFile<T>(path: string, use: (descriptor: number, size: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw fileError(path, error);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile())
      throw new DataError(`${path} is not a file. Name a file, or a folder of class folders with images.`);
    return use(descriptor, stats.size);
  } finally {
    closeSync(descriptor);
  }
}

/** Fills `target` from a position of an open file. Throws a DataError when the file ends before that. */
export function readInto(path: string, descriptor: number, target: Uint8Array, position: number): void {
  // Node reads at most 2 GiB at once.
  const step = 2 ** 30;
  let done = 0;
  while (done < target.length) {
    const count = readSync(descriptor, target, done, Math.min(step, target.length - done), position + done);
    if (count === 0)
      throw new DataError(
        `${path} ended while it was read, at byte ${position + done}. Was it replaced? Try again.`,
      );
    done += count;
  }
}

/** A file as text. Throws a DataError when it is not UTF-8 or too long for one string. */
export function readText(path: string): string {
  const bytes = readWholeFile(path);
  if (bytes.length > 500_000_000) {
    throw new DataError(
      `${path} holds ${bytes.length} bytes of text, more than Lethe reads at once. Save it as .npz.`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${path} is not UTF-8 text. Save it again with the encoding UTF-8.`);
  }
}

/** The sentence for an error of the file system. */
export function fileError(path: string, error: unknown): DataError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new DataError(
      `${path} does not exist. Check the path; relative paths start at the recipe's folder.`,
    );
  }
  if (code === 'EACCES' || code === 'EPERM')
    return new DataError(`${path} may not be read. Check its permissions.`);
  return new DataError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
}
