// The custom editor of `*.onnx`: opening, saving, reverting and backing up; every edit is a run's id.
import * as vscode from 'vscode';
import { applyRun, readBackup } from '../../shared/documentState';
import { messageOf } from '../../shared/errors';
import type { Host } from '../host';
import { webviewOptions, webviewPage } from '../webviewPage';
import { ModelDocument } from './modelDocument';
import { ModelView } from './modelView';
import { revertModel, saveModel, saveModelAs } from './saveModel';
import { backupModel } from './backupModel';
import { watchFile } from './watchFile';

/** Opens models and carries out what VS Code asks of a custom editor. */
export class ModelEditorProvider implements vscode.CustomEditorProvider<ModelDocument> {
  private readonly edits = new vscode.EventEmitter<vscode.CustomDocumentEditEvent<ModelDocument>>();
  readonly onDidChangeCustomDocument = this.edits.event;

  constructor(private readonly host: Host) {}

  async openCustomDocument(
    uri: vscode.Uri,
    context: vscode.CustomDocumentOpenContext,
  ): Promise<ModelDocument> {
    const { host } = this;
    const document = new ModelDocument(uri, host);
    host.addDocument(document);
    watchFile(document);
    // Reading goes on while the editor already shows that it does.
    const loading = document.load();
    if (context.backupId !== undefined) {
      await this.restore(document, context.backupId, loading);
    }
    return document;
  }

  resolveCustomEditor(document: ModelDocument, panel: vscode.WebviewPanel): void {
    const { webview } = panel;
    webview.options = webviewOptions(this.host.context.extensionUri);
    const view = new ModelView(this.host, document, webview);
    this.host.addView(document, view, panel);
    webview.html = webviewPage(webview, this.host.context.extensionUri, 'model');
  }

  /** Gives a document a run's weights, as one undoable edit. Throws a LetheError when the run is not in storage. */
  async apply(document: ModelDocument, runId: string): Promise<void> {
    await this.host.runs.verify(runId);
    const edit = applyRun(document.state, runId);
    if (edit === null) return;
    document.propose(runId);
    document.step(edit);
    this.edits.fire({
      document,
      label: 'Apply Run',
      undo: () => document.setWeights(edit.before),
      redo: () => document.setWeights(edit.after),
    });
  }

  async saveCustomDocument(document: ModelDocument, token: vscode.CancellationToken): Promise<void> {
    await saveModel(this.host, document, token);
  }

  async saveCustomDocumentAs(
    document: ModelDocument,
    target: vscode.Uri,
    token: vscode.CancellationToken,
  ): Promise<void> {
    if (target.toString() === document.uri.toString()) await saveModel(this.host, document, token);
    else await saveModelAs(this.host, document, target);
  }

  async revertCustomDocument(document: ModelDocument): Promise<void> {
    await revertModel(this.host, document);
  }

  backupCustomDocument(
    document: ModelDocument,
    context: vscode.CustomDocumentBackupContext,
  ): Promise<vscode.CustomDocumentBackup> {
    return backupModel(this.host, document, context.destination);
  }

  private async restore(document: ModelDocument, backupId: string, loading: Promise<void>): Promise<void> {
    try {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.parse(backupId, true));
      const backup = readBackup(Buffer.from(bytes).toString('utf8'));
      const { current } = backup.state;
      if (current.kind === 'run') await this.host.runs.verify(current.runId);
      document.restore(backup.state);
      await loading;
      const stamp = document.overview?.stamp ?? null;
      if (backup.stamp !== null && stamp !== null && backup.stamp !== stamp) document.markStale(true);
    } catch (error) {
      this.host.log.error(messageOf(error));
      void vscode.window.showWarningMessage(
        `The unsaved change of ${document.uri.path.split('/').at(-1)} could not be brought back. ${messageOf(error)}`,
      );
    }
  }
}
