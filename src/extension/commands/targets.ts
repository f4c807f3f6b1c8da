// What a command was called on: a model in the explorer, a run in the side bar, or what is open.
import * as vscode from 'vscode';
import { isSha256 } from '../../shared/documentState';
import { LetheError } from '../../shared/errors';
import type { Host } from '../host';
import type { ModelDocument } from '../modelEditor/modelDocument';
import { viewTypeOf } from '../modelEditor/modelViewType';
import type { RunRecord } from '../runs/runStore';

/** The path of the model that a command was called on, else of the active one; null when there is none. */
export function modelPathOf(host: Host, given: unknown): string | null {
  if (given instanceof vscode.Uri && /\.onnx$|(?<!\.unlearn)\.json$/.test(given.path)) return given.fsPath;
  return host.active?.path ?? null;
}

/** The run that a command was called on (an item of the list, an id), else the one shown beside the active model. */
export function runOf(host: Host, given: unknown): RunRecord {
  // A model that was named must have a run of its own: another model's never stands in for it.
  const runId =
    given instanceof vscode.Uri
      ? (host.documentOf(given.fsPath)?.shownRun ?? null)
      : (runIdOf(given) ?? host.active?.shownRun ?? null);
  const record = runId === null ? undefined : host.runs.get(runId);
  if (record) return record;
  throw new LetheError(
    'There is no run to do this with. Unlearn samples first, or choose a run in the side bar.',
  );
}

function runIdOf(given: unknown): string | null {
  if (isSha256(given)) return given;
  if (typeof given !== 'object' || given === null || !('runId' in given)) return null;
  return isSha256(given.runId) ? given.runId : null;
}

/** The document of a model, opened in an editor where it is not yet. */
export async function openModel(host: Host, path: string): Promise<ModelDocument> {
  await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(path), viewTypeOf(path));
  const document = host.documentOf(path);
  if (document) return document;
  throw new LetheError(`${path} could not be opened. Check that the file is still there.`);
}

/** The samples of an argument: an item of the forget set, a list of numbers; null when it names none. */
export function samplesOf(given: unknown): readonly number[] | null {
  if (Array.isArray(given) && given.length > 0) {
    const indices = given.map(each => (typeof each === 'number' ? each : indexOf(each)));
    return indices.every(index => index !== null) ? (indices as number[]) : null;
  }
  const index = indexOf(given);
  return index === null ? null : [index];
}

function indexOf(given: unknown): number | null {
  if (typeof given !== 'object' || given === null || !('index' in given)) return null;
  return typeof given.index === 'number' ? given.index : null;
}
