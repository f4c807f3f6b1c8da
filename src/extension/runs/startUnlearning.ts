// From samples and a method to a job: writes the recipe into the run's own folder and starts the solver.
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LetheError } from '../../shared/errors';
import { samplesText } from '../../shared/numberText';
import type { MethodSettings } from '../../shared/recipe';
import { recipeFileText, recipeOf, withoutLabels } from '../dataset/binding';
import type { Host } from '../host';
import { runSettings } from '../runSettings';
import { recipeName, type RunRecord } from './runStore';

/**
 * Makes the dataset's model forget samples. Gives the run; null when it failed or was cancelled, which has been said
 * by then. Throws a LetheError when it cannot be started.
 */
export async function startUnlearning(
  host: Host,
  samples: readonly number[],
  method: MethodSettings,
): Promise<RunRecord | null> {
  const { binding, overview } = host.dataset;
  const model = binding?.model ?? null;
  if (binding === null || overview === null || model === null) {
    throw new LetheError('There is no model with open data. Open a model, then the data it was trained on.');
  }
  if (samples.length >= overview.size) {
    throw new LetheError(
      `All ${samplesText(overview.size)} of ${basename(overview.path)} are chosen, so nothing is left to retain. Choose fewer.`,
    );
  }
  if (host.jobs.running) throw new LetheError('A run is under way. Wait for it to end, or cancel it first.');
  const pending = await host.runs.newPending();
  const recipe = join(pending, recipeName);
  const order = { model, forgotten: samples, method, ...runSettings(model) };
  const bound = overview.labels === 'none' ? withoutLabels(binding) : binding;
  await writeFile(recipe, recipeFileText(recipeOf(bound, order)));
  return host.jobs.start({
    version: 1,
    workspace: host.workspaceName,
    recipe,
    assignments: [],
    model,
    method: method.name,
    settings: method,
    samples: samples.length,
    pending,
    binding,
  });
}
