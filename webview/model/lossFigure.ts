// Every sample's loss before against after: what was forgotten rises from the diagonal, the rest should stay on it.
import * as Plot from '@observablehq/plot';
import type { PredictionRow } from '../../src/shared/modelViewProtocol';
import { count, significant, things } from '../../src/shared/numbers';
import { predictionSets, summarizePredictions } from '../../src/shared/predictionSummary';
import type { PredictionSet } from '../../src/shared/predictionSummary';
import { figure } from '../kit/plot';
import { lossText } from './setSummaryTable';

/** A point this low is drawn at the edge: losses reach down to rounding, where differences mean nothing. */
const floor = 1e-6;
const mostPoints = 3000;

/** Sets differ by shape as well as by colour. */
const marks = { forgotten: 'diamond', retained: 'dot', 'held-out': 'ring' } as const;
const looks: Record<PredictionSet, Plot.DotOptions> = {
  forgotten: { symbol: 'diamond2', r: 3, fill: 'var(--lethe-forgotten)', fillOpacity: 0.9 },
  retained: { r: 2, fill: 'var(--lethe-retained)', fillOpacity: 0.4 },
  'held-out': { r: 2, stroke: 'var(--lethe-held-out)', strokeOpacity: 0.7, strokeWidth: 1 },
};

/** A row with a label. */
type Known = PredictionRow & { readonly lossBefore: number; readonly lossAfter: number };

/** Whether a sample has losses; without a label it has none. */
export function hasLosses(row: PredictionRow): row is Known {
  return Number.isFinite(row.lossBefore) && Number.isFinite(row.lossAfter);
}

/** The losses of all samples on logarithmic axes; at most 3 000 points, evenly taken from each set. */
export function lossFigure(rows: readonly PredictionRow[]): HTMLElement {
  const known = rows.filter(hasLosses);
  const points = thin(known);
  const values = known.flatMap(row => [row.lossBefore, row.lossAfter]);
  const domain: [number, number] = [
    Math.max(
      floor,
      values.reduce((least, each) => Math.min(least, each), 1),
    ),
    values.reduce((most, each) => Math.max(most, each), 2 * floor),
  ];
  const place = (loss: number): number => Math.max(domain[0], loss);
  const clipped = known.some(row => Math.min(row.lossBefore, row.lossAfter) < floor);
  const tick = (value: number): string =>
    `${clipped && value <= floor * 1.001 ? '≤ ' : ''}${significant(value, 1)}`;
  const summaries = summarizePredictions(known);
  return figure({
    title: 'Loss of each sample',
    summary:
      summaries
        .map(
          each =>
            `${things(each.count, `${each.set} sample`)}: mean loss ${lossText(each.lossBefore)} before, ` +
            `${lossText(each.lossAfter)} after.`,
        )
        .join(' ') + (points.length < known.length ? ` ${count(points.length)} of them are drawn.` : ''),
    legend: summaries.map(each => ({ name: each.set, mark: marks[each.set], role: each.set })),
    height: 300,
    draw: width => ({
      marginLeft: 52,
      marginRight: 12,
      marginTop: 8,
      marginBottom: 36,
      x: axis('loss before', domain, width < 360 ? 3 : 5, tick),
      y: { ...axis('loss after', domain, 5, tick), grid: true },
      color: { type: 'identity' },
      marks: [
        Plot.line(
          [
            [domain[0], domain[0]],
            [domain[1], domain[1]],
          ],
          { stroke: 'var(--lethe-original)', strokeDasharray: '2 3' },
        ),
        ...[...predictionSets].reverse().map(set =>
          Plot.dot(
            points.filter(row => row.set === set),
            {
              x: row => place(row.lossBefore),
              y: row => place(row.lossAfter),
              ...looks[set],
            },
          ),
        ),
      ],
    }),
    table: () => [
      ['set', 'samples', 'mean loss before', 'after'],
      ...summaries.map(each => [
        each.set,
        count(each.count),
        lossText(each.lossBefore),
        lossText(each.lossAfter),
      ]),
    ],
  });
}

function axis(
  label: string,
  domain: [number, number],
  ticks: number,
  tickFormat: (value: number) => string,
): Plot.ScaleOptions {
  return { type: 'log', domain, label, labelAnchor: 'center', labelArrow: 'none', ticks, tickFormat };
}

/** Points in the order they are drawn: forgotten samples last, on top. */
function thin(rows: readonly Known[]): readonly Known[] {
  const step = Math.max(1, rows.length / mostPoints);
  return [...predictionSets].reverse().flatMap(set => {
    const own = rows.filter(row => row.set === set);
    return Array.from({ length: Math.ceil(own.length / step) }, (_, index) => own[Math.floor(index * step)]!);
  });
}
