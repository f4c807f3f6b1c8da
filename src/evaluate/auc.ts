// The area under the ROC curve: how often a value of one set exceeds a value of another.

/**
 * P(a > b) + ½ P(a = b) for a drawn from `higher` and b from `lower`, exact over all pairs; null when either set is
 * empty. O(n log n).
 */
export function areaUnderCurve(higher: ArrayLike<number>, lower: ArrayLike<number>): number | null {
  if (higher.length === 0 || lower.length === 0) return null;
  const sorted = Float64Array.from(lower).sort();
  // Twice the count, so that ties stay whole numbers.
  let twice = 0;
  for (let index = 0; index < higher.length; index++) {
    const value = higher[index]!;
    twice += countBelow(sorted, value, false) + countBelow(sorted, value, true);
  }
  return twice / 2 / higher.length / lower.length;
}

/** How many of the ascending values are below `value`, or, with `inclusive`, below or equal to it. */
function countBelow(sorted: Float64Array, value: number, inclusive: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = sorted[middle]!;
    if (other < value || (inclusive && other === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
