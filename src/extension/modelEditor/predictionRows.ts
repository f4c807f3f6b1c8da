// Predictions before and after a run, on the data that the run used.
import type { PredictionRow, Predictions } from '../../shared/modelViewProtocol';
import { limitRows } from '../../shared/predictionLimit';
import { summarizePredictions } from '../../shared/predictionSummary';
import { predictionTable } from '../../shared/predictionTable';
import type { DataSource } from '../../shared/recipe';
import { LetheError } from '../../shared/errors';
import { datasetRequest, type DatasetBinding } from '../dataset/binding';
import type { Host } from '../host';
import type { ModelDocument } from './modelDocument';

/**
 * One row a sample of the training data and, where the run's recipe names it, of the test data; fewer rows where there are
 * very many, unless `all` are wanted. Throws a LetheError
 * when no run is shown or its data cannot be read.
 */
export async function predictionRows(
  host: Host,
  document: ModelDocument,
  all: boolean,
): Promise<Predictions> {
  const runId = document.shownRun;
  const record = runId === null ? undefined : host.runs.get(runId);
  if (!record) {
    throw new LetheError(
      'There is no run to compare predictions with. Unlearn samples, or choose a run in the side bar.',
    );
  }
  const { binding } = record;
  const models = { before: await document.originalPath(), after: host.runs.modelPath(record.runId) };
  const train = await rowsOf(host, binding, binding.source, models, new Set(record.forgotten));
  const test = binding.test === null ? [] : await rowsOf(host, binding, binding.test, models, null);
  const rows = train.concat(test);
  return { rows: all ? rows : limitRows(rows), summaries: summarizePredictions(rows) };
}

/** `forgotten` is null for held-out data. */
async function rowsOf(
  host: Host,
  binding: DatasetBinding,
  source: DataSource,
  models: { readonly before: string; readonly after: string },
  forgotten: ReadonlySet<number> | null,
): Promise<PredictionRow[]> {
  const { viewer } = host;
  const overview = await viewer.ask(
    protocol => protocol.openDatasetRequest,
    datasetRequest(binding, source, models.before),
  );
  const { id } = overview;
  try {
    const { labels } = await viewer.ask(protocol => protocol.datasetColumnsRequest, { id });
    const before = await viewer.ask(protocol => protocol.predictionsRequest, { id, model: models.before });
    const after = await viewer.ask(protocol => protocol.predictionsRequest, { id, model: models.after });
    return predictionTable({ overview, labels, before, after, forgotten });
  } finally {
    await viewer.ask(protocol => protocol.closeDatasetRequest, { id }).catch(() => undefined);
  }
}
