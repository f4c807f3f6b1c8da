import { basename, dirname, extname, join } from 'node:path';
import * as vscode from 'vscode';
import { viewTypeOf } from '../modelEditor/modelViewType';
import { saveRunAs } from '../modelEditor/saveModel';
import { isTfjs } from '../runs/storedModel';
import type { Command } from './command';
import { openModel, runOf } from './targets';

/**
 * Writes a run's weights into a new file, those of a TensorFlow.js model into a new folder; the open model stays as it
 * is. `target` may be given by a caller.
 */
export const saveAsNewCommand: Command = {
  id: 'lethe.saveAsNew',
  async run(host, given, target) {
    await host.loadRuns();
    const record = runOf(host, given);
    const document = host.documentOf(record.model) ?? (await openModel(host, record.model));
    const uri =
      target instanceof vscode.Uri ? target : await vscode.window.showSaveDialog(dialogFor(record.model));
    if (!uri) return;
    await saveRunAs(host, document, record.runId, uri);
    const written = isTfjs(record.model) ? vscode.Uri.joinPath(uri, 'model.json') : uri;
    void vscode.window
      .showInformationMessage(
        `${basename(uri.fsPath)} was written. ${basename(record.model)} is as it was.`,
        'Open',
      )
      .then(choice => {
        if (choice)
          void vscode.commands.executeCommand('vscode.openWith', written, viewTypeOf(written.fsPath));
      });
  },
};

function dialogFor(model: string): vscode.SaveDialogOptions {
  const folder = dirname(model);
  if (isTfjs(model)) {
    return {
      title: 'Save the Unlearned Model in a New Folder',
      saveLabel: 'Save as Folder',
      defaultUri: vscode.Uri.file(`${folder}-unlearned`),
    };
  }
  return {
    title: 'Save the Unlearned Model',
    defaultUri: vscode.Uri.file(join(folder, `${basename(model, extname(model))}-unlearned.onnx`)),
    filters: { 'ONNX models': ['onnx'] },
  };
}
