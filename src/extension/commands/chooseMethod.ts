// Which method to unlearn with: those of the registry with when to choose them, and what a diagnosis says of each.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Diagnosis } from '../../shared/diagnosis';
import { methodChoices } from '../../shared/methods';
import { samplesText } from '../../shared/numberText';
import type { MethodSettings } from '../../shared/recipe';
import { pathOfSource } from '../dataset/binding';
import type { Host } from '../host';
import { diagnosisFor } from '../modelEditor/diagnoseModel';

/** A method with its settings, and whether its recipe is to be edited before anything runs. */
export interface ChosenMethod {
  readonly method: MethodSettings;
  readonly edit: boolean;
}

type MethodItem = vscode.QuickPickItem & { readonly settings?: MethodSettings };

const editButton: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('edit'),
  tooltip: 'Edit Recipe First…',
};

/** The method to use; null when the person gave up. */
export async function chooseMethod(host: Host, samples: readonly number[]): Promise<ChosenMethod | null> {
  const { binding } = host.dataset;
  const document = binding?.model ? host.documentOf(binding.model) : null;
  const items = methodItems(host, document === null ? null : diagnosisFor(document, samples));
  const from = binding === null ? '' : ` of ${basename(pathOfSource(binding.source))}`;
  const pick = vscode.window.createQuickPick<MethodItem>();
  pick.title = `Unlearn ${samplesText(samples.length)}${from}`;
  pick.placeholder = 'How; the open model stays as it is until you apply the result';
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.items = items;
  return new Promise(resolve => {
    pick.onDidAccept(() => {
      const [item] = pick.selectedItems;
      if (!item) return;
      const first = items.find(({ settings }) => settings)?.settings;
      const settings = item.settings ?? first;
      resolve(settings ? { method: settings, edit: item.settings === undefined } : null);
      pick.hide();
    });
    pick.onDidTriggerItemButton(({ item }) => {
      resolve(item.settings ? { method: item.settings, edit: true } : null);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(null);
      pick.dispose();
    });
    pick.show();
  });
}

/** The recipe's own method, the recommended one, the way to the settings, and all others. */
function methodItems(host: Host, diagnosis: Diagnosis | null): MethodItem[] {
  const { binding } = host.dataset;
  const items: MethodItem[] = [];
  if (binding?.recipe && binding.method && Object.keys(binding.method).length > 1) {
    items.push({
      label: binding.method.name,
      description: `with the settings of ${basename(binding.recipe)}`,
      settings: binding.method,
      buttons: [editButton],
    });
  }
  const [first, ...others] = methodChoices.map(({ name, description, choose }): MethodItem => ({
    label: name,
    description,
    detail: [found(name, diagnosis), choose].filter(Boolean).join(' · '),
    settings: { name },
    buttons: [editButton],
  }));
  items.push(
    first!,
    {
      label: '$(edit) Edit Recipe First…',
      description: 'the samples, the data and every setting, in an editor that completes them',
      alwaysShow: true,
    },
    { label: 'other methods', kind: vscode.QuickPickItemKind.Separator },
    ...others,
  );
  return items;
}

/** What a diagnosis says of a method, in a few words. */
function found(name: string, diagnosis: Diagnosis | null): string {
  if (diagnosis === null) return '';
  if (diagnosis.start.method === name) return '$(pulse) suggested by the diagnosis';
  const reach = diagnosis.methods.find(({ method }) => method === name);
  return reach?.moves === 'barely' ? '$(warning) hardly moves this model' : '';
}
