// Decision regions as they are drawn: classes of points, borders between them, where a region's name goes, and in words.
import type { RegionMap } from './evaluation';
import { percent } from './numbers';

/** What one model says on a plane. */
export interface Region {
  /** The class of each point, row by row. */
  readonly cells: readonly number[];
  /** Lines between points of different classes: from (column, row) to (column, row), corners of cells. */
  readonly borders: readonly (readonly [x1: number, y1: number, x2: number, y2: number])[];
  /** A class and the middle of a cell well inside its region: one for each region of some size. */
  readonly names: readonly { readonly label: number; readonly x: number; readonly y: number }[];
}

/** Regions of fewer points have no room for a name. */
const leastNamed = 4;

/** What a model, by its place in the evaluation, says on a plane. */
export function regionOf(map: RegionMap, model: number): Region {
  const cells = map.labels[model]!.split(' ').map(Number);
  const { side } = map;
  const at = (row: number, column: number): number | null =>
    row >= 0 && column >= 0 && row < side && column < side ? cells[row * side + column]! : null;
  const borders: [number, number, number, number][] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const own = at(row, column);
      if (column + 1 < side && at(row, column + 1) !== own)
        borders.push([column + 1, row, column + 1, row + 1]);
      if (row + 1 < side && at(row + 1, column) !== own) borders.push([column, row + 1, column + 1, row + 1]);
    }
  }
  return { cells, borders, names: namesOf(cells, side) };
}

/** One name a connected region, on the point that is farthest from its border. */
function namesOf(cells: readonly number[], side: number): Region['names'] {
  const seen = new Uint8Array(cells.length);
  const names: { label: number; x: number; y: number }[] = [];
  const neighbours = (cell: number): number[] => {
    const [row, column] = [Math.floor(cell / side), cell % side];
    return [
      ...(row > 0 ? [cell - side] : []),
      ...(row + 1 < side ? [cell + side] : []),
      ...(column > 0 ? [cell - 1] : []),
      ...(column + 1 < side ? [cell + 1] : []),
    ];
  };
  for (let start = 0; start < cells.length; start++) {
    if (seen[start]) continue;
    const own: number[] = [start];
    seen[start] = 1;
    for (const cell of own)
      for (const next of neighbours(cell))
        if (!seen[next] && cells[next] === cells[start]) {
          seen[next] = 1;
          own.push(next);
        }
    if (own.length < leastNamed) continue;
    const inside = deepest(own, cells, side);
    names.push({ label: cells[start]!, x: (inside % side) + 0.5, y: Math.floor(inside / side) + 0.5 });
  }
  return names;
}

/** The point of a region that is farthest from points of other classes and from the edge of the map. */
function deepest(own: readonly number[], cells: readonly number[], side: number): number {
  let [best, most] = [own[0]!, -1];
  for (const cell of own) {
    const [row, column] = [Math.floor(cell / side), cell % side];
    let depth = Math.min(row + 1, column + 1, side - row, side - column);
    cells.forEach((label, other) => {
      if (label === cells[cell]) return;
      depth = Math.min(depth, Math.hypot(Math.floor(other / side) - row, (other % side) - column));
    });
    // The middle is kept for the mark of the sample itself.
    const middle = (side - 1) / 2;
    if (row === middle && column === middle) depth -= 1;
    if (depth > most) [best, most] = [cell, depth];
  }
  return best;
}

/** The share of points with the label that the original gives; the original is the first model. */
export function keptShare(map: RegionMap, model: number): number {
  const first = map.labels[0]!.split(' ');
  const own = map.labels[model]!.split(' ');
  return own.filter((label, at) => label === first[at]).length / own.length;
}

/** Classes that appear on the maps, the most frequent first. */
export function classesOn(maps: readonly RegionMap[]): number[] {
  const counts = new Map<number, number>();
  for (const map of maps)
    for (const labels of map.labels)
      for (const label of labels.split(' ').map(Number)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([label]) => label);
}

/** A plane in words: what each model says at the sample, and how much of the plane kept its label. */
export function mapSentence(
  map: RegionMap,
  models: readonly { readonly name: string }[],
  nameOf: (label: number) => string,
): string {
  const middle = (map.side * map.side - 1) / 2;
  const said = models.map(
    ({ name }, place) => `${name} says ${nameOf(Number(map.labels[place]!.split(' ')[middle]))}`,
  );
  const kept = models
    .slice(1)
    .map(
      ({ name }, place) => `${percent(keptShare(map, place + 1))} of the plane has the same label in ${name}`,
    );
  return `Through ${map.kind} sample ${map.sample}: ${[...said, ...kept].join(', ')}.`;
}
