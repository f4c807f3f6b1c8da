// Predictions before and after a run as rows, with labels or without.
import type { PredictionRow } from './modelViewProtocol';
import type { DatasetOverview, DatasetPredictions } from './viewerProtocol';

/** What rows of one dataset are made from. `forgotten` is null for held-out data. */
export interface PredictedData {
  readonly overview: Pick<DatasetOverview, 'size' | 'labels' | 'classes'>;
  readonly labels: readonly number[] | null;
  readonly before: DatasetPredictions;
  readonly after: DatasetPredictions;
  readonly forgotten: ReadonlySet<number> | null;
}

/** One row a sample, in order. Without labels a row has neither label nor losses. */
export function predictionTable({
  overview,
  labels,
  before,
  after,
  forgotten,
}: PredictedData): PredictionRow[] {
  // What has no labels is told by its model: only classes have a confidence.
  const values = overview.labels === 'none' ? before.confidence === null : overview.labels === 'values';
  const nameOf = (value: number): string =>
    values ? String(Number(value.toPrecision(4))) : (overview.classes?.[value] ?? String(value));
  return Array.from({ length: overview.size }, (_, index) => ({
    index,
    set: forgotten === null ? 'held-out' : forgotten.has(index) ? 'forgotten' : 'retained',
    label: labels === null ? null : nameOf(labels[index]!),
    before: nameOf(before.predicted[index]!),
    after: nameOf(after.predicted[index]!),
    lossBefore: before.loss?.[index] ?? null,
    lossAfter: after.loss?.[index] ?? null,
    // Values always move a little, so they never count as flipped.
    flipped: !values && before.predicted[index] !== after.predicted[index],
  }));
}
