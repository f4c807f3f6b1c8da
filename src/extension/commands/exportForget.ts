import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import type { Command } from './command';

/** Writes the forget set as a CSV file that a recipe can name. `target` may be given by a caller. */
export const exportForgetCommand: Command = {
  id: 'lethe.exportForget',
  async run(host, target) {
    const { forgetSet, overview, binding } = host.dataset;
    if (overview === null || forgetSet.length === 0) {
      throw new LetheError('The forget set is empty, so there is nothing to write. Add samples to it first.');
    }
    const folder = dirname(binding?.recipe ?? overview.path);
    const uri =
      target instanceof vscode.Uri
        ? target
        : await vscode.window.showSaveDialog({
            title: 'Export the Forget Set',
            defaultUri: vscode.Uri.file(join(folder, 'forget.csv')),
            filters: { 'Comma-separated values': ['csv'] },
          });
    if (!uri) return;
    await vscode.workspace.fs.writeFile(uri, Buffer.from(`index\n${forgetSet.join('\n')}\n`));
  },
};
