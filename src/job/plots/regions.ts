// Decision regions on small planes, one row a model and one column a plane.
import type { RegionMap } from '../../shared/evaluation';
import { classesOn, regionOf } from '../../shared/regionMaps';
import { escape, label, plot, px } from './svg';

const cell = 11;
const gap = 14;
const left = 90;
const top = 40;

/** Classes with a tint of their own, by how frequent they are; every region also has its border and its name. */
const tints = 5;

/** The maps of samples of one kind; `models` are the names of the evaluation's models, in its order. */
export function regionsPlot(
  maps: readonly RegionMap[],
  models: readonly string[],
  nameOf: (label: number) => string,
  summary: string,
): string {
  const frequent = classesOn(maps);
  const side = maps[0]!.side;
  const size = cell * side;
  const panels = maps.flatMap((map, column) =>
    models.map((_, row) => panel(map, row, left + column * (size + gap), top + row * (size + gap))),
  );
  function panel(map: RegionMap, model: number, x0: number, y0: number): string {
    const { cells, borders, names } = regionOf(map, model);
    const squares = cells.map((own, at) => {
      const rank = frequent.indexOf(own);
      const kind = rank < tints ? `tint-${rank}` : 'tint-none';
      return (
        `<rect class="${kind}" x="${px(x0 + (at % side) * cell)}" y="${px(y0 + Math.floor(at / side) * cell)}" width="${cell}" ` +
        `height="${cell}"><title>${escape(nameOf(own))}</title></rect>`
      );
    });
    const lines = borders.map(
      ([x1, y1, x2, y2]) =>
        `<line class="border" x1="${px(x0 + x1 * cell)}" y1="${px(y0 + y1 * cell)}" x2="${px(x0 + x2 * cell)}" y2="${px(y0 + y2 * cell)}"/>`,
    );
    const words = names.map(spot =>
      label(nameOf(spot.label).slice(0, 8), x0 + spot.x * cell, y0 + spot.y * cell + 4, 'middle', 'over'),
    );
    const middle = [px(x0 + size / 2), px(y0 + size / 2)] as const;
    return (
      `${squares.join('')}<rect class="frame" x="${x0}" y="${y0}" width="${size}" height="${size}"/>${lines.join('')}` +
      `<circle class="ring" cx="${middle[0]}" cy="${middle[1]}" r="3.5"/>${words.join('')}`
    );
  }
  const heads = maps.map((map, column) =>
    label(`sample ${map.sample}`, left + column * (size + gap) + size / 2, top - 10, 'middle', 'tick'),
  );
  const sides = models.map((name, row) =>
    label(name, left - 10, top + row * (size + gap) + size / 2 + 4, 'end'),
  );
  return plot(
    left + maps.length * (size + gap),
    top + models.length * (size + gap),
    summary,
    [...heads, ...sides, ...panels].join(''),
  );
}
