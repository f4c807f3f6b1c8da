// The error of everything that has to do with a model file.
import { LetheError } from '../shared/errors';

/** A model file cannot be read, understood or saved. The message names the file, the problem and the remedy. */
export class ModelError extends LetheError {
  override readonly name = 'ModelError';
  constructor(
    /** The file at fault. */
    readonly file: string,
    /** What is wrong and where, as a sentence. */
    readonly problem: string,
    /** What to do about it, as a sentence. */
    readonly remedy: string,
  ) {
    super(`${file}: ${problem} ${remedy}`);
  }
}

/** The code of a failed system call ('ENOENT', …), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  // Node's own errors have codes as well (ERR_OUT_OF_RANGE); those are defects and must not pass for a bad disk.
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** The ModelError for a file that the system would not open or read; anything else is returned as it is. */
export function readFailure(file: string, error: unknown): unknown {
  switch (systemCode(error)) {
    case undefined:
      return error;
    case 'ENOENT':
    case 'ENOTDIR':
      return new ModelError(file, 'There is no such file.', 'Check the path.');
    case 'EACCES':
    case 'EPERM':
      return new ModelError(file, 'The file may not be read.', 'Check its permissions.');
    default:
      return new ModelError(
        file,
        `The file cannot be read (${(error as Error).message}).`,
        'Check the disk.',
      );
  }
}
