// The side bar's Model: parameters by module, and how far each moved once a run is shown.
import * as vscode from 'vscode';
import type { InspectedParameter } from '../../shared/inspection';
import { countText, shareText } from '../../shared/numberText';
import {
  parameterGroups,
  relativeChange,
  type Moved,
  type ParameterGroup,
} from '../../shared/parameterGroups';
import type { Host } from '../host';
import type { ModelDocument } from '../modelEditor/modelDocument';

/** A module or a parameter. */
export type ModelNode =
  | { readonly kind: 'group'; readonly group: ParameterGroup }
  | { readonly kind: 'parameter'; readonly parameter: InspectedParameter; readonly within: string };

/** The tree of the active model. */
export class ModelTree implements vscode.TreeDataProvider<ModelNode> {
  private readonly changes = new vscode.EventEmitter<void>();
  private moved: ReadonlyMap<string, Moved> = new Map();
  private shown = '';
  readonly onDidChangeTreeData = this.changes.event;

  constructor(private readonly host: Host) {
    host.context.subscriptions.push(
      this.changes,
      host.onDidChangeSurroundings(() => this.refresh()),
      host.onDidChangeDocument(() => this.refresh()),
    );
  }

  getChildren(node?: ModelNode): ModelNode[] {
    if (node?.kind === 'parameter') return [];
    if (node?.kind === 'group') return parametersOf(node.group);
    const parameters = this.host.active?.overview?.parameters ?? [];
    return parameterGroups(parameters).flatMap((group): ModelNode[] =>
      group.prefix === '' ? parametersOf(group) : [{ kind: 'group', group }],
    );
  }

  getTreeItem(node: ModelNode): vscode.TreeItem {
    return node.kind === 'group'
      ? this.groupItem(node.group)
      : this.parameterItem(node.parameter, node.within);
  }

  private groupItem(group: ParameterGroup): vscode.TreeItem {
    const item = new vscode.TreeItem(group.prefix, vscode.TreeItemCollapsibleState.Collapsed);
    item.id = `group ${group.prefix}`;
    item.description = this.figures(
      group.count,
      group.parameters.map(({ name }) => name),
    );
    item.tooltip = `${group.parameters.length} parameters, ${countText(group.count)} elements`;
    return item;
  }

  private parameterItem(parameter: InspectedParameter, within: string): vscode.TreeItem {
    const name = within === '' ? parameter.name : parameter.name.slice(within.length + 1);
    const item = new vscode.TreeItem(name || parameter.name);
    item.id = `parameter ${parameter.name}`;
    item.description = this.figures(parameter.count, [parameter.name]);
    const tooltip = [parameter.name, `${parameter.dtype} [${parameter.dims.join(', ')}]`];
    if (!parameter.trainable) tooltip.push(`Not changed by unlearning: ${parameter.reason}`);
    item.tooltip = tooltip.join('\n');
    item.iconPath = new vscode.ThemeIcon(parameter.trainable ? 'symbol-numeric' : 'lock');
    const path = this.host.active?.path;
    item.command = { command: 'lethe.revealTensor', title: 'Show', arguments: [path, parameter.name] };
    return item;
  }

  private figures(count: number, names: readonly string[]): string {
    const relative = relativeChange(names, this.moved);
    return relative === null ? countText(count) : `${countText(count)} · ${shareText(relative)}`;
  }

  /** Redraws when another model or run is shown; changes are asked for once and drawn when they are there. */
  private refresh(): void {
    const document = this.host.active;
    const shown = document === null ? '' : keyOf(document);
    if (shown === this.shown) return;
    this.shown = shown;
    this.moved = new Map();
    this.changes.fire();
    if (!document?.overview || document.shownRun === null || !this.host.runs.get(document.shownRun)) return;
    document.compare().then(
      comparison => {
        if (this.shown !== shown) return;
        this.moved = new Map(comparison.tensors.map(tensor => [tensor.name, tensor]));
        this.changes.fire();
      },
      (error: unknown) => this.host.log.warn(String(error)),
    );
  }
}

function keyOf(document: ModelDocument): string {
  return [document.path, document.overview?.stamp ?? '', document.shownRun ?? ''].join('\n');
}

function parametersOf(group: ParameterGroup): ModelNode[] {
  return group.parameters.map(parameter => ({ kind: 'parameter', parameter, within: group.prefix }));
}
