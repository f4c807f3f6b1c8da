// The further evaluation of a job: retrained models beside the original and the unlearned one, all compared.
import type { ModelEngine } from '../runtime/contracts';
import { performance } from 'node:perf_hooks';
import { evaluateFurther, type MeasuredModel } from '../evaluate/evaluation';
import { evaluateModel } from '../evaluate/metrics';
import type { Evaluation } from '../shared/evaluation';
import type { LoadedRecipe } from './recipeFile';
import { openEngine, type OpenJob } from './openJob';
import { relearn } from './relearn';

/** A retrained model that is open and measured. */
export interface Reference extends MeasuredModel {
  readonly engine: ModelEngine;
}

/**
 * Opens and measures retrained models on the data of a job, in order; the first is named "retrained". Close them with
 * `closeReferences`. Throws what `ModelEngine.open` and `evaluateModel` throw.
 */
export async function openReferences(
  job: OpenJob,
  loaded: LoadedRecipe,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Reference[]> {
  const engines: ModelEngine[] = [];
  try {
    const references: Reference[] = [];
    for (const path of paths) {
      const engine = await openEngine(loaded, path, job.threads);
      engines.push(engine);
      const values = engine.initialValues();
      const metrics = await evaluateModel(engine, values, job.data, job.heads, signal);
      const name = references.length === 0 ? 'retrained' : `retrained ${references.length + 1}`;
      references.push({ engine, values, name, path, metrics });
    }
    return references;
  } catch (error) {
    for (const engine of engines) await engine.close();
    throw error;
  }
}

/** Gives the memory of retrained models back. */
export async function closeReferences(references: readonly Reference[]): Promise<void> {
  for (const { engine } of references) await engine.close();
}

/** What is compared. */
export interface Compared {
  readonly original: MeasuredModel | null;
  readonly unlearned: MeasuredModel;
  readonly references: readonly Reference[];
}

/**
 * The evaluation that a recipe asks for; undefined for the basic metrics alone. Throws what `evaluateFurther` and
 * `relearn` throw.
 */
export async function furtherEvaluation(
  job: OpenJob,
  loaded: LoadedRecipe,
  { original, unlearned, references }: Compared,
  signal?: AbortSignal,
): Promise<Evaluation | undefined> {
  const { evaluation: level, seed } = loaded.recipe;
  if (level === 'basic') return undefined;
  const found = await evaluateFurther({ original, unlearned, retrained: references }, job.data, job.heads, {
    level,
    seed,
    ...(signal ? { signal } : {}),
  });
  if (level === 'standard') return found;
  if (!original) return found;
  const started = performance.now();
  const models = [];
  for (const model of found.models) {
    const measured = [unlearned, ...references].find(({ name }) => name === model.name);
    models.push(
      measured
        ? { ...model, relearn: await relearn(measured, original.metrics.forget.loss, job, seed, signal) }
        : model,
    );
  }
  return { ...found, models, seconds: found.seconds + (performance.now() - started) / 1000 };
}
