// A backup of a model document: a few hundred bytes that name a run, never the weights.
import * as vscode from 'vscode';
import { referencesOf, writeBackup } from '../../shared/documentState';
import type { Host } from '../host';
import type { ModelDocument } from './modelDocument';

/** Writes a backup; storage keeps what it names until the backup is deleted. */
export async function backupModel(
  host: Host,
  document: ModelDocument,
  destination: vscode.Uri,
): Promise<vscode.CustomDocumentBackup> {
  const id = destination.toString();
  await host.runs.refer(id, null, referencesOf(document.state, []));
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(destination, '..'));
  await vscode.workspace.fs.writeFile(
    destination,
    Buffer.from(writeBackup(document.state, document.overview?.stamp ?? null)),
  );
  return {
    id,
    delete: () => {
      void host.runs.refer(id, null, []);
      void vscode.workspace.fs.delete(destination).then(undefined, () => undefined);
    },
  };
}
