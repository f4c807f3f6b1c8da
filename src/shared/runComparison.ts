// Finished runs beside one another: the numbers that tell them apart, and two of them metric by metric.
import { count, percentValue, significant, signed } from './numbers';
import type { ModelMetrics, SetMetrics } from './report';
import { againstOriginal, largestOf, shareOf } from './setMeasure';

/** How well a model does on samples: a share that is right, or for a regressor its largest error; see `setMeasure`. */
export interface Fit {
  readonly kind: 'accuracy' | 'error';
  readonly value: number;
  readonly count: number;
  /** Without labels: measured against the predictions of the original. */
  readonly againstOriginal?: true;
}

/** The fit on a set; null where nothing was measured. */
export function fitOf(metrics: SetMetrics | null): Fit | null {
  if (metrics === null || metrics.count === 0) return null;
  const shared = {
    count: metrics.count,
    ...(againstOriginal(metrics) && { againstOriginal: true as const }),
  };
  const share = shareOf(metrics);
  return share === undefined
    ? { kind: 'error', value: largestOf(metrics) ?? metrics.loss, ...shared }
    : { kind: 'accuracy', value: share, ...shared };
}

/** A fit as text without its unit: percent for a share. */
export function fitText(fit: Fit | null): string {
  if (fit === null) return '–';
  return fit.kind === 'accuracy' ? percentValue(fit.value) : significant(fit.value);
}

/** The trade-off of unlearning: what is still fitted of the forgotten samples, and how others are fitted. */
export interface TradeOff {
  readonly forgotten: Fit;
  /** Held-out samples, or the retained ones where there are none. */
  readonly others: Fit;
  readonly heldOut: boolean;
}

/** The two coordinates of a model; null where either was not measured. */
export function tradeOff(metrics: ModelMetrics): TradeOff | null {
  const [forgotten, test] = [fitOf(metrics.forget), fitOf(metrics.test)];
  const others = test ?? fitOf(metrics.retain);
  return forgotten === null || others === null ? null : { forgotten, others, heldOut: test !== null };
}

/**
 * How close a model is to a retrained one ("tug of war"): the product of 1 − |difference of accuracies| over forgotten,
 * retained and held-out samples; 1 where all three are equal. Null for regressors.
 */
export function closeness(metrics: ModelMetrics, retrained: ModelMetrics): number | null {
  let product = 1;
  for (const of of ['forget', 'retain', 'test'] as const) {
    const [a, b] = [metrics[of], retrained[of]];
    if (a === null || b === null) continue;
    if (a.accuracy === undefined || b.accuracy === undefined) return null;
    product *= 1 - Math.abs(a.accuracy - b.accuracy);
  }
  return product;
}

/** One metric of two models. */
export interface MetricPair {
  /** With the unit. */
  readonly name: string;
  readonly a: string;
  readonly b: string;
  /** b − a with its sign; '' where either is missing. */
  readonly delta: string;
  /** On how many samples. */
  readonly tip: string;
}

/** Two models metric by metric; metrics that neither has are left out. */
export function metricPairs(a: ModelMetrics, b: ModelMetrics): MetricPair[] {
  const pairs: MetricPair[] = [];
  const sets = [
    ['held-out', 'held-out sample', a.test, b.test],
    ['retained', 'retained sample', a.retain, b.retain],
    ['forgotten', 'forgotten sample', a.forget, b.forget],
  ] as const;
  for (const [name, noun, first, second] of sets) {
    const size = (second ?? first)?.count ?? 0;
    const tip = `${count(size)} ${noun}${size === 1 ? '' : 's'}`;
    pairs.push(
      pair(`${name} accuracy, %`, first?.accuracy, second?.accuracy, percentValue, tip),
      pair(`${name} largest error`, first?.maxError, second?.maxError, significant, tip),
      pair(`${name}, as the original predicts, %`, first?.agreement, second?.agreement, percentValue, tip),
      pair(
        `${name} largest difference to the original`,
        first?.maxDifference,
        second?.maxDifference,
        significant,
        tip,
      ),
      pair(`${name} loss`, first?.loss, second?.loss, significant, tip),
    );
  }
  const auc = (value: number): string => value.toFixed(3).replace('-', '−');
  const both = 'Forgotten against held-out samples';
  pairs.push(
    pair('membership AUC', a.membershipAuc ?? undefined, b.membershipAuc ?? undefined, auc, both),
    pair('confidence AUC', a.confidenceAuc ?? undefined, b.confidenceAuc ?? undefined, auc, both),
  );
  return pairs.filter(each => each.a !== '–' || each.b !== '–');
}

function pair(
  name: string,
  a: number | undefined,
  b: number | undefined,
  write: (value: number) => string,
  tip: string,
): MetricPair {
  const delta = a === undefined || b === undefined ? null : b - a;
  return {
    name,
    a: a === undefined ? '–' : write(a),
    b: b === undefined ? '–' : write(b),
    delta: delta === null ? '' : signed(write(delta), delta),
    tip,
  };
}
