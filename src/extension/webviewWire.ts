// A webview as the wire of a typed channel.
import type * as vscode from 'vscode';
import type { Wire } from '../shared/messages';

/** The host's end of a webview's message stream. Messages to a webview that is gone are dropped. */
export function webviewWire(webview: vscode.Webview, disposables: vscode.Disposable[]): Wire {
  return {
    send: envelope => void webview.postMessage(envelope).then(undefined, () => undefined),
    receive: listener => disposables.push(webview.onDidReceiveMessage(listener)),
  };
}
