// The side bar: three trees, and their titles.
import * as vscode from 'vscode';
import type { Host } from '../host';
import { countText } from '../../shared/numberText';
import { ForgetSetTree } from './forgetSetTree';
import { ModelTree } from './modelTree';
import { RunsTree } from './runsTree';

/** Registers the side bar's views. */
export function registerViews(host: Host): void {
  const model = vscode.window.createTreeView('lethe.modelTree', {
    treeDataProvider: new ModelTree(host),
    showCollapseAll: true,
  });
  const forgetSet = vscode.window.createTreeView('lethe.forgetSet', {
    treeDataProvider: new ForgetSetTree(host),
    canSelectMany: true,
  });
  const runs = vscode.window.createTreeView('lethe.runs', { treeDataProvider: new RunsTree(host) });
  const describe = (): void => {
    const { active, dataset } = host;
    model.description = active === null ? '' : active.uri.path.split('/').at(-1)!;
    model.message = active?.error ?? '';
    const { length } = dataset.forgetSet;
    forgetSet.description = length > 0 && dataset.overview !== null ? countText(length) : '';
  };
  host.context.subscriptions.push(
    model,
    forgetSet,
    runs,
    forgetSet.onDidChangeSelection(({ selection }) => {
      host.markedInForgetSet = selection.flatMap(node => ('index' in node ? [node.index] : []));
    }),
    host.onDidChangeSurroundings(describe),
    host.onDidChangeDocument(describe),
    host.dataset.onDidChangeForgetSet(describe),
  );
  describe();
}
