import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import { bindingOfRecipe } from '../dataset/binding';
import { runSettings } from '../runSettings';
import type { Command } from './command';

/** Runs a recipe as `lethe run` would: its output goes where it says, and the result is proposed for its model. */
export const runRecipeCommand: Command = {
  id: 'lethe.runRecipe',
  async run(host, given) {
    const uri = await savedFile(
      given instanceof vscode.Uri ? given : vscode.window.activeTextEditor?.document.uri,
    );
    if (uri === undefined) return;
    const { readRecipe } = await import('../dataset/recipesBeside');
    const file = uri.fsPath;
    const recipe = await readRecipe(file);
    const model = resolve(dirname(file), recipe.model);
    const { threads, engine } = runSettings(model);
    await host.jobs.start({
      version: 1,
      workspace: host.workspaceName,
      recipe: file,
      assignments: [
        ...(threads !== null && recipe.threads === undefined ? [`threads=${threads}`] : []),
        ...(engine !== null && recipe.engine === undefined ? [`engine=${engine}`] : []),
      ],
      model,
      method: recipe.method.name,
      settings: recipe.method,
      samples: 'indices' in recipe.forget ? recipe.forget.indices.length : null,
      pending: null,
      binding: bindingOfRecipe(recipe, file),
    });
    host.log.info(`${basename(file)} ended.`);
  },
};

/** The recipe as a file: what is open is saved first. Undefined when the person gave up saving. */
async function savedFile(uri: vscode.Uri | undefined): Promise<vscode.Uri | undefined> {
  if (uri?.scheme !== 'file' && uri?.scheme !== 'untitled') {
    throw new LetheError(
      'There is no recipe file to run. Open a *.unlearn.json from disk, or save this one first.',
    );
  }
  const open = vscode.workspace.textDocuments.find(document => document.uri.toString() === uri.toString());
  return open?.isDirty ? vscode.workspace.save(uri) : uri;
}
