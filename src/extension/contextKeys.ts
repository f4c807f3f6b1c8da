// What menus go by: each command is hidden where it cannot work.
import * as vscode from 'vscode';
import type { Host } from './host';
import { isTfjs } from './runs/storedModel';

/** Keeps the context keys of `when` clauses as things are. */
export function keepContextKeys(host: Host): void {
  const told = new Map<string, string>();
  const tell = (key: string, value: boolean | readonly string[]): void => {
    const text = JSON.stringify(value);
    if (told.get(key) === text) return;
    told.set(key, text);
    void vscode.commands.executeCommand('setContext', key, value);
  };
  const update = (): void => {
    const { active, dataset, jobs } = host;
    const opened = dataset.overview !== null;
    tell('lethe.modelOpen', active !== null);
    tell('lethe.datasetOpen', opened);
    tell('lethe.hasProposal', (active?.shownRun ?? null) !== null);
    // For the explorer, where a menu belongs to a file: `resourcePath in lethe.modelsWithRun`.
    const shown = host.open.filter(document => document.shownRun !== null);
    tell(
      'lethe.modelsWithRun',
      shown.map(document => document.path),
    );
    tell(
      'lethe.modelsWithProposal',
      shown.filter(document => document.proposal !== null).map(document => document.path),
    );
    // Not every `model.json` is a model; those that are open here were recognised by their content.
    tell(
      'lethe.tfjsModels',
      host.open.filter(({ path, error }) => isTfjs(path) && error === null).map(({ path }) => path),
    );
    tell('lethe.proposalApplied', active !== null && active.proposal === null && active.applied !== null);
    tell('lethe.running', jobs.running);
    tell('lethe.hasForgetSet', opened && dataset.forgetSet.length > 0);
    tell('lethe.hasSelection', opened && dataset.selection.length > 0);
  };
  host.context.subscriptions.push(
    host.onDidChangeSurroundings(update),
    host.onDidChangeDocument(update),
    host.dataset.onDidChangeForgetSet(update),
    host.dataset.onDidChangeSelection(update),
    host.jobs.onDidChange(update),
  );
  update();
}
