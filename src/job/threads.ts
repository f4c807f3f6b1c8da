import { availableParallelism } from 'node:os';

/** Threads to compute with when a recipe names none: what the machine has, up to eight. */
export function defaultThreads(): number {
  return Math.min(8, availableParallelism());
}
