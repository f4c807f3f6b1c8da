// What menus go by: each command is hidden where it cannot work.
import * as vscode from 'vscode';
import type { Host } from './host';

/** Keeps the context keys of `when` clauses as things are. */
export function keepContextKeys(host: Host): void {
  const told = new Map<string, boolean>();
  const tell = (key: string, value: boolean): void => {
    if (told.get(key) === value) return;
    told.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  };
  const update = (): void => {
    const { active, dataset, jobs } = host;
    const opened = dataset.overview !== null;
    tell('lethe.modelOpen', active !== null);
    tell('lethe.datasetOpen', opened);
    tell('lethe.hasProposal', (active?.shownRun ?? null) !== null);
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
