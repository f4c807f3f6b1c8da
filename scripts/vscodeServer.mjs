// A VS Code server for tests and `npm start`: the one inside the npm package code-server, on 127.0.0.1 only.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { nodeBinary, npm, root } from './ensure.mjs';

/** The release that holds VS Code 1.139. */
const release = '4.139.1';
const home = join(root, '.vscode-test', 'server');

/** Installs the server where it is missing (twenty seconds, 600 MB) and gives the script that starts it. */
export function ensureServer() {
  const vscode = join(home, 'node_modules', 'code-server', 'lib', 'vscode');
  const main = join(vscode, 'out', 'server-main.js');
  const stamp = join(home, 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === release && existsSync(main)) return main;
  console.error(`Installing the VS Code server (code-server ${release}) …`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  // Nothing is compiled: terminals and other native parts are not needed here.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  npm(['install', '--prefix', home, ...quiet, `code-server@${release}`], { cwd: home });
  npm(['install', '--omit=dev', ...quiet], { cwd: vscode });
  writeFileSync(`${stamp}.new`, release);
  renameSync(`${stamp}.new`, stamp);
  return main;
}

/** Settings of every window: about the extension and nothing else. A workspace's own settings come after them. */
const quietSettings = {
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
};

/** Puts an extension's folder among the installed ones, by a link, as if it had been installed from its VSIX. */
function linkExtension(dataFolder, extension) {
  const installed = join(dataFolder, 'extensions');
  const { publisher, name, version } = JSON.parse(readFileSync(join(extension, 'package.json'), 'utf8'));
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  symlinkSync(extension, join(installed, `${publisher}.${name}-${version}`), 'junction');
}

/** A port of 127.0.0.1 that nobody listens on now. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Starts the server with its data in `dataFolder`. Gives `{ origin, authority, output, ended, stop }`; `stop` resolves
 * when the process has gone. `extension` is a folder to show as installed; without it, windows take the extension and
 * the tests that their addresses name, which VS Code allows only with its driver for smoke tests, and then it shows no
 * notifications. `port` 0 takes a free one; `trustEverything` turns Workspace Trust off; `environment` is added to what
 * the extension host sees.
 */
export async function startServer({
  dataFolder,
  extension = null,
  port = 0,
  trustEverything = false,
  environment = {},
}) {
  const main = ensureServer();
  mkdirSync(join(dataFolder, 'data', 'Machine'), { recursive: true });
  writeFileSync(join(dataFolder, 'data', 'Machine', 'settings.json'), JSON.stringify(quietSettings, null, 2));
  if (extension !== null) linkExtension(dataFolder, extension);
  const taken = port || (await freePort());
  const output = [];
  const child = spawn(
    nodeBinary(),
    [
      main,
      '--host',
      '127.0.0.1',
      '--port',
      String(taken),
      '--without-connection-token',
      '--accept-server-license-terms',
      ...(extension === null ? ['--enable-smoke-test-driver'] : []),
      '--telemetry-level',
      'off',
      '--server-data-dir',
      dataFolder,
      ...(trustEverything ? ['--disable-workspace-trust'] : []),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...serverEnvironment(), ...environment } },
  );
  const ended = new Promise(resolve => child.once('exit', resolve));
  const keep = chunk => {
    output.push(String(chunk));
    if (output.length > 400) output.shift();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', error => keep(error.message));

  const origin = `http://127.0.0.1:${taken}`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || child.pid === undefined) {
      throw new Error(`The VS Code server ended at once:\n${output.join('')}`);
    }
    const answer = await fetch(`${origin}/version`).catch(() => null);
    if (answer?.ok) break;
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`The VS Code server did not answer within a minute:\n${output.join('')}`);
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(forced);
  };
  return { origin, authority: `127.0.0.1:${taken}`, output: () => output.join(''), ended, stop };
}

/** What the server inherits: nothing that an editor or npm around us has set for its own children. */
function serverEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VSCODE_|ELECTRON_|npm_|NODE_OPTIONS$)/.test(name)),
  );
}

/** The address of a window on `folder`; with `extension` and `tests` it runs those and ends. */
export function windowAddress(server, { folder, extension, tests }) {
  const remote = path => `vscode-remote://${server.authority}${uriPath(path)}`;
  const payload = [
    ['skipWelcome', 'true'],
    ...(extension ? [['extensionDevelopmentPath', remote(extension)]] : []),
    ...(tests ? [['extensionTestsPath', remote(tests)]] : []),
  ];
  const query = new URLSearchParams({ folder: uriPath(folder), payload: JSON.stringify(payload) });
  return `${server.origin}/?${query}`;
}

function uriPath(path) {
  const slashes = path.replaceAll('\\', '/');
  return slashes.startsWith('/') ? slashes : `/${slashes}`;
}

/** Names of Chromium-like browsers on the PATH, and their usual places elsewhere. */
const browsers = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'msedge',
];
const usualPlaces = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** The browser to drive: CHROME_PATH, else one that is installed, else (root on Debian) one that apt installs. */
export function findBrowser() {
  const named = process.env.CHROME_PATH;
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`CHROME_PATH names ${named}, which does not exist.`);
  }
  const installed = onPath() ?? usualPlaces.find(path => existsSync(path));
  if (installed) return installed;
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.error('Installing chromium (apt-get) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { stdio: ['ignore', 2, 2], env };
    spawnSync('apt-get', ['update', '-qq'], options);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
    const now = onPath();
    if (now) return now;
  }
  throw new Error(
    'No browser was found for the VS Code tests: install chromium, or set CHROME_PATH to chromium, Chrome or Edge.',
  );
}

function onPath() {
  const folders = (process.env.PATH ?? '').split(process.platform === 'win32' ? ';' : ':').filter(Boolean);
  const names = process.platform === 'win32' ? browsers.map(name => `${name}.exe`) : browsers;
  for (const name of names) {
    const found = folders.map(folder => join(folder, name)).find(path => existsSync(path));
    if (found) return found;
  }
  return undefined;
}

/** Starts the browser without a window, talking to nobody but the page it opens. */
export async function launchBrowser() {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: findBrowser(),
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-dev-shm-usage',
    ],
  });
}
