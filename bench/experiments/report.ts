// What an experiment prints and saves: aligned tables and plots as SVG files.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alignedTable } from '../../src/cli/output';
import { standalone } from '../../src/job/plots/svg';

/** How an experiment is run. */
export interface ExperimentOptions {
  readonly full: boolean;
  /** As many seeds as the form has unless given. */
  readonly seeds: number | null;
  /** The methods to run; all where null. */
  readonly methods: readonly string[] | null;
  /** The share of the retained data that methods may use; the experiment's own where null. */
  readonly access: number | null;
  /** A folder with the IDX files of MNIST; fetched where null. */
  readonly data: string | null;
  /** Where plots, figures and models go. */
  readonly out: string;
  readonly threads: number;
}

/** Prints a line on stdout. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Tells progress on stderr. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints rows as a table; the first is the header. */
export function printTable(rows: readonly (readonly string[])[]): void {
  say(alignedTable(rows));
}

/** Saves a plot and says where. */
export function savePlot(out: string, name: string, svg: string): void {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, name), standalone(svg));
  say(`plot: ${join(out, name)}`);
}

/** Keeps all measured values as JSON, so that a long form that is ended early has told what it found. */
export function saveFigures(out: string, figures: unknown): void {
  saveText(out, 'figures.json', JSON.stringify(figures, null, 1));
}

/** Keeps a text beside the plots. */
export function saveText(out: string, name: string, text: string): void {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, name), `${text}\n`);
}

/**
 * What a seed gave: computed once and kept in the folder, so that a long form that was interrupted goes on where it stopped.
 * `key` is what the result depends on; with another one it is computed again.
 */
export async function remembered<T>(
  out: string,
  name: string,
  key: unknown,
  compute: () => Promise<T>,
): Promise<T> {
  const path = join(out, 'seeds', `${name}.json`);
  const wanted = JSON.stringify(key);
  if (existsSync(path)) {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as { readonly key: string; readonly found: T };
    if (kept.key === wanted) return kept.found;
  }
  const found = await compute();
  saveText(join(out, 'seeds'), `${name}.json`, JSON.stringify({ key: wanted, found }));
  return found;
}

/** The middle value; the mean of the two middle ones where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** "0.912 ± 0.013" over seeds, without the deviation for one. */
export function meanText(values: readonly number[], digits = 3): string {
  const center = mean(values);
  if (values.length < 2) return center.toFixed(digits);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return `${center.toFixed(digits)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(digits)}`;
}

/** "1.08 (1.00, 1.63)": the median, and the values around it without the fifth that is lowest and the fifth that is highest. */
export function centralText(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(sorted.length / 5);
  const figure = (value: number): string => (value < 100 ? value.toFixed(2) : value.toPrecision(2));
  if (sorted.length < 2) return figure(median(values));
  const [low, high] = [sorted[cut]!, sorted[sorted.length - 1 - cut]!];
  return `${figure(median(values))} (${figure(low)}, ${figure(high)})`;
}
