// The system calls that change files: the one place where tests put a full disk.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { ModelError, systemCode } from './errors';

/** What saving needs of the file system. */
export interface FileOperations {
  /** Creates a file that must not exist yet; gives its descriptor. */
  create(path: string): number;
  write(descriptor: number, bytes: Uint8Array): number;
  sync(descriptor: number): void;
  close(descriptor: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

/** The real file system. */
export const realFiles: FileOperations = {
  create: path => openSync(path, 'wx'),
  write: (descriptor, bytes) => writeSync(descriptor, bytes),
  sync: descriptor => fsyncSync(descriptor),
  close: descriptor => closeSync(descriptor),
  rename: (from, to) => renameSync(from, to),
  remove: path => unlinkSync(path),
};

/** Writes all of `bytes`. */
export function writeFully(files: FileOperations, descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += files.write(descriptor, bytes.subarray(done));
}

/** Makes renames in a folder last; where folders cannot be opened (Windows) the system does so itself. */
export function syncFolder(files: FileOperations, folder: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(folder, 'r');
  } catch {
    return;
  }
  try {
    files.sync(descriptor);
  } catch (error) {
    if (systemCode(error) !== 'EINVAL' && systemCode(error) !== 'EPERM') throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Gives a new file the permissions of the one it replaces, where the system lets us. */
export function keepMode(descriptor: number, replaced: Stats): void {
  try {
    fchmodSync(descriptor, replaced.mode & 0o7777);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

/** Removes a file if it is there; a file that cannot be removed is left for the next save to clean up. */
export function removeQuietly(files: FileOperations, path: string): void {
  try {
    files.remove(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

/** The ModelError for a system call that failed while saving; anything else is returned as it is. */
export function saveFailure(target: string, error: unknown): unknown {
  const unchanged = 'Every file is as it was.';
  switch (systemCode(error)) {
    case undefined:
      return error;
    case 'ENOSPC':
    case 'EDQUOT':
      return new ModelError(target, `The disk is full. ${unchanged}`, 'Make room or save to another disk.');
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ModelError(
        target,
        `The folder ${dirname(target)} may not be written to. ${unchanged}`,
        'Save into another folder or change its permissions.',
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return new ModelError(
        target,
        `There is no folder ${dirname(target)}. ${unchanged}`,
        'Create it or save into another folder.',
      );
    case 'ENAMETOOLONG':
      return new ModelError(
        target,
        `The name is too long for this disk. ${unchanged}`,
        'Choose a shorter name.',
      );
    default:
      return new ModelError(
        target,
        `Saving failed (${(error as Error).message}). ${unchanged}`,
        'Check the disk.',
      );
  }
}
