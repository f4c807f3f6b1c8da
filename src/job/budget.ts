// What a run may cost, in sample gradients: from a share of retraining, a number, or seconds measured once.
import type { HeadLoss, ModelEngine } from '../runtime/contracts';
import type { BoundDataset } from '../data/dataset';
import type { Recipe } from '../shared/recipe';
import type { ConvertedBudget } from '../shared/report';

/** Limits of a run in sample gradients; null: none. */
export interface RunBudget {
  /** Past this a run is stopped. */
  readonly limit: number;
  /** What `auto` plans a run with, and a search before it. */
  readonly allowance: number;
  readonly search: number | null;
  /** How the limit came about, for messages. */
  readonly words: string;
  /** Set where seconds were converted: how fast the model's gradients are. */
  readonly converted: ConvertedBudget | null;
}

/** Without a budget `auto` may spend a tenth of retraining on a run, and this much where that is less. */
const leastAllowance = 4000;

/**
 * The limits of a recipe. Of a budget in seconds or sample gradients, which covers everything, `auto` leaves a quarter to
 * the run itself and never plans more than a tenth of retraining for it. Seconds are converted once, by the time of
 * `measure` (seconds a sample gradient).
 */
export async function budgetOf(
  budget: Recipe['budget'],
  retraining: number,
  measure: () => Promise<number>,
): Promise<RunBudget> {
  const share = budget?.share;
  const converted =
    budget?.seconds === undefined
      ? null
      : {
          seconds: budget.seconds,
          sampleGradients: Math.max(1, Math.floor(budget.seconds / (await measure()))),
        };
  const total = Math.min(budget?.sampleGradients ?? Infinity, converted?.sampleGradients ?? Infinity);
  const shared = share === undefined ? Infinity : share * retraining;
  const usual = share === undefined ? Math.max(leastAllowance, 0.1 * retraining) : shared;
  const allowance = Math.max(1, Math.floor(Math.min(usual, total / 4)));
  return {
    limit: Math.min(shared, total),
    allowance,
    search: Number.isFinite(total) ? Math.max(1, Math.floor(total - allowance)) : null,
    words:
      shared <= total
        ? `${share} of retraining is ${Math.floor(shared)} sample gradients`
        : converted && converted.sampleGradients === total
          ? `${converted.seconds} s are ${total} sample gradients on this machine`
          : `budget.sampleGradients is ${total}`,
    converted,
  };
}

/** Seconds that one sample gradient of the model takes, from a few batches after one that warms up. */
export async function secondsPerGradient(
  engine: ModelEngine,
  train: BoundDataset,
  samples: readonly number[],
  heads: readonly HeadLoss[],
): Promise<number> {
  const values = engine.initialValues();
  const batch = await train.read(samples.slice(0, 64));
  const count = Math.min(64, samples.length);
  await engine.lossGradient(values, batch, heads);
  const started = performance.now();
  let done = 0;
  while (done < 3 || (performance.now() - started < 300 && done < 50)) {
    await engine.lossGradient(values, batch, heads);
    done++;
  }
  return Math.max(1e-9, (performance.now() - started) / 1000 / (done * count));
}
