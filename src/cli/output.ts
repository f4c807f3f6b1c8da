// What commands print: one JSON object, or aligned tables; and files that appear whole or not at all.
import { resolve } from 'node:path';
import { OutputStage } from '../job/outputStage';
import { requireReplaceable, requireUnread } from '../job/overwrite';

/** Prints exactly one JSON object on stdout. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Prints text on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Rows as lines of aligned columns: those named in `left` (by default the first) to the left, others to the right. */
export function alignedTable(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, width(cell))));
  return rows
    .map(row =>
      row
        .map((cell, index) => {
          const padding = ' '.repeat(widths[index]! - width(cell));
          return left.includes(index) ? cell + padding : padding + cell;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A number for people: four significant digits. */
export function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : String(Number(value.toPrecision(4)));
}

/** The columns a text takes; combining marks take none. */
function width(text: string): number {
  return [...text.normalize('NFC')].length;
}

/**
 * Throws a UsageError when the path of `--out` is one of the files or in one of the folders read, or cannot become a
 * file.
 */
export function checkOut(path: string, read: readonly string[]): void {
  const target = { path: resolve(path), key: '--out' };
  requireUnread(
    [target],
    read.map(file => ({ path: resolve(file), role: 'read' })),
  );
  requireReplaceable([target]);
}

/** Writes a file whole or not at all. Throws an OutputError. Check the path with `checkOut` first. */
export function writeWhole(path: string, content: Uint8Array): void {
  const stage = new OutputStage([path]);
  try {
    stage.write(path, content);
    stage.commit();
  } finally {
    stage.abandon();
  }
}
