import { basename } from 'node:path';
import * as vscode from 'vscode';
import { bindingOfPath, bindingOfRecipe, pathOfSource, type DatasetBinding } from '../dataset/binding';
import { preprocessedBinding } from '../dataset/preprocessedBinding';
import type { FoundRecipe } from '../dataset/recipesBeside';
import type { Host } from '../host';
import type { Command } from './command';
import { modelPathOf, openModel } from './targets';

/** What the quick pick offers. */
type Choice = vscode.QuickPickItem & ({ readonly found: FoundRecipe } | { readonly ask: 'file' | 'folder' });

/** Opens the data of a model: those of a recipe beside it, or a file or folder. */
export const openDatasetCommand: Command = {
  id: 'lethe.openDataset',
  async run(host, given) {
    const model = modelPathOf(host, given);
    if (model !== null && host.documentOf(model) === null) await openModel(host, model);
    const binding = await chooseBinding(host, model);
    if (binding === null) return;
    await vscode.commands.executeCommand('lethe.dataset.focus');
    await openBinding(host, binding);
  },
};

/** Opens the dataset of a binding in the panel; without a recipe the likeliest preprocessing is found out. */
export async function openBinding(host: Host, binding: DatasetBinding): Promise<void> {
  // The panel shows why a dataset cannot be opened, so nothing more is said here.
  const opened = await host.dataset.open(binding).catch(() => null);
  if (opened === null || binding.recipe !== null || binding.model === null) return;
  const { binding: better, sentence } = await preprocessedBinding(host.viewer, opened.id, binding);
  if (host.dataset.binding !== binding) return;
  if (better !== binding) await host.dataset.open(better).catch(() => null);
  if (sentence !== null) void vscode.window.showInformationMessage(sentence);
}

async function chooseBinding(host: Host, model: string | null): Promise<DatasetBinding | null> {
  const choice = await choose(host, model);
  if (!choice) return null;
  if ('found' in choice) return bindingOfRecipe(choice.found.recipe, choice.found.file);
  const chosen = await vscode.window.showOpenDialog({
    title: 'Open a Dataset',
    openLabel: 'Open',
    canSelectFiles: choice.ask === 'file',
    canSelectFolders: choice.ask === 'folder',
    ...(choice.ask === 'file'
      ? { filters: { Datasets: ['npz', 'npy', 'csv', 'tsv', 'jsonl'], 'All files': ['*'] } }
      : {}),
  });
  return chosen?.[0] ? bindingOfPath(chosen[0].fsPath, model) : null;
}

async function choose(host: Host, model: string | null): Promise<Choice | undefined> {
  const { recipesBeside } = await import('../dataset/recipesBeside');
  const found = model === null ? [] : await recipesBeside(model, reason => host.log.info(reason));
  const recipes = found.map((each): Choice => ({
    label: `$(json) ${basename(each.file)}`,
    description: basename(pathOfSource(each.recipe.data.train)),
    detail: 'Its data, preprocessing, classes, test data and reference',
    found: each,
  }));
  const others: Choice[] = [
    { label: '$(file) Choose a File…', description: 'npz, npy, CSV, TSV or a manifest', ask: 'file' },
    {
      label: '$(folder) Choose a Folder…',
      description: 'one folder a class, with PNG or JPEG images',
      ask: 'folder',
    },
  ];
  return vscode.window.showQuickPick([...recipes, ...others], {
    title: model === null ? 'Open a Dataset' : `Open the Data of ${basename(model)}`,
    placeHolder:
      recipes.length > 0 ? 'A recipe beside the model, or the data themselves' : 'Where the data are',
  });
}
