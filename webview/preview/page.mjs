// A webview's page as VS Code would host it: the theme's tokens, the strict content policy, and a host that is played
// by a script. Served to a headless browser without any network.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Values of VS Code's colour tokens in its default themes; in VS Code they come from the theme. */
const themes = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'themes.json'), 'utf8'));

const origin = 'http://preview.invalid';

/** What VS Code's webview adds to a page of its own accord. */
const defaults = `
body { color: var(--vscode-editor-foreground); }
::-webkit-scrollbar { width: 10px; height: 10px; }
::-webkit-scrollbar-corner { background-color: var(--vscode-editor-background); }
::-webkit-scrollbar-thumb { background-color: var(--vscode-scrollbarSlider-background); }
::-webkit-scrollbar-thumb:hover { background-color: var(--vscode-scrollbarSlider-hoverBackground); }`;

/** Plays the host in the page: answers requests from `scene.answers`, sends `scene.events` once the view is ready. */
function playHost(scene) {
  let kept = scene.saved;
  const send = message => window.postMessage(message, '*');
  window.asked = [];
  window.tellView = (name, body) => send({ lethe: 'event', name, body });
  window.acquireVsCodeApi = () => ({
    getState: () => kept,
    setState: state => {
      kept = state;
    },
    postMessage: message => {
      if (message.lethe === 'event' && message.name === 'ready') {
        for (const [name, body] of scene.events) window.tellView(name, body);
      }
      if (message.lethe !== 'request') return;
      window.asked.push([message.name, message.body]);
      const answer = scene.answers[message.name];
      if (answer === undefined) return;
      const failed = typeof answer === 'object' && answer !== null && 'failure' in answer;
      setTimeout(() => {
        send(
          failed
            ? { lethe: 'failure', id: message.id, message: answer.failure }
            : { lethe: 'answer', id: message.id, body: answer },
        );
      }, 0);
    },
  });
}

/** Opens a scene in a browser page. `view` is "model" or "dataset"; `folder` holds the bundles. */
export async function openScene(browser, { view, folder, theme, width, height, scene }) {
  const bodyClass = `vscode-${theme}`;
  const rules = Object.entries(themes[theme]).map(([name, value]) => `--vscode-${name}: ${value};`);
  const html = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-p'; style-src 'self' 'nonce-p'; font-src 'self'; img-src 'self' data:;">
<meta property="csp-nonce" content="p">
<link rel="stylesheet" href="/theme.css"><link rel="stylesheet" href="/${view}.css"></head>
<body class="${bodyClass}" data-vscode-theme-kind="${bodyClass}"><script nonce="p" src="/${view}.js"></script></body></html>`;
  const page = await browser.newPage({ viewport: { width, height }, reducedMotion: 'reduce' });
  const problems = [];
  page.on('console', message => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', error => problems.push(error.message));
  await page.route(`${origin}/**`, route => {
    const path = new URL(route.request().url()).pathname;
    if (path === '/') return route.fulfill({ contentType: 'text/html', body: html });
    if (path === '/theme.css') {
      return route.fulfill({ contentType: 'text/css', body: `:root { ${rules.join(' ')} } ${defaults}` });
    }
    if (path === '/favicon.ico') return route.fulfill({ status: 204 });
    const type = path.endsWith('.css') ? 'text/css' : path.endsWith('.js') ? 'text/javascript' : 'font/ttf';
    return route.fulfill({ contentType: type, body: readFileSync(join(folder, path)) });
  });
  await page.addInitScript(playHost, scene);
  await page.goto(`${origin}/`);
  return { page, problems };
}
