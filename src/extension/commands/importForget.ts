import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import { samplesText } from '../../shared/numberText';
import type { Command } from './command';

/** Reads the forget set from a CSV file with a column `index`. `file` may be given by a caller. */
export const importForgetCommand: Command = {
  id: 'lethe.importForget',
  async run(host, file) {
    const { dataset } = host;
    if (dataset.overview === null) {
      throw new LetheError(
        'No dataset is open, so a list of its samples means nothing yet. Open the dataset first.',
      );
    }
    const folder = vscode.Uri.file(dirname(dataset.binding?.recipe ?? dataset.overview.path));
    const uri =
      file instanceof vscode.Uri
        ? file
        : (
            await vscode.window.showOpenDialog({
              title: 'Import a Forget Set',
              openLabel: 'Import',
              defaultUri: folder,
              filters: { 'Lists with a column index': ['csv'], 'All files': ['*'] },
            })
          )?.[0];
    if (!uri) return;
    const indices = await dataset.readForgetFile(uri.fsPath);
    const known = new Set(dataset.forgetSet);
    if (known.size > 0 && indices.some(index => !known.has(index))) {
      const choice = await vscode.window.showQuickPick(
        [
          { label: 'Add', description: `to the ${samplesText(known.size)} chosen already`, keep: true },
          { label: 'Replace', description: `the ${samplesText(known.size)} chosen already`, keep: false },
        ],
        { title: `Import ${samplesText(indices.length)}` },
      );
      if (!choice) return;
      if (!choice.keep) dataset.setForgetSet([]);
    }
    dataset.addToForgetSet(indices);
  },
};
