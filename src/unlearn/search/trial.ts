// One setting tried: the method on the retained data without V, and what then is seen on the rest, on V and on F.
import type { BoundDataset } from '../../data/dataset';
import type { MethodSettings } from '../../shared/recipe';
import type { FloatArray } from '../../tensor/dtype';
import { Random } from '../../tensor/random';
import type { CheckpointStore } from '../checkpoint';
import type { Method, MethodContext } from '../method';
import { DivergedError } from '../optimizer';
import { forwardCost } from '../teacher';
import type { Fold } from './folds';
import { certaintyDistance, meanQuality, pooled, qualityOn, type SetQuality } from './quality';

/** What a trial came to; plain numbers, so that a checkpoint can hold it. */
export interface TrialScores {
  /** The lowest head's fit of the data that was descended on, as a share of the original's, less one standard error. */
  readonly fit: number;
  /** Mean quality and loss on the data that was descended on. */
  readonly retained: number;
  readonly loss: number;
  /** The same on V (or the validation data), which stands in for unseen samples; null without. */
  readonly held: number | null;
  readonly heldLoss: number | null;
  /** How differently sure the model is of F and of V, 0 to 1; null for regression or without V. */
  readonly distance: number | null;
  /** The fit of F's given labels: reported, never judged by. */
  readonly forgotten: number;
  /** ‖θ‖ as a share of the original's. */
  readonly norm: number;
  readonly cost: number;
}

/** What all trials of a search share. */
export interface Bench {
  readonly context: MethodContext;
  readonly methodOf: (name: string) => Method;
  readonly folds: readonly Fold[];
  /** Takes V's place, where the recipe names some. */
  readonly validation: BoundDataset | null;
  /** Seeds every trial alike, so that settings are compared on the same draws. */
  readonly seed: number;
  /** The quality of the original on the retained data, by head. */
  readonly original: readonly number[];
}

/** Runs a setting on every fold. Null where it diverged. `store` keeps the run of a fold. */
export async function tryOut(
  bench: Bench,
  settings: MethodSettings,
  progress: MethodContext['progress'],
  store?: CheckpointStore,
): Promise<TrialScores | null> {
  const { context, validation } = bench;
  const { engine, heads, train } = context;
  const everything: Fold = { held: [], rest: context.retained };
  const folds = validation || bench.folds.length === 0 ? [everything] : bench.folds;
  let cost = 0;
  let norm = 0;
  const seen: { rest: SetQuality; held: SetQuality | null; forgotten: SetQuality }[] = [];
  for (const [place, fold] of folds.entries()) {
    const values = engine.initialValues();
    const start = lengthOf(values);
    let stopped = false;
    try {
      await bench.methodOf(settings.name).run({
        engine,
        values,
        train,
        retained: fold.rest,
        forgotten: [...context.forgotten, ...fold.held],
        heads,
        settings,
        random: new Random(bench.seed + place),
        signal: context.signal,
        progress,
        addCost: count => (cost += count),
        recordProjection: () => undefined,
        note: () => (stopped = true),
        ...(store && folds.length === 1 ? { checkpoint: store } : {}),
      });
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      stopped = true;
    }
    if (stopped) return null;
    norm += lengthOf(values) / Math.max(start, 1e-30) / folds.length;
    const on = (data: BoundDataset, indices: readonly number[]): Promise<SetQuality> => {
      cost += forwardCost(indices.length);
      return qualityOn(engine, values, data, indices, heads);
    };
    const unseen = validation ? [...Array(validation.size).keys()] : fold.held;
    seen.push({
      rest: await on(train, fold.rest),
      held: unseen.length > 0 ? await on(validation ?? train, unseen) : null,
      forgotten: await on(train, context.forgotten),
    });
  }
  const rest = pooled(seen.map(each => each.rest));
  const helds = seen.flatMap(each => (each.held ? [each.held] : []));
  const held = helds.length > 0 ? pooled(helds) : null;
  const forgotten = pooled(seen.map(each => each.forgotten));
  const finite = [rest.loss, held?.loss ?? 0, forgotten.loss, norm].every(Number.isFinite);
  if (!finite) return null;
  return {
    fit: fitOf(rest, bench.original),
    retained: meanQuality(rest),
    loss: rest.loss,
    held: held && meanQuality(held),
    heldLoss: held && held.loss,
    distance: held && certaintyDistance(forgotten, held),
    forgotten: meanQuality(forgotten),
    norm,
    cost,
  };
}

/** The lowest head's quality as a share of the original's, less one standard error of what is missing. */
export function fitOf(quality: SetQuality, original: readonly number[]): number {
  return Math.min(
    ...quality.heads.map((value, place) => {
      const share = value / Math.max(original[place]!, 1e-12);
      const missing = Math.min(1, Math.max(0, 1 - share));
      const error = quality.errors[place]! > 0 ? Math.sqrt((missing * (1 - missing)) / quality.count) : 0;
      return share - error;
    }),
  );
}

function lengthOf(values: ReadonlyMap<string, FloatArray>): number {
  let squares = 0;
  for (const data of values.values()) for (const value of data) squares += value * value;
  return Math.sqrt(squares);
}
