// Activation: registers what VS Code may ask for. Nothing that reads a model is loaded before it is needed.
import * as vscode from 'vscode';
import { datasetViewId, DatasetViewProvider } from './dataset/datasetViewProvider';
import { Host } from './host';
import { ModelEditorProvider, modelViewType } from './modelEditor/modelEditorProvider';

/** Called by VS Code when a model, a view or a command of Lethe is first used. */
export function activate(context: vscode.ExtensionContext): void {
  const host = new Host(context);
  const editor = new ModelEditorProvider(host);
  context.subscriptions.push(
    vscode.window.registerCustomEditorProvider(modelViewType, editor, {
      supportsMultipleEditorsPerDocument: true,
      webviewOptions: { retainContextWhenHidden: true },
    }),
    vscode.window.registerWebviewViewProvider(datasetViewId, new DatasetViewProvider(host), {
      webviewOptions: { retainContextWhenHidden: true },
    }),
  );
}

/** Called by VS Code when the window closes. What must end is among the subscriptions. */
export function deactivate(): void {
  return undefined;
}
