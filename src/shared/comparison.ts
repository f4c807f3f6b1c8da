// The models that a run compares.
import type { MetricColumn } from './metricRows';
import type { ModelMetrics, RunResult } from './report';

/** The columns of a comparison: original, unlearned, and retrained where there is a reference. */
export function comparedColumns(result: RunResult): MetricColumn[] {
  const column = (name: string, metrics: ModelMetrics, cost: string): MetricColumn => ({
    name,
    metrics,
    cost,
  });
  const share = percentage(result.cost.share);
  return [
    column('original', result.before, '–'),
    column('unlearned', result.after, share),
    ...(result.reference ? [column('retrained', result.reference, '100 %')] : []),
  ];
}

/** A share as a percentage with two significant digits: "0.35 %", "140 %". */
export function percentage(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
