// The error of everything that reads data.
import { LetheError } from '../shared/errors';

/** Data that cannot be read or does not fit. The message names the file, the place and the remedy. */
export class DataError extends LetheError {
  override readonly name = 'DataError';
}
