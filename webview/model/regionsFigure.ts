// Decision regions on small planes: what each model says around forgotten samples and, apart, around retained ones.
import * as Plot from '@observablehq/plot';
import type { Evaluation, RegionMap } from '../../src/shared/evaluation';
import { count, percent } from '../../src/shared/numbers';
import { classesOn, keptShare, mapSentence, regionOf } from '../../src/shared/regionMaps';
import { figure } from '../kit/plot';

/** Tints by how frequent a class is on the maps; further ones have none, and every region has its name and its border. */
const tints = [
  'var(--lethe-retained)',
  'var(--lethe-forgotten)',
  'var(--vscode-charts-purple)',
  'var(--lethe-held-out)',
  'var(--vscode-charts-yellow)',
];

const mapSize = 118;
const nameWidth = 76;
const longestName = 9;

/** One figure each for forgotten and retained samples; none where no maps were kept. `classes` are names by number. */
export function regionFigures(evaluation: Evaluation, classes: readonly string[] | null): HTMLElement[] {
  const { maps = [], models } = evaluation;
  const frequent = classesOn(maps);
  return (['forgotten', 'retained'] as const).flatMap(kind => {
    const own = maps.filter(map => map.kind === kind);
    return own.length === 0 ? [] : [regionFigure(kind, own, models, frequent, classes)];
  });
}

function regionFigure(
  kind: RegionMap['kind'],
  maps: readonly RegionMap[],
  models: Evaluation['models'],
  frequent: readonly number[],
  classes: readonly string[] | null,
): HTMLElement {
  const nameOf = (label: number): string => classes?.[label] ?? String(label);
  const shortName = (label: number): string => cut(nameOf(label));
  const tintOf = (label: number): string | null => tints[frequent.indexOf(label)] ?? null;
  const panels = maps.flatMap((map, plane) =>
    models.map((model, place) => ({
      plane: `#${map.sample}`,
      model: model.name,
      ...regionOf(map, place),
      side: map.side,
      key: plane,
    })),
  );
  const cells = panels.flatMap(({ plane, model, cells: labels, side }) =>
    labels.map((label, at) => ({
      plane,
      model,
      x: at % side,
      y: Math.floor(at / side),
      tint: tintOf(label),
    })),
  );
  const borders = panels.flatMap(({ plane, model, borders: lines }) =>
    lines.map(([x1, y1, x2, y2]) => ({ plane, model, x1, y1, x2, y2 })),
  );
  const names = panels.flatMap(({ plane, model, names: spots }) =>
    spots.map(spot => ({ plane, model, ...spot, text: shortName(spot.label) })),
  );
  const side = maps[0]!.side;
  const middles = panels.map(({ plane, model }) => ({ plane, model, x: side / 2, y: side / 2 }));
  const facets = { fx: 'plane', fy: 'model' } as const;
  return figure({
    title: `Decision regions near ${kind} samples`,
    summary:
      'Each column is a random plane in input space with a sample in its middle, the ring; each row is a model. A region is named ' +
      `by the class that the model gives there. ${maps.map(map => mapSentence(map, models, nameOf)).join(' ')}`,
    legend: [{ name: 'a sample, on a random plane through it', mark: 'ring', role: 'retrained' }],
    height: 24 + mapSize * models.length,
    draw: width => ({
      marginLeft: 2,
      marginTop: 22,
      marginBottom: 2,
      // Maps stay square: what is left of a wide view stays empty.
      marginRight: Math.max(nameWidth, width - maps.length * mapSize),
      x: { domain: [0, side], axis: null },
      y: { domain: [side, 0], axis: null },
      fx: { domain: maps.map(({ sample }) => `#${sample}`), label: null, padding: 0.06 },
      fy: { domain: models.map(({ name }) => name), label: null, padding: 0.06 },
      color: { type: 'identity' },
      marks: [
        Plot.axisFx({ anchor: 'top', tickSize: 0, label: null }),
        Plot.axisFy({ anchor: 'right', tickSize: 0, label: null }),
        Plot.rect(
          cells.filter(({ tint }) => tint !== null),
          {
            ...facets,
            x1: 'x',
            x2: cell => cell.x + 1,
            y1: 'y',
            y2: cell => cell.y + 1,
            fill: cell => `color-mix(in srgb, ${cell.tint} 30%, var(--vscode-editor-background))`,
            shapeRendering: 'crispEdges',
          },
        ),
        Plot.frame({ stroke: 'var(--lethe-muted)' }),
        Plot.link(borders, {
          ...facets,
          x1: 'x1',
          y1: 'y1',
          x2: 'x2',
          y2: 'y2',
          stroke: 'var(--vscode-foreground)',
          strokeWidth: 1.25,
        }),
        Plot.dot(middles, {
          ...facets,
          x: 'x',
          y: 'y',
          r: 3.5,
          stroke: 'var(--vscode-foreground)',
          strokeWidth: 1.5,
          fill: 'var(--vscode-editor-background)',
        }),
        Plot.text(names, {
          ...facets,
          x: 'x',
          y: 'y',
          text: 'text',
          fill: 'var(--vscode-foreground)',
          stroke: 'var(--vscode-editor-background)',
          strokeWidth: 3,
        }),
      ],
    }),
    table: () => [
      ['plane', ...models.map(({ name }) => `${name}, at the sample`), ...models.slice(1).map(keptTitle)],
      ...maps.map(map => [
        `#${map.sample} toward #${map.toward[0]} and #${map.toward[1]}`,
        ...models.map((_, place) => nameOf(regionOf(map, place).cells[(side * side - 1) / 2]!)),
        ...models
          .slice(1)
          .map((_, place) => `${percent(keptShare(map, place + 1))} of ${count(side * side)} points`),
      ]),
    ],
  });
}

function keptTitle({ name }: { readonly name: string }): string {
  return `label kept by ${name}`;
}

function cut(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`;
}
