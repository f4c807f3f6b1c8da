// What a forget set says of the right labels.
import { readFileSync } from 'node:fs';

/** The column true_label of a forget set, by index; null where there is none. */
export function trueLabels(file: string): Map<number, number> | null {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const place = header.split(',').indexOf('true_label');
  if (place < 0) return null;
  return new Map(lines.map(line => line.split(',').map(Number)).map(row => [row[0]!, row[place]!]));
}
