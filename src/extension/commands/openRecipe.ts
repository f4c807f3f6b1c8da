import * as vscode from 'vscode';
import { runFileUri } from '../runs/runFiles';
import { recipeName } from '../runs/runStore';
import type { Command } from './command';
import { runOf } from './targets';

/** Shows the recipe of a run, to be read or copied. */
export const openRecipeCommand: Command = {
  id: 'lethe.openRecipe',
  async run(host, given) {
    await host.loadRuns();
    const { runId } = runOf(host, given);
    const document = await vscode.workspace.openTextDocument(runFileUri(runId, recipeName));
    await vscode.window.showTextDocument(document, { preview: true });
  },
};
