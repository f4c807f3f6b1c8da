// Distributions of losses and confidences, both on logarithmic scales, over bins that all models and sets share.
import type { Distribution } from '../shared/evaluation';

/** Losses below this are one: a float32 probability of 1 has a loss of 0. */
const smallest = 1e-8;

const bins = 32;

/** The base-10 logarithms of losses, none below −8. */
export function logLosses(losses: Float64Array): Float64Array {
  return losses.map(loss => Math.log10(Math.max(smallest, loss)));
}

/** How many nines probabilities have, −log10(1 − p), at most 6: 1 is 90 %, 2 is 99 %. Near 1 they are else all alike. */
export function nines(probabilities: Float64Array): Float64Array {
  return probabilities.map(p => -Math.log10(Math.max(1e-6, 1 - p)));
}

/** The smallest interval of whole numbers that holds all values of all sets. */
export function wholeRange(sets: readonly Float64Array[]): readonly [number, number] {
  let [from, to] = [Infinity, -Infinity];
  for (const set of sets) for (const value of set) [from, to] = [Math.min(from, value), Math.max(to, value)];
  if (from > to) return [0, 1];
  return [Math.floor(from), Math.max(Math.floor(from) + 1, Math.ceil(to))];
}

/** Counts values into equal bins over a range. */
export function distributionOf(values: Float64Array, [from, to]: readonly [number, number]): Distribution {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.floor(((value - from) / (to - from)) * bins);
    counts[Math.max(0, Math.min(bins - 1, bin))]!++;
  }
  return { from, to, counts };
}
