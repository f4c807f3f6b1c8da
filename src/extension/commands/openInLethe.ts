import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import type { Command } from './command';
import { openModel } from './targets';

/** Opens a `model.json` as a model. Whether it is one shows in its content: the editor says what else it is. */
export const openInLetheCommand: Command = {
  id: 'lethe.openInLethe',
  async run(host, given) {
    const uri = given instanceof vscode.Uri ? given : vscode.window.activeTextEditor?.document.uri;
    if (uri?.scheme !== 'file') {
      throw new LetheError('There is no model.json on disk to open. Choose one in the explorer.');
    }
    await openModel(host, uri.fsPath);
  },
};
