// What a run needs to go on after an interruption, and how nested stages keep theirs in one place.
import type { FloatArray } from '../tensor/dtype';

/** A state of a run: small things as JSON, tensors apart. */
export interface Checkpoint {
  readonly state: Readonly<Record<string, unknown>>;
  readonly arrays: ReadonlyMap<string, FloatArray>;
}

/** Keeps the last checkpoint of a run. */
export interface CheckpointStore {
  /** What to go on from; null at a fresh start. */
  load(): Checkpoint | null;
  /** Whether it is time to save: saving takes as long as writing all parameters. */
  due(): boolean;
  save(checkpoint: Checkpoint): void;
}

/**
 * A store for one stage of a run that has stages. What the stage saves is kept together with `outer()`, the state of
 * the run around it; `saved` is what an earlier run's same stage left, or null.
 */
export function stageStore(
  store: CheckpointStore | undefined,
  saved: Checkpoint | null,
  outer: () => Readonly<Record<string, unknown>>,
): CheckpointStore | undefined {
  if (!store) return undefined;
  return {
    load: () => saved,
    due: () => store.due(),
    save: inner => store.save({ state: { ...outer(), stage: inner.state }, arrays: inner.arrays }),
  };
}

/** What the stage inside a checkpoint left; null where it had not saved anything. */
export function stageOf(checkpoint: Checkpoint): Checkpoint | null {
  const stage = checkpoint.state['stage'];
  return typeof stage === 'object' && stage !== null
    ? { state: stage as Record<string, unknown>, arrays: checkpoint.arrays }
    : null;
}
