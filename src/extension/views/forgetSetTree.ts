// The side bar's Forget Set: the samples that the next run forgets.
import * as vscode from 'vscode';
import { countText } from '../../shared/numberText';
import type { DatasetColumns, DatasetPredictions } from '../../shared/viewerProtocol';
import type { Host } from '../host';

/** A sample, or what is not listed. */
export type ForgetNode = { readonly index: number } | { readonly more: number };

/** Samples listed; the panel shows all. */
const listed = 1000;

/** The list of the forget set. */
export class ForgetSetTree implements vscode.TreeDataProvider<ForgetNode> {
  private readonly changes = new vscode.EventEmitter<void>();
  private columns: DatasetColumns | null = null;
  private predictions: DatasetPredictions | null = null;
  readonly onDidChangeTreeData = this.changes.event;

  constructor(private readonly host: Host) {
    const { dataset } = host;
    host.context.subscriptions.push(
      this.changes,
      dataset.onDidChangeForgetSet(() => void this.refresh()),
      dataset.onDidChange(() => void this.refresh()),
      dataset.onDidPredict(() => void this.refresh()),
    );
  }

  getChildren(node?: ForgetNode): ForgetNode[] {
    const { forgetSet, overview } = this.host.dataset;
    if (node || overview === null) return [];
    const nodes: ForgetNode[] = forgetSet.slice(0, listed).map(index => ({ index }));
    if (forgetSet.length > listed) nodes.push({ more: forgetSet.length - listed });
    return nodes;
  }

  getTreeItem(node: ForgetNode): vscode.TreeItem {
    if ('more' in node) {
      const item = new vscode.TreeItem(`and ${countText(node.more)} more in the Dataset panel`);
      item.command = { command: 'lethe.dataset.focus', title: 'Show' };
      return item;
    }
    const { dataset } = this.host;
    const item = new vscode.TreeItem(`#${node.index}`);
    item.id = String(node.index);
    item.contextValue = 'sample';
    const words: string[] = [];
    const label = this.columns?.labels?.[node.index];
    if (label !== undefined) words.push(`label ${dataset.nameOf(label)}`);
    const says = this.predictions?.predicted[node.index];
    if (says !== undefined) words.push(`says ${dataset.nameOf(says)}`);
    item.description = words.join(' · ');
    item.command = { command: 'lethe.revealSample', title: 'Show in Dataset Panel', arguments: [node.index] };
    return item;
  }

  private async refresh(): Promise<void> {
    const { dataset } = this.host;
    this.changes.fire();
    if (dataset.overview === null || dataset.forgetSet.length === 0) return;
    // Labels and predictions are drawn when they are there; the panel says why they are not.
    this.columns = await dataset.columns().catch(() => null);
    this.predictions = await dataset.knownPredictions();
    this.changes.fire();
  }
}
