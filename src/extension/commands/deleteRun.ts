import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import type { Command } from './command';
import { runOf } from './targets';

/** Removes a run from storage, after asking; one that an open model or its history needs is kept. */
export const deleteRunCommand: Command = {
  id: 'lethe.deleteRun',
  async run(host, given) {
    await host.loadRuns();
    const record = runOf(host, given);
    const needed = host.open.some(
      document => document.references.includes(record.runId) && document.proposal !== record.runId,
    );
    if (needed) {
      throw new LetheError(
        'An open model has the weights of this run, or had them and could take them back by undo or redo. Close it first.',
      );
    }
    const choice = await vscode.window.showWarningMessage(
      'Delete this run?',
      { modal: true, detail: 'Its weights, recipe and report are removed. Files saved from it stay.' },
      'Delete',
    );
    if (choice !== 'Delete') return;
    for (const document of host.open) {
      if (document.proposal === record.runId) await host.propose(document.path, null);
    }
    await host.runs.remove(record.runId);
    host.runsChanged();
  },
};
