// The diagnosis of a model on a dataset that an editor has open.
import { bindDataset } from '../data/bind';
import { splitSamples } from '../data/forget';
import { checkIndices } from '../data/rows';
import type { Diagnosis } from '../shared/diagnosis';
import { LetheError } from '../shared/errors';
import { diagnose } from './diagnose';
import { chooseHeads } from './heads';
import { accessibleRetained, inputSignatures } from './openJob';
import type { ViewDataset } from './viewDataset';
import type { EnginePool } from './viewEngines';
import type { WorkHooks } from './viewPace';

/** What to diagnose. */
export interface DiagnoseOptions {
  readonly model: string;
  readonly forgotten: readonly number[];
  readonly retainAccess?: number;
  readonly seed?: number;
}

/**
 * Diagnoses a model file with samples to forget. Throws a LetheError for data without labels, an empty forget set or
 * one that leaves nothing, and a CancelledError.
 */
export async function diagnoseView(
  engines: EnginePool,
  { dataset, labels, request }: ViewDataset,
  { model, forgotten: given, retainAccess = 1, seed = 0 }: DiagnoseOptions,
  { signal, progress }: WorkHooks,
): Promise<Diagnosis> {
  if (labels === null) {
    throw new LetheError(`${dataset.path} has no labels, so there is no loss to diagnose. Name them first.`);
  }
  if (given.length === 0) {
    throw new LetheError('No sample is chosen to be forgotten. Add samples to the forget set first.');
  }
  checkIndices(given, dataset.size, dataset.path);
  const { retained, forgotten } = splitSamples(dataset.size, given);
  return engines.use(model, signal, async ({ engine, values }) => {
    const train = bindDataset(dataset, inputSignatures(engine.model), request.preprocess);
    const heads = await chooseHeads(request, engine, train);
    const accessible = accessibleRetained(retained, retainAccess, seed);
    progress('Measuring gradients', null);
    return diagnose({ engine, values, train, retained, accessible, forgotten, heads }, signal);
  });
}
