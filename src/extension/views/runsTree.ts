// The side bar's Runs: what was made of the active model, the newest first.
import * as vscode from 'vscode';
import { methodText } from '../../shared/proposalText';
import { runFigures, runSentence } from '../../shared/runSentences';
import { samplesText } from '../../shared/numberText';
import type { Host } from '../host';
import type { RunRecord } from '../runs/runStore';

/** The list of runs. */
export class RunsTree implements vscode.TreeDataProvider<RunRecord> {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;

  constructor(private readonly host: Host) {
    host.context.subscriptions.push(
      this.changes,
      host.onDidChangeSurroundings(() => this.changes.fire()),
      host.onDidChangeDocument(() => this.changes.fire()),
    );
  }

  async getChildren(node?: RunRecord): Promise<RunRecord[]> {
    const { active } = this.host;
    if (node || active === null) return [];
    await this.host.loadRuns();
    return this.host.runs.ofModel(active.path);
  }

  getTreeItem(run: RunRecord): vscode.TreeItem {
    const { active } = this.host;
    const applied = active?.applied === run.runId;
    const shown = active?.shownRun === run.runId;
    const item = new vscode.TreeItem(methodText(run.result));
    item.id = run.runId;
    item.contextValue = applied ? 'runApplied' : 'run';
    item.description = `${runFigures(run.result)}${applied ? ' · applied' : ''}`;
    item.iconPath = new vscode.ThemeIcon(
      applied ? 'pass-filled' : shown ? 'circle-filled' : 'circle-outline',
    );
    item.tooltip = [
      runSentence(run.result),
      `${samplesText(run.forgotten.length)} forgotten in ${run.result.seconds.toFixed(1)} s, ${new Date(run.created).toLocaleString()}`,
    ].join('\n');
    item.accessibilityInformation = {
      label: `${methodText(run.result)}, ${runSentence(run.result)}${applied ? ' Applied.' : shown ? ' Shown.' : ''}`,
    };
    item.command = { command: 'lethe.compare', title: 'Compare with the Original', arguments: [run] };
    return item;
  }
}
