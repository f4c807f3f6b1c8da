import { basename, dirname, extname, join } from 'node:path';
import * as vscode from 'vscode';
import { modelViewType } from '../modelEditor/modelViewType';
import { saveRunAs } from '../modelEditor/saveModel';
import type { Command } from './command';
import { openModel, runOf } from './targets';

/** Writes a run's weights into a new file; the open model stays as it is. `target` may be given by a caller. */
export const saveAsNewCommand: Command = {
  id: 'lethe.saveAsNew',
  async run(host, given, target) {
    await host.loadRuns();
    const record = runOf(host, given);
    const document = host.documentOf(record.model) ?? (await openModel(host, record.model));
    const stem = basename(record.model, extname(record.model));
    const uri =
      target instanceof vscode.Uri
        ? target
        : await vscode.window.showSaveDialog({
            title: 'Save the Unlearned Model',
            defaultUri: vscode.Uri.file(join(dirname(record.model), `${stem}-unlearned.onnx`)),
            filters: { 'ONNX models': ['onnx'] },
          });
    if (!uri) return;
    await saveRunAs(host, document, record.runId, uri);
    void vscode.window
      .showInformationMessage(
        `${basename(uri.fsPath)} was written. ${basename(record.model)} is as it was.`,
        'Open',
      )
      .then(choice => {
        if (choice) void vscode.commands.executeCommand('vscode.openWith', uri, modelViewType);
      });
  },
};
