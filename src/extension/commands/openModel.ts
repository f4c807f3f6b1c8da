import * as vscode from 'vscode';
import type { Command } from './command';
import { openModel } from './targets';

/** Asks for a model file and opens it. */
export const openModelCommand: Command = {
  id: 'lethe.openModel',
  async run(host) {
    const chosen = await vscode.window.showOpenDialog({
      title: 'Open a Model',
      openLabel: 'Open',
      filters: { Models: ['onnx', 'json'] },
    });
    if (chosen?.[0]) await openModel(host, chosen[0].fsPath);
  },
};
