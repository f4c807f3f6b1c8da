/**
 * The base of every error that a person may read. Its message is a full sentence or two: what is wrong, where,
 * and what to do. Anything thrown that is not one of these is a defect of Lethe.
 */
export class LetheError extends Error {
  override readonly name: string = 'LetheError';
}

/** The person asked for something the command does not offer (exit code 2). */
export class UsageError extends LetheError {
  override readonly name: string = 'UsageError';
}

/** The person stopped the work (exit code 130). */
export class CancelledError extends LetheError {
  override readonly name = 'CancelledError';
  constructor(message = 'Cancelled. No file was changed.') {
    super(message);
  }
}

/** Throws a CancelledError when the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}

/** The sentence to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
