// Measures any model on the data of a recipe, beside the models that the recipe names.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { MeasuredModel } from '../evaluate/evaluation';
import { evaluateModel } from '../evaluate/metrics';
import type { HeadLoss, ModelEngine } from '../runtime/contracts';
import type { Evaluation } from '../shared/evaluation';
import type { ModelMetrics } from '../shared/report';
import { closeReferences, furtherEvaluation, openReferences } from './furtherEvaluation';
import { openEngine, openJob } from './openJob';
import { jobPaths } from './paths';
import { loadRecipe } from './recipeFile';

/** What `lethe evaluate` prints. */
export interface RecipeEvaluation {
  readonly metrics: ModelMetrics;
  readonly heads: readonly HeadLoss[];
  readonly evaluation: Evaluation | undefined;
  readonly warnings: readonly string[];
}

/**
 * Measures a model on the data of a recipe and compares it with the recipe's model and its references, as far as they
 * are there. Throws what opening the job throws.
 */
export async function evaluateRecipe(
  modelPath: string,
  recipePath: string,
  assignments: readonly string[],
): Promise<RecipeEvaluation> {
  const loaded = loadRecipe(recipePath, assignments);
  const path = resolve(modelPath);
  const job = await openJob(loaded, path);
  const opened: ModelEngine[] = [job.engine];
  try {
    const { engine, data, heads } = job;
    const values = engine.initialValues();
    const metrics = await evaluateModel(engine, values, data, heads);
    const warnings = [...data.warnings];
    if (loaded.recipe.evaluation === 'basic') return { metrics, heads, evaluation: undefined, warnings };
    const paths = jobPaths(loaded.recipe, loaded.base, loaded.file);
    const there = (file: string): boolean => {
      if (existsSync(file)) return true;
      warnings.push(`${file} is not there, so nothing is compared with it.`);
      return false;
    };
    let original: MeasuredModel | null = null;
    if (there(paths.model)) {
      const first = await openEngine(loaded, paths.model, job.threads);
      opened.push(first);
      const initial = first.initialValues();
      original = {
        ...{ name: 'original', path: paths.model, engine: first, values: initial },
        metrics: await evaluateModel(first, initial, data, heads),
      };
    }
    const named = [...(paths.reference === null ? [] : [paths.reference]), ...paths.references];
    const references = await openReferences(job, loaded, named.filter(there));
    const evaluation = await furtherEvaluation(job, loaded, {
      original,
      unlearned: { name: 'model', path, engine, values, metrics },
      references,
    }).finally(() => closeReferences(references));
    return { metrics, heads, evaluation, warnings };
  } finally {
    for (const engine of opened) await engine.close();
  }
}
