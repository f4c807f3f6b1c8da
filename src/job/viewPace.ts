// Long work in pieces, so that a process that answers other questions meanwhile stays responsive.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { throwIfCancelled } from '../shared/errors';

/** Milliseconds of work at a stretch. */
const stretch = 12;

/** What long work reports to, and who may stop it. */
export interface WorkHooks {
  readonly signal: AbortSignal;
  progress(what: string, share: number | null): void;
}

/** Lets other work of the process happen between the pieces of a long one. */
export class Pacer {
  private since = performance.now();

  constructor(private readonly signal: AbortSignal) {}

  /** Call it between pieces. Throws a CancelledError when the work is no longer wanted. */
  async pause(): Promise<void> {
    if (performance.now() - this.since >= stretch) {
      await nextTurn();
      this.since = performance.now();
    }
    throwIfCancelled(this.signal);
  }
}
