// Notices when a model's file, or a data file it refers to, changes on disk.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { literalPattern } from '../literalPattern';
import type { ModelDocument } from './modelDocument';

/** How long a file must have been quiet before it is looked at, in milliseconds. */
const quiet = 300;

/** Watches the files of a document until it closes. */
export function watchFile(document: ModelDocument): void {
  const watchers: vscode.Disposable[] = [];
  let timer: NodeJS.Timeout | null = null;
  let watched = '';
  const changed = (): void => {
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => void document.checkDisk(), quiet);
  };
  const watch = (): void => {
    const files = [document.path, ...(document.overview?.externalFiles.map(file => file.path) ?? [])];
    if (files.join('\n') === watched) return;
    watched = files.join('\n');
    for (const watcher of watchers.splice(0)) watcher.dispose();
    for (const file of files) {
      const uri = vscode.Uri.file(file);
      const pattern = new vscode.RelativePattern(
        vscode.Uri.joinPath(uri, '..'),
        literalPattern(basename(file)),
      );
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      watcher.onDidChange(changed);
      watcher.onDidCreate(changed);
      watcher.onDidDelete(changed);
      watchers.push(watcher);
    }
  };
  watch();
  const listening = document.onDidChange(watch);
  document.onDidDispose(() => {
    if (timer) clearTimeout(timer);
    listening.dispose();
    for (const watcher of watchers) watcher.dispose();
  });
}
