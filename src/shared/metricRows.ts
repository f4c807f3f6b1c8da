// A comparison of models as rows of text, for a terminal and for pages.
import type { ModelMetrics, SetMetrics } from './report';
import { againstOriginal } from './setMeasure';

/** One model of a comparison. */
export interface MetricColumn {
  readonly name: string;
  readonly metrics: ModelMetrics;
  /** What getting this model cost, or a dash. */
  readonly cost?: string;
}

/** A header row and one row a metric; the first cell of each names it. Metrics that no column has are left out. */
export function metricRows(columns: readonly MetricColumn[]): string[][] {
  const all = columns.map(column => column.metrics);
  const rows: string[][] = [['', ...columns.map(column => column.name)]];
  const add = (name: string, read: (metrics: ModelMetrics) => string | null): void => {
    const cells = all.map(read);
    if (cells.some(cell => cell !== null)) rows.push([name, ...cells.map(cell => cell ?? '–')]);
  };
  const sets: readonly [string, (metrics: ModelMetrics) => SetMetrics | null][] = [
    ['retained', metrics => metrics.retain],
    ['forgotten', metrics => metrics.forget],
    ['test', metrics => metrics.test],
  ];
  for (const [name, of] of sets) add(`${name} accuracy`, metrics => percent(of(metrics)?.accuracy));
  for (const [name, of] of sets) add(`${name} largest error`, metrics => number(of(metrics)?.maxError));
  for (const [name, of] of sets)
    add(`${name}, as the original predicts`, metrics => percent(of(metrics)?.agreement));
  for (const [name, of] of sets)
    add(`${name} largest difference to the original`, metrics => number(of(metrics)?.maxDifference));
  for (const [name, of] of sets) {
    const labelled = all.every(metrics => !of(metrics) || !againstOriginal(of(metrics)!));
    add(`${name} loss${labelled ? '' : ' against the original'}`, metrics => number(of(metrics)?.loss));
  }
  add('membership AUC', metrics => auc(metrics.membershipAuc));
  add('confidence AUC', metrics => auc(metrics.confidenceAuc));
  if (columns.some(column => column.cost !== undefined)) {
    rows.push(['cost of retraining', ...columns.map(column => column.cost ?? '–')]);
  }
  return rows;
}

function percent(value: number | undefined): string | null {
  return value === undefined ? null : `${(100 * value).toFixed(1)} %`;
}

function number(value: number | undefined): string | null {
  if (value === undefined) return null;
  return value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)));
}

function auc(value: number | null): string | null {
  return value === null ? null : value.toFixed(3);
}
