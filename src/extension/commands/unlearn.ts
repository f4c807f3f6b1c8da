import { basename } from 'node:path';
import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import { methodChoices } from '../../shared/methods';
import { samplesText } from '../../shared/numberText';
import type { MethodSettings } from '../../shared/recipe';
import { pathOfSource } from '../dataset/binding';
import type { Host } from '../host';
import { startUnlearning } from '../runs/startUnlearning';
import type { Command } from './command';
import { modelPathOf, openModel } from './targets';

/** Chooses samples and a method, and makes the model forget them. The result is a proposal. */
export const unlearnCommand: Command = {
  id: 'lethe.unlearn',
  async run(host, given) {
    await refuseWhereRestricted();
    const { dataset } = host;
    const own = dataset.binding?.model ?? null;
    const model = (isPanel(given) ? own : modelPathOf(host, given)) ?? own;
    if (model !== null && host.documentOf(model) === null) await openModel(host, model);
    if (dataset.overview === null || dataset.binding === null || dataset.binding.model !== model) {
      await vscode.commands.executeCommand(
        'lethe.openDataset',
        model === null ? undefined : vscode.Uri.file(model),
      );
      if (dataset.overview === null || dataset.binding?.model !== model) return;
    }
    if (host.jobs.running)
      throw new LetheError('A run is under way. Wait for it to end, or cancel it first.');
    const samples = await chooseSamples(host, isPanel(given));
    if (samples === null) return;
    const method = await chooseMethod(host, samples);
    if (method === null) return;
    await startUnlearning(host, samples, method);
  },
};

/** Whether the call comes from the context menu of a sample. */
function isPanel(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'webviewSection' in given;
}

async function refuseWhereRestricted(): Promise<void> {
  if (vscode.workspace.isTrusted) return;
  const choice = await vscode.window.showWarningMessage(
    'This workspace is in Restricted Mode: models and data can be viewed, but nothing is run on them.',
    'Manage Workspace Trust',
  );
  if (choice) await vscode.commands.executeCommand('workbench.trust.manage');
  throw new vscode.CancellationError();
}

/**
 * The selection or the forget set; asks where it is not plain which is meant: from a sample's menu (`clicked`) the
 * selection speaks, elsewhere only what it adds. Null when the person gave up.
 */
async function chooseSamples(host: Host, clicked: boolean): Promise<readonly number[] | null> {
  const { selection, forgetSet } = host.dataset;
  const both = [...new Set([...forgetSet, ...selection])].sort((a, b) => a - b);
  if (both.length === 0) {
    const choice = await vscode.window.showInformationMessage(
      'No sample is chosen. Select samples in the Dataset panel, or import a list of them.',
      'Import Forget Set…',
    );
    if (choice) await vscode.commands.executeCommand('lethe.importForget');
    return null;
  }
  if (forgetSet.length === 0) return selection;
  if (selection.length === 0) return forgetSet;
  const within = both.length === forgetSet.length;
  if (within && (!clicked || selection.length === forgetSet.length)) return forgetSet;
  const choice = await vscode.window.showQuickPick(
    [
      ...(within
        ? []
        : [
            {
              label: 'The forget set and the selection',
              description: samplesText(both.length),
              samples: both,
            },
          ]),
      { label: 'The selection', description: samplesText(selection.length), samples: selection },
      { label: 'The forget set', description: samplesText(forgetSet.length), samples: forgetSet },
    ],
    { title: 'Unlearn Samples', placeHolder: 'Which samples to forget' },
  );
  return choice?.samples ?? null;
}

/** The method to use; null when the person gave up. */
async function chooseMethod(host: Host, samples: readonly number[]): Promise<MethodSettings | null> {
  const { binding } = host.dataset;
  const items: (vscode.QuickPickItem & { settings: MethodSettings })[] = methodChoices.map(
    ({ name, description }) => ({ label: name, detail: description, settings: { name } }),
  );
  if (binding?.recipe && binding.method && Object.keys(binding.method).length > 1) {
    const { method } = binding;
    items.unshift({
      label: method.name,
      description: `with the settings of ${basename(binding.recipe)}`,
      settings: method,
    });
  }
  const from = binding === null ? '' : ` of ${basename(pathOfSource(binding.source))}`;
  const choice = await vscode.window.showQuickPick(items, {
    title: `Unlearn ${samplesText(samples.length)}${from}`,
    placeHolder: 'How; the open model stays as it is until you apply the result',
    matchOnDetail: true,
  });
  return choice?.settings ?? null;
}
