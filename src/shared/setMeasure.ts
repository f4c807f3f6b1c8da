// The measure of a model on a set of samples, with labels or, where there are none, against the original's predictions.
import type { SetMetrics } from './report';

/** The share that is right or, without labels, as the original predicts; undefined for regressors. */
export function shareOf({ accuracy, agreement }: SetMetrics): number | undefined {
  return accuracy ?? agreement;
}

/** A regressor's largest error or, without labels, its largest difference to the original; undefined for classifiers. */
export function largestOf({ maxError, maxDifference }: SetMetrics): number | undefined {
  return maxError ?? maxDifference;
}

/** Whether the samples have no labels, so that all is measured against the predictions of the original. */
export function againstOriginal({ agreement, maxDifference }: SetMetrics): boolean {
  return agreement !== undefined || maxDifference !== undefined;
}
