// Confusion matrices: before, after, and what changed.
import type { Confusion } from '../../shared/evaluation';
import { escape, label, plot, px } from './svg';

/** More classes than this cannot be told apart on a page. */
export const mostClasses = 40;

/** Two matrices of shares by label, and their difference: what became more common and what rarer. */
export function matrixPlot(
  before: Confusion,
  after: Confusion,
  names: readonly string[] | null,
  summary: string,
): string {
  const { classes } = before;
  const cell = Math.max(5, Math.min(18, Math.floor(170 / classes)));
  const size = cell * classes;
  const left = 46;
  const top = 34;
  const gap = size + 40;
  const panels = [
    { title: 'original', shares: sharesOf(before), diverging: false },
    { title: 'unlearned', shares: sharesOf(after), diverging: false },
    { title: 'change', shares: difference(sharesOf(before), sharesOf(after)), diverging: true },
  ];
  const nameOf = (index: number): string => names?.[index] ?? String(index);
  const drawn = panels.map(({ title, shares, diverging }, panel) => {
    const x0 = left + panel * gap;
    const cells = [...shares].map(([key, share]) => {
      const [row, column] = [Math.floor(key / classes), key % classes];
      const kind = diverging ? (share > 0 ? 'more' : 'less') : 'ink';
      const tip = `label ${nameOf(row)} as ${nameOf(column)}: ${(100 * share).toFixed(1)} %`;
      return (
        `<rect class="cell ${kind}" x="${px(x0 + column * cell)}" y="${px(top + row * cell)}" width="${cell}" ` +
        `height="${cell}" fill-opacity="${Math.sqrt(Math.min(1, Math.abs(share))).toFixed(3)}"><title>${escape(tip)}</title></rect>`
      );
    });
    const ticks =
      classes > 12
        ? ''
        : Array.from({ length: classes }, (_, index) =>
            [
              label(nameOf(index).slice(0, 3), x0 + (index + 0.5) * cell, top + size + 13, 'middle', 'tick'),
              panel === 0
                ? label(nameOf(index).slice(0, 6), x0 - 5, top + (index + 0.5) * cell + 4, 'end', 'tick')
                : '',
            ].join(''),
          ).join('');
    return (
      label(title, x0, top - 10) +
      cells.join('') +
      `<rect class="frame" x="${x0}" y="${top}" width="${size}" height="${size}"/>` +
      ticks +
      label('predicted class', x0 + size / 2, top + size + 28, 'middle', 'title')
    );
  });
  const words = label('label', 4, top + size / 2 + 4, 'start', 'title');
  return plot(left + 3 * gap, top + size + 36, summary, words + drawn.join(''));
}

/** Each cell's share of its label's samples, by label · classes + predicted. */
function sharesOf({ classes, cells }: Confusion): Map<number, number> {
  const totals = new Map<number, number>();
  for (const [row, , count] of cells) totals.set(row, (totals.get(row) ?? 0) + count);
  return new Map(cells.map(([row, column, count]) => [row * classes + column, count / totals.get(row)!]));
}

function difference(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Map<number, number> {
  const keys = new Set([...a.keys(), ...b.keys()]);
  const entries = [...keys].map((key): [number, number] => [key, (b.get(key) ?? 0) - (a.get(key) ?? 0)]);
  return new Map(entries.filter(([, value]) => value !== 0));
}
