// Writing a model document: in place, under another name, and what happens when the file changed meanwhile.
import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { afterSave, needsSnapshot, reverted } from '../../shared/documentState';
import { LetheError } from '../../shared/errors';
import type { Host } from '../host';
import { isTfjs } from '../runs/storedModel';
import type { ModelDocument } from './modelDocument';

/** Saves in place. The first save keeps the original in storage, so that undo after it still works. */
export async function saveModel(
  host: Host,
  document: ModelDocument,
  token: vscode.CancellationToken,
): Promise<void> {
  if (!document.dirty) return;
  let stamp = document.overview?.stamp ?? null;
  if (await document.checkDisk()) {
    await askAboutChange(document);
    stamp = null;
  }
  if (token.isCancellationRequested) throw new vscode.CancellationError();
  const { state } = document;
  let original: string | null = null;
  if (needsSnapshot(state)) {
    const pending = await host.runs.newPending();
    await host.viewer.ask(protocol => protocol.snapshotRequest, { path: document.path, folder: pending });
    original = await host.runs.adoptOriginal(pending);
  }
  const saved = await host.viewer.ask(protocol => protocol.saveWeightsRequest, {
    base: document.path,
    weights: document.pathOf(state.current),
    target: document.path,
    stamp,
  });
  const after = afterSave(state, original);
  document.saved(after, saved.stamp);
  if (state.current.kind === 'run' && after.original !== null) {
    await host.runs.noteOriginal(state.current.runId, after.original);
  }
  // What the file holds is no proposal any more when it is opened again.
  if (state.current.kind === 'run') await host.rememberProposal(document.path, null);
  await host.refer(document);
}

/** Writes the document's weights under another name; the open file stays as it is. */
export async function saveModelAs(host: Host, document: ModelDocument, target: vscode.Uri): Promise<void> {
  await writeCopy(host, document, document.pathOf(document.state.current), placeFor(document, target));
}

/** Where VS Code's own Save As puts a model: a file, or for a TensorFlow.js model the folder that its `model.json` is in. */
function placeFor(document: ModelDocument, target: vscode.Uri): vscode.Uri {
  if (!isTfjs(document.path)) return target;
  if (basename(target.path) === 'model.json') return vscode.Uri.joinPath(target, '..');
  throw new LetheError(
    'A TensorFlow.js model is saved as model.json with its weights beside it. Choose that name in an empty folder.',
  );
}

/** Writes a run's weights under another name. Throws a LetheError when that is the open file itself. */
export async function saveRunAs(
  host: Host,
  document: ModelDocument,
  runId: string,
  target: vscode.Uri,
): Promise<void> {
  await host.runs.verify(runId);
  await writeCopy(host, document, host.runs.modelPath(runId), target);
}

async function writeCopy(
  host: Host,
  document: ModelDocument,
  weights: string,
  target: vscode.Uri,
): Promise<void> {
  if (target.scheme !== 'file') {
    throw new LetheError(`${target.toString(true)} is not a file on this machine. Choose a folder on disk.`);
  }
  if (
    [document.path, ...(isTfjs(document.path) ? [dirname(document.path)] : [])].includes(
      resolve(target.fsPath),
    )
  ) {
    throw new LetheError(
      `${basename(document.path)} is the open model. Choose another name, or use Apply and then Save.`,
    );
  }
  await host.viewer.ask(protocol => protocol.saveWeightsRequest, {
    base: document.path,
    weights,
    target: target.fsPath,
    stamp: null,
  });
}

/** Back to what the file holds; where the file changed, to what it holds now. */
export async function revertModel(host: Host, document: ModelDocument): Promise<void> {
  if (await document.checkDisk()) await reloadModel(host, document);
  else document.setWeights(reverted(document.state).current);
}

/** Takes what is on disk. A run of the weights that were there before is no longer proposed; it stays in the list. */
export async function reloadModel(host: Host, document: ModelDocument): Promise<void> {
  if (document.stale) await host.propose(document.path, null);
  await document.reload();
}

/** Returns when the changed file may be written over; throws a CancellationError otherwise. */
async function askAboutChange(document: ModelDocument): Promise<void> {
  const name = basename(document.path);
  const choice = await vscode.window.showWarningMessage(
    `${name} changed on disk since it was opened.`,
    {
      modal: true,
      detail:
        'Overwrite puts the new weights into the changed file. Reload gives up the weights that were applied here.',
    },
    'Overwrite',
    'Reload',
  );
  if (choice === 'Overwrite') return;
  if (choice === 'Reload') {
    // VS Code keeps the document dirty after a save that failed; its own revert makes both agree.
    setTimeout(() => void vscode.commands.executeCommand('workbench.action.files.revert'), 0);
  }
  throw new vscode.CancellationError();
}
