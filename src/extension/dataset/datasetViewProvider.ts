// The Dataset panel: the host's end of its webview.
import * as vscode from 'vscode';
import type {
  DatasetViewEvents,
  DatasetViewNotices,
  DatasetViewRequests,
} from '../../shared/datasetViewProtocol';
import { MessageChannelEnd } from '../../shared/messages';
import type { Host } from '../host';
import { webviewOptions, webviewPage } from '../webviewPage';
import { webviewWire } from '../webviewWire';

/** The id of the panel's view. */
export const datasetViewId = 'lethe.dataset';

/** What buttons of the panel do. */
const commands: Record<DatasetViewRequests['command']['ask'], string> = {
  openDataset: 'lethe.openDataset',
  unlearn: 'lethe.unlearn',
  importForget: 'lethe.importForget',
  exportForget: 'lethe.exportForget',
  retry: 'lethe.retryDataset',
  trust: 'workbench.trust.manage',
};

/** Resolves the panel's webview. */
export class DatasetViewProvider implements vscode.WebviewViewProvider {
  constructor(private readonly host: Host) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    const { host } = this;
    const { dataset } = host;
    const disposables: vscode.Disposable[] = [];
    view.webview.options = webviewOptions(host.context.extensionUri);
    const channel = new MessageChannelEnd<
      DatasetViewRequests,
      Record<never, never>,
      DatasetViewEvents,
      DatasetViewNotices
    >(webviewWire(view.webview, disposables), {
      columns: () => dataset.columns(),
      predictions: () => host.predictionsOfDataset(),
      cards: ({ indices, size }) => dataset.cards(indices, size),
      command: async command => {
        if (!Object.hasOwn(commands, command)) throw new Error('There is no such command.');
        const model = dataset.binding?.model ?? null;
        const target = command === 'unlearn' && model !== null ? [vscode.Uri.file(model)] : [];
        void vscode.commands.executeCommand(commands[command], ...target);
        return null;
      },
    });
    let ready = false;
    let waiting: number | null = null;
    const tellState = (): void => {
      if (ready) channel.tell('state', dataset.viewState(host.active !== null));
    };
    const reveal = (index: number): void => {
      if (ready) channel.tell('reveal', { index });
      else waiting = index;
    };
    channel.on('ready', () => {
      ready = true;
      tellState();
      channel.tell('forgetSet', dataset.forgetSet);
      if (waiting !== null) channel.tell('reveal', { index: waiting });
      waiting = null;
    });
    channel.on('selection', indices => host.guard(() => dataset.setSelection(indices)));
    channel.on('forgetSet', indices => host.guard(() => dataset.setForgetSet(indices)));
    disposables.push(
      dataset.onDidChange(tellState),
      host.onDidChangeSurroundings(tellState),
      dataset.onDidChangeForgetSet(indices => ready && channel.tell('forgetSet', indices)),
      dataset.onDidReveal(reveal),
      dataset.onDidStalePredictions(() => ready && channel.tell('stalePredictions', null)),
    );
    view.onDidDispose(() => {
      for (const disposable of disposables) disposable.dispose();
    });
    view.webview.html = webviewPage(view.webview, host.context.extensionUri, 'dataset');
    void dataset.restore();
  }
}
