// Opening files that must be ordinary ones, and noticing when they change.
import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { ModelError, readFailure } from './errors';
import type { FileStamp } from './model';

/** The state of a regular file. Throws a ModelError for anything else (folders, pipes, devices, nothing at all). */
export function statRegular(file: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    throw readFailure(file, error);
  }
  if (stats.isDirectory()) {
    throw new ModelError(file, 'This is a folder, not a file.', 'Give the path of a model file.');
  }
  // Opening a pipe would wait for a writer, reading a device might never end.
  if (!stats.isFile())
    throw new ModelError(file, 'This is not a regular file.', 'Copy it to an ordinary file first.');
  return stats;
}

/** What is remembered of a file to notice later that it has changed. */
export function stampOf(file: string, stats: Stats): FileStamp {
  return { file, size: stats.size, modified: stats.mtimeMs };
}

/** Runs `use` with a regular file open for reading, and closes it. */
export function withFile<T>(file: string, use: (descriptor: number, stats: Stats) => T): T {
  const stats = statRegular(file);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw readFailure(file, error);
  }
  try {
    return use(descriptor, stats);
  } catch (error) {
    throw readFailure(file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** Fills `target` with the bytes at `position`; throws a ModelError when the file is too short. */
export function readFully(file: string, descriptor: number, target: Uint8Array, position: number): void {
  let done = 0;
  while (done < target.byteLength) {
    // A single read is limited to 2 GiB on every platform.
    const count = Math.min(target.byteLength - done, 2 ** 30);
    const got = readSync(descriptor, target, done, count, position + done);
    if (got === 0) {
      throw new ModelError(
        file,
        `The file ends at byte ${position + done}, but more was there when the model was opened.`,
        'Open the model again.',
      );
    }
    done += got;
  }
}
