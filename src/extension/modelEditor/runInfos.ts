// The runs of a model as its editor lists them, and two of them compared.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { isSha256 } from '../../shared/documentState';
import { LetheError } from '../../shared/errors';
import type { RunEvaluation, RunInfo } from '../../shared/modelViewProtocol';
import type { RunResult } from '../../shared/report';
import type { ModelComparison } from '../../shared/viewerProtocol';
import { pathOfSource } from '../dataset/binding';
import type { Host } from '../host';
import type { RunRecord } from '../runs/runStore';
import type { ModelDocument } from './modelDocument';

/** Made once a record: the editor is told its state often. */
const known = new WeakMap<RunRecord, RunInfo>();

/** All runs of a model, the newest first. */
export function runInfos(host: Host, model: string): readonly RunInfo[] {
  return host.runs.ofModel(model).map(record => {
    const found = known.get(record) ?? infoOf(record);
    known.set(record, found);
    return found;
  });
}

/** A result without what only the report and single questions need: the editor is told its state often. */
export function shortResult(result: RunResult): RunResult {
  const kept = Object.entries(result).filter(([key]) => key !== 'evaluation');
  return { ...(Object.fromEntries(kept) as unknown as RunResult), projections: [] };
}

/** The evaluation of a run; null where its recipe asked for the metrics only. Throws a LetheError for no run. */
export function runEvaluation(host: Host, runId: unknown): RunEvaluation | null {
  const { result, binding } = recordOf(host, String(runId));
  return result.evaluation ? { evaluation: result.evaluation, classes: binding.classes } : null;
}

function infoOf(record: RunRecord): RunInfo {
  const { binding, forgotten, result } = record;
  const data = pathOfSource(binding.source);
  const { seed } = binding.settings;
  return {
    runId: record.runId,
    result: shortResult(result),
    forgotten: forgotten.length,
    data: basename(data),
    set: createHash('sha256')
      .update(JSON.stringify([data, forgotten]))
      .digest('hex'),
    created: record.created,
    seed: typeof seed === 'number' ? seed : 0,
    settings: Object.entries(record.settings ?? {}).flatMap(([name, value]) =>
      name === 'name' || value === undefined ? [] : [[name, String(value)] as const],
    ),
  };
}

/** Two models tensor by tensor, each a run's id, "original" or "retrained". Throws a LetheError where one is not there. */
export async function compareRuns(
  host: Host,
  document: ModelDocument,
  { a, b }: { readonly a: unknown; readonly b: unknown },
): Promise<ModelComparison> {
  const run = [a, b].find(isSha256) ?? host.runs.ofModel(document.path)[0]?.runId;
  const path = async (name: unknown): Promise<string> => {
    if (isSha256(name)) return recordOf(host, name) && host.runs.modelPath(name);
    if (run === undefined) throw new LetheError('There is no run of this model to compare with.');
    if (name === 'original') return document.originalPath(run);
    const { reference } = recordOf(host, run).binding;
    if (name === 'retrained' && reference !== null) return reference;
    throw new LetheError(
      'The recipe of this run names no retrained model, so there is none to compare with.',
    );
  };
  const [first, second] = [await path(a), await path(b)];
  return host.viewer.ask(protocol => protocol.compareRequest, { a: first, b: second, bins: 1, largest: 0 });
}

function recordOf(host: Host, runId: string): RunRecord {
  const record = host.runs.get(runId);
  if (record) return record;
  throw new LetheError('This run is no longer in storage. Choose another one.');
}
