// The page of a webview: one script, one style sheet, and a policy that lets nothing else in.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Which of the bundled views a page shows. */
export type ViewName = 'model' | 'dataset';

/** What every webview of Lethe may do: run its own script and read from the bundle's folder. */
export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, 'dist', 'webview')] };
}

/** The HTML of a view. Scripts and styles need the page's nonce or the extension's origin; there is no network. */
export function webviewPage(webview: vscode.Webview, extensionUri: vscode.Uri, view: ViewName): string {
  const nonce = randomBytes(16).toString('base64');
  const at = (file: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, 'dist', 'webview', file)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    'img-src data:',
  ].join('; ');
  const title = view === 'model' ? 'Model' : 'Dataset';
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="csp-nonce" content="${nonce}">
<link rel="stylesheet" nonce="${nonce}" href="${at(`${view}.css`)}">
<title>${title}</title>
</head>
<body>
<script nonce="${nonce}" src="${at(`${view}.js`)}"></script>
</body>
</html>`;
}
