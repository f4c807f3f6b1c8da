// Text files of a run as documents that can be read but not changed: a run in storage never is.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunStore } from './runStore';

const scheme = 'lethe-run';

/** The address of a file of a run. */
export function runFileUri(runId: string, name: string): vscode.Uri {
  return vscode.Uri.from({ scheme, path: `/${runId}/${name}` });
}

/** Makes these addresses readable. */
export function registerRunFiles(runs: RunStore): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, {
    provideTextDocumentContent: uri => {
      const [, runId, name] = uri.path.split('/');
      return readFile(join(runs.folder(runId ?? ''), name ?? ''), 'utf8');
    },
  });
}
