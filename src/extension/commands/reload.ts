import * as vscode from 'vscode';
import { reloadModel } from '../modelEditor/saveModel';
import type { Command } from './command';
import { modelPathOf } from './targets';

/** Reads a model from disk again. Asks first where that gives up applied weights. */
export const reloadCommand: Command = {
  id: 'lethe.reload',
  async run(host, given) {
    const path = modelPathOf(host, given);
    const document = path === null ? null : host.documentOf(path);
    if (!document) return;
    if (!document.dirty) {
      await reloadModel(host, document);
      return;
    }
    const choice = await vscode.window.showWarningMessage(
      'Read the model from disk again?',
      {
        modal: true,
        detail: 'The weights that were applied here and not saved are given up. The run stays in the list.',
      },
      'Reload',
    );
    // VS Code's own revert takes the file's weights and clears the mark of an unsaved change.
    if (choice === 'Reload') await vscode.commands.executeCommand('workbench.action.files.revert');
  },
};
