// What commands print: one JSON object, or aligned tables; and files that appear whole or not at all.
import { basename } from 'node:path';
import { UsageError } from '../shared/errors';
import { sameFile } from '../job/paths';
import { OutputStage } from '../job/outputStage';

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

/** Writes a file whole or not at all. Throws a UsageError when it is one of the files read, an OutputError on failure. */
export function writeWhole(path: string, content: Uint8Array, read: readonly string[]): void {
  const clash = read.find(input => sameFile(input, path));
  if (clash !== undefined) {
    throw new UsageError(`--out ${path} is ${basename(clash)}, which is read. Choose another path.`);
  }
  const stage = new OutputStage([path]);
  try {
    stage.write(path, content);
    stage.commit();
  } finally {
    stage.abandon();
  }
}
