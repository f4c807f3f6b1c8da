// Which rows of a long list are in sight, and how values are put in order. Pure, so tests run it without a browser.

/** The rows to draw: those in sight and a few on either side. `last` is exclusive. */
export function rowWindow(
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
  total: number,
  margin = 6,
): { readonly first: number; readonly last: number } {
  const first = Math.max(0, Math.min(total, Math.floor(scrollTop / rowHeight) - margin));
  const last = Math.min(total, Math.ceil((scrollTop + viewHeight) / rowHeight) + margin);
  return { first, last: Math.max(first, last) };
}

/** The least width of a row in pixels: its tracks at their smallest, the gaps of 16 between them and 16 at each end. */
export function leastWidth(tracks: readonly string[]): number {
  const least = tracks.map(track => Number(/(\d+(?:\.\d+)?)px/.exec(track)?.[1] ?? 0));
  return least.reduce((sum, each) => sum + each, 0) + 16 * (tracks.length + 1);
}

/** Orders numbers by size and words naturally ("conv2" before "conv10"); nulls and NaN last in either direction. */
export function compareValues(
  a: number | string | null,
  b: number | string | null,
  direction: 1 | -1 = 1,
): number {
  const [aMissing, bMissing] = [isMissing(a), isMissing(b)];
  if (aMissing || bMissing) return Number(aMissing) - Number(bMissing);
  if (typeof a === 'number' && typeof b === 'number') return direction * (a - b);
  return direction * natural.compare(String(a), String(b));
}

const natural = new Intl.Collator('en', { numeric: true });

function isMissing(value: number | string | null): boolean {
  return value === null || (typeof value === 'number' && Number.isNaN(value));
}
