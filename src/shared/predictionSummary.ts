// Predictions before and after, added up by set.
import type { PredictionRow } from './modelViewProtocol';

export type PredictionSet = PredictionRow['set'];

/** The sets in the order in which they are shown. */
export const predictionSets: readonly PredictionSet[] = ['forgotten', 'retained', 'held-out'];

/** How one set fares. Losses are means over samples that have one; null without any. */
export interface SetSummary {
  readonly set: PredictionSet;
  readonly count: number;
  /** How many predictions are the label; null without labels. */
  readonly fittedBefore: number | null;
  readonly fittedAfter: number | null;
  readonly flipped: number;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
}

/** One summary for each set that has samples. */
export function summarizePredictions(rows: readonly PredictionRow[]): readonly SetSummary[] {
  return predictionSets.flatMap(set => {
    const own = rows.filter(row => row.set === set);
    if (own.length === 0) return [];
    const labelled = own.some(row => row.label !== null);
    const amount = (test: (row: PredictionRow) => boolean): number => own.filter(test).length;
    return {
      set,
      count: own.length,
      fittedBefore: labelled ? amount(row => row.before === row.label) : null,
      fittedAfter: labelled ? amount(row => row.after === row.label) : null,
      flipped: amount(row => row.flipped),
      lossBefore: mean(own.map(row => row.lossBefore)),
      lossAfter: mean(own.map(row => row.lossAfter)),
    };
  });
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null && !Number.isNaN(value)) as number[];
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
