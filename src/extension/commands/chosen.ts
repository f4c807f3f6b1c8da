// What a command that works on chosen samples needs first: a trusted workspace, a model, its data, the samples.
import * as vscode from 'vscode';
import { samplesText } from '../../shared/numberText';
import type { Host } from '../host';
import { modelPathOf, openModel } from './targets';

/** Whether a call comes from the context menu of a sample. */
export function isPanel(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'webviewSection' in given;
}

/** The model that a command was called on, with its data open; asks for what is missing. Null when the person gave up. */
export async function openedModel(host: Host, given: unknown): Promise<string | null> {
  const { dataset } = host;
  const own = dataset.binding?.model ?? null;
  const model = (isPanel(given) ? own : modelPathOf(host, given)) ?? own;
  if (model !== null && host.documentOf(model) === null) await openModel(host, model);
  if (dataset.overview === null || dataset.binding === null || dataset.binding.model !== model) {
    await vscode.commands.executeCommand(
      'lethe.openDataset',
      model === null ? undefined : vscode.Uri.file(model),
    );
    if (dataset.overview === null || dataset.binding?.model !== model) return null;
  }
  return model;
}

/** Says why nothing is computed in Restricted Mode. Throws a CancellationError there. */
export async function refuseWhereRestricted(): Promise<void> {
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
export async function chooseSamples(
  host: Host,
  clicked: boolean,
  verb: 'Unlearn' | 'Diagnose',
): Promise<readonly number[] | null> {
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
    { title: `${verb} Samples`, placeHolder: 'Which samples to forget' },
  );
  return choice?.samples ?? null;
}
