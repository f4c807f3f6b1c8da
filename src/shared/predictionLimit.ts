// Fewer rows where a table of all would be too much: what the run was for stays whole, the rest is evenly taken.
import type { PredictionRow } from './modelViewProtocol';

/** Rows that are told at once. */
export const mostRows = 50_000;

/** At most `most` rows in their order: the forgotten ones first of all, the others evenly taken from the rest. */
export function limitRows(rows: readonly PredictionRow[], most: number = mostRows): readonly PredictionRow[] {
  if (rows.length <= most) return rows;
  const forgotten = evenly(
    rows.filter(({ set }) => set === 'forgotten'),
    most,
  );
  const others = evenly(
    rows.filter(({ set }) => set !== 'forgotten'),
    most - forgotten.length,
  );
  const kept = new Set([...forgotten, ...others]);
  return rows.filter(row => kept.has(row));
}

function evenly<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, index) => list[Math.floor((index * list.length) / most)]!);
}
