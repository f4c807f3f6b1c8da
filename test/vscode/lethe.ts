// What the suites inside VS Code share: the extension's exports, the workspace, waiting.
import * as assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { commands, extensions, Uri, workspace } from 'vscode';
import type { DocumentView, LetheApi } from '../../src/extension/api';

/** The extension's exports. */
export async function lethe(): Promise<LetheApi> {
  const extension = extensions.getExtension<LetheApi>('lethe.lethe');
  assert.ok(extension, 'the extension is not installed in this window');
  return extension.activate();
}

/** The folder of the workspace: a copy of the samples. */
export function workspaceFolder(): string {
  const folder = workspace.workspaceFolders?.[0];
  assert.ok(folder, 'the suite needs a folder open');
  return folder.uri.fsPath;
}

/** A copy of the sample with the model and its data, in a folder of its own. */
export function copyOfSample(name: string): string {
  const from = join(workspaceFolder(), 'mnist-mislabelled');
  const folder = join(workspaceFolder(), name);
  mkdirSync(folder, { recursive: true });
  for (const file of [
    'model.onnx',
    'retrained.onnx',
    'train.npz',
    'test.npz',
    'forget.csv',
    'recipe.unlearn.json',
  ]) {
    copyFileSync(join(from, file), join(folder, file));
  }
  return folder;
}

/** Opens a model and waits until it was read, or could not be. */
export async function openModel(path: string): Promise<DocumentView> {
  await commands.executeCommand('vscode.open', Uri.file(path));
  return documentOf(path, document => document.ready || document.error !== null);
}

/** Waits until a document is as asked for. */
export async function documentOf(
  path: string,
  wanted: (document: DocumentView) => boolean,
  milliseconds = 30_000,
): Promise<DocumentView> {
  const api = await lethe();
  const find = (): DocumentView | undefined => api.documents().find(document => document.path === path);
  await until(
    () => {
      const document = find();
      return document !== undefined && wanted(document);
    },
    `${basename(path)} to be as wanted; it is ${JSON.stringify(find())}`,
    milliseconds,
  );
  return find()!;
}

/** Waits for something. Fails with what was waited for. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  milliseconds = 30_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `waited ${milliseconds / 1000} s for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** Closes all editors without saving. */
export async function closeAll(): Promise<void> {
  while ((await lethe()).documents().some(document => document.dirty)) {
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
  await commands.executeCommand('workbench.action.closeAllEditors');
}
