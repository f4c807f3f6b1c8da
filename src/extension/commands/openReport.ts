import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { LetheError } from '../../shared/errors';
import type { Command } from './command';
import { runOf } from './targets';

/** Shows the report of a run beside the model. The page has no script and reaches nothing. */
export const openReportCommand: Command = {
  id: 'lethe.openReport',
  async run(host, given) {
    await host.loadRuns();
    const record = runOf(host, given);
    const path = host.runs.reportPath(record.runId);
    let page: string;
    try {
      page = await readFile(path, 'utf8');
    } catch {
      throw new LetheError(`The report of this run is no longer at ${path}. Run it again to have one.`);
    }
    const panel = vscode.window.createWebviewPanel(
      'lethe.report',
      `Report: ${record.result.method} on ${basename(record.model)}`,
      vscode.ViewColumn.Beside,
      { enableScripts: false, localResourceRoots: [] },
    );
    panel.webview.html = page;
  },
};
