// Which samples are to be forgotten, and which are retained.
import { basename, resolve } from 'node:path';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { columnIndex, readTable } from './table';
import { listNames } from './text';

/** The forget set as a recipe names it. Indices count from 0; several conditions of `where` must all hold. */
export type ForgetSpec =
  | { readonly indices: readonly number[] }
  | { readonly file: string }
  | { readonly where: Readonly<Record<string, string | number>> };

/**
 * The indices of the samples to forget, ascending. `file` is a CSV with a column `index`, relative to `baseFolder`.
 * Throws a DataError, naming the place, for an index that is no whole number, out of range or given twice, for an
 * unknown column, and for an empty set.
 */
export function resolveForget(spec: ForgetSpec, dataset: Dataset, baseFolder = '.'): number[] {
  if ('where' in spec) return matching(spec.where, dataset);
  if ('file' in spec) {
    const path = resolve(baseFolder, spec.file);
    const table = readTable(path);
    const column = columnIndex(table, 'index');
    const places = table.rows.map((row, index) => ({
      text: row[column]!.trim(),
      place: `${table.file}, line ${table.lines[index]}`,
    }));
    return checked(places, dataset, basename(path));
  }
  const places = spec.indices.map((index, position) => ({
    text: String(index),
    place: `forget.indices, position ${position}`,
  }));
  return checked(places, dataset, 'forget.indices');
}

/** The samples of 0 … size − 1 that are not forgotten. Throws a DataError when none is left. */
export function splitSamples(
  size: number,
  forgotten: readonly number[],
): { retained: number[]; forgotten: number[] } {
  const gone = new Set(forgotten);
  const retained: number[] = [];
  for (let index = 0; index < size; index++) if (!gone.has(index)) retained.push(index);
  if (retained.length === 0) {
    throw new DataError(
      `All ${size} training samples are to be forgotten, so nothing is left to retain. Name fewer samples in forget.`,
    );
  }
  return { retained, forgotten: [...gone].sort((a, b) => a - b) };
}

function checked(
  places: readonly { text: string; place: string }[],
  dataset: Dataset,
  source: string,
): number[] {
  const data = basename(dataset.path);
  const seen = new Map<number, string>();
  for (const { text, place } of places) {
    const index = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(index)) {
      throw new DataError(
        `${place}: ${text === '' ? 'the index is missing' : `'${text}' is not a whole number`}. Give the positions of samples in ${data}, counted from 0.`,
      );
    }
    if (index < 0 || index >= dataset.size) {
      throw new DataError(
        `${place}: there is no sample ${index} in ${data}, whose ${dataset.size} samples are numbered 0 to ${dataset.size - 1}. Correct or remove the index.`,
      );
    }
    const before = seen.get(index);
    if (before !== undefined) {
      throw new DataError(`${place}: sample ${index} was already given at ${before}. Remove one of the two.`);
    }
    seen.set(index, place);
  }
  if (seen.size === 0) throw new DataError(`${source} names no sample to forget. Give at least one index.`);
  return [...seen.keys()].sort((a, b) => a - b);
}

function matching(where: Readonly<Record<string, string | number>>, dataset: Dataset): number[] {
  const data = basename(dataset.path);
  const conditions = Object.entries(where);
  if (conditions.length === 0) {
    throw new DataError('forget.where names no column. Give at least one, such as { "label": 3 }.');
  }
  for (const [name] of conditions) {
    if (dataset.columns.includes(name)) continue;
    throw new DataError(
      `forget.where: ${data} has no column ${name}. Its columns are: ${listNames(dataset.columns)}.`,
    );
  }
  const columns = conditions.map(([name, value]) => ({ values: dataset.column(name), value }));
  const found: number[] = [];
  for (let index = 0; index < dataset.size; index++) {
    if (columns.every(({ values, value }) => equal(values[index]!, value))) found.push(index);
  }
  if (found.length === 0) {
    const [name, value] = conditions[0]!;
    const present = [...new Set(dataset.column(name).map(String))];
    throw new DataError(
      `forget.where matches no sample of ${data}: ${conditions.map(([key, wanted]) => `${key} = ${wanted}`).join(' and ')}. ` +
        (conditions.length === 1 || !present.includes(String(value))
          ? `Column ${name} holds: ${listNames(present)}.`
          : 'Each may hold alone, but no sample has them all.'),
    );
  }
  return found;
}

/** Numbers and text compare by value: a file may hold 3 where the recipe says "3". */
function equal(value: string | number, wanted: string | number): boolean {
  if (typeof value === typeof wanted) return value === wanted;
  const [number, text] = typeof value === 'number' ? [value, wanted as string] : [wanted as number, value];
  return text.trim() !== '' && Number(text) === number;
}
