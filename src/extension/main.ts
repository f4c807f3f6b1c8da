// Activation: registers what VS Code may ask for. Nothing that reads a model is loaded before it is needed.
import * as vscode from 'vscode';
import { createApi, type LetheApi } from './api';
import { allCommands } from './commands/all';
import { registerCommands } from './commands/command';
import { keepContextKeys } from './contextKeys';
import { datasetViewId, DatasetViewProvider } from './dataset/datasetViewProvider';
import { Host } from './host';
import { ModelEditorProvider } from './modelEditor/modelEditorProvider';
import { modelViewType, tfjsViewType } from './modelEditor/modelViewType';
import { registerRunFiles } from './runs/runFiles';
import { registerViews } from './views/registerViews';

/** Called by VS Code when a model, a view or a command of Lethe is first used. */
export function activate(context: vscode.ExtensionContext): LetheApi {
  const host = new Host(context);
  const editor = new ModelEditorProvider(host);
  context.subscriptions.push(
    ...[modelViewType, tfjsViewType].map(viewType =>
      vscode.window.registerCustomEditorProvider(viewType, editor, {
        supportsMultipleEditorsPerDocument: true,
        webviewOptions: { retainContextWhenHidden: true },
      }),
    ),
    vscode.window.registerWebviewViewProvider(datasetViewId, new DatasetViewProvider(host), {
      webviewOptions: { retainContextWhenHidden: true },
    }),
    registerCommands(host, allCommands(editor)),
    registerRunFiles(host.runs),
  );
  registerViews(host);
  keepContextKeys(host);
  void host.jobs.takeUp();
  return createApi(host);
}

/** Called by VS Code when the window closes. What must end is among the subscriptions; a job goes on. */
export function deactivate(): void {
  return undefined;
}
