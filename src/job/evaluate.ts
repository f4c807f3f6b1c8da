import { resolve } from 'node:path';
import { evaluateModel } from '../evaluate/metrics';
import type { HeadLoss } from '../runtime/contracts';
import type { ModelMetrics } from '../shared/report';
import { openJob } from './openJob';
import { loadRecipe } from './recipeFile';

/** Measures any model on the data of a recipe. Throws what opening the job throws. */
export async function evaluateRecipe(
  modelPath: string,
  recipePath: string,
  assignments: readonly string[],
): Promise<{ metrics: ModelMetrics; heads: readonly HeadLoss[]; warnings: readonly string[] }> {
  const job = await openJob(loadRecipe(recipePath, assignments), resolve(modelPath));
  try {
    const metrics = await evaluateModel(job.engine, job.engine.initialValues(), job.data, job.heads);
    return { metrics, heads: job.heads, warnings: job.data.warnings };
  } finally {
    await job.engine.close();
  }
}
