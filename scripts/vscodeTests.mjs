// The part of `npm test` that needs a real VS Code: the suite inside its extension host, then the journey by mouse
// and keyboard, both with the extension as unpacked from the VSIX.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unzipSync } from 'fflate';
import { ensureInstalled, nodeBinary, root, run } from './ensure.mjs';
import { makePackage } from './package.mjs';
import { ensureServer, findBrowser, launchBrowser, startServer, windowAddress } from './vscodeServer.mjs';

/** The longest that the suite inside VS Code may take, in milliseconds. */
const suiteLimit = 8 * 60_000;

/** Unpacks a VSIX into `folder` and gives the folder of the extension in it. */
function unpack(vsix, folder) {
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(vsix)))) {
    const target = resolve(folder, name);
    if (!target.startsWith(folder + sep)) throw new Error(`${vsix} holds a file outside itself: ${name}`);
    if (name.endsWith('/')) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
  return join(folder, 'extension');
}

/** A copy of the samples as a workspace of its own, with auto-save as asked. */
export function makeWorkspace(folder, settings = {}) {
  cpSync(join(root, 'samples'), folder, {
    recursive: true,
    filter: path => !/unlearned|\.lethe/.test(path.slice(root.length)),
  });
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const all = { 'files.autoSave': 'off', ...settings };
  writeFileSync(join(folder, '.vscode', 'settings.json'), `${JSON.stringify(all, null, 2)}\n`);
  return folder;
}

/** The suite in the extension host of a VS Code server, started by the page that a browser opens. */
async function suiteOnServer(scratch, extension) {
  const workspace = makeWorkspace(mkdtempSync(join(scratch, 'suite-')));
  const reportFile = `${workspace}-report.txt`;
  const server = await startServer({
    dataFolder: `${workspace}-data`,
    trustEverything: true,
    environment: { LETHE_TEST_REPORT: reportFile, LETHE_TEST_REPOSITORY: root },
  });
  const stopFollowing = follow(reportFile);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const exit = new Promise((done, failed) => {
      setTimeout(() => failed(new Error('The suite in VS Code did not end in time.')), suiteLimit).unref();
      void server.ended.then(() => failed(new Error(`The VS Code server ended:\n${server.output()}`)));
      page.on('crash', () => failed(new Error('The page of VS Code crashed.')));
      page.exposeFunction('codeAutomationExit', code => done(code)).catch(failed);
    });
    exit.catch(() => undefined);
    await page.exposeFunction('codeAutomationLog', (kind, args) => {
      if (process.env.LETHE_VERBOSE) console.log(kind, ...args);
    });
    const tests = join(root, 'dist', 'test', 'vscode', 'index.js');
    await page.goto(windowAddress(server, { folder: workspace, extension, tests }));
    return await exit;
  } finally {
    stopFollowing();
    await browser.close();
    await server.stop();
  }
}

/** Prints a growing file as it grows. Gives a function that prints the rest and stops. */
function follow(path) {
  let printed = 0;
  const print = () => {
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    process.stdout.write(text.slice(printed));
    printed = text.length;
  };
  const timer = setInterval(print, 300);
  return () => {
    clearInterval(timer);
    print();
  };
}

/** The suite in a desktop VS Code that @vscode/test-electron downloads, on the oldest supported and the newest. */
async function suiteOnDesktop(scratch, extension) {
  const { runTests } = await import('@vscode/test-electron');
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const version of [engines.vscode.replace(/^\^/, ''), 'stable']) {
    console.log(`VS Code ${version}`);
    const workspace = makeWorkspace(join(scratch, `desktop-${version}`));
    const code = await runTests({
      version,
      extensionDevelopmentPath: extension,
      extensionTestsPath: join(root, 'dist', 'test', 'vscode', 'index.js'),
      extensionTestsEnv: { LETHE_TEST_REPOSITORY: root },
      launchArgs: [workspace, '--disable-extensions', '--disable-workspace-trust'],
    });
    if (code !== 0) return code;
  }
  return 0;
}

/** The journey: mocha on Node, which drives VS Code through the browser. */
function journey(scratch, extension, extra) {
  return new Promise(done => {
    const child = spawn(
      nodeBinary(),
      [
        '--enable-source-maps',
        join(root, 'node_modules/mocha/bin/mocha.js'),
        ...['--timeout', '240000', '--reporter', 'spec', '--bail', 'dist/test/journey/**/*.test.js'],
        ...extra,
      ],
      {
        cwd: root,
        stdio: 'inherit',
        env: {
          ...process.env,
          LETHE_TEST_SCRATCH: mkdtempSync(join(scratch, 'journey-')),
          LETHE_TEST_EXTENSION: extension,
        },
      },
    );
    child.on('error', error => (console.error(error.message), done(1)));
    child.on('exit', code => done(code ?? 1));
  });
}

/**
 * Runs a part, and once more if it fails: a window on a busy machine may miss a deadline, which a fault in Lethe does
 * not get away with twice. Gives the last exit code.
 */
async function twice(part) {
  const code = await part().catch(
    error => (console.error(error instanceof Error ? error.message : error), 1),
  );
  if (code === 0) return 0;
  console.log(
    '\nThis part failed. It is run once more; if it passes now, look at what failed above all the same.',
  );
  return part();
}

/** Packs, unpacks, runs both parts; gives the exit code. `only` is `suite`, `journey` or null for both. */
export async function testInVsCode({ only = null, extra = [] } = {}) {
  // What is missing is said before the long work, in one sentence.
  const desktop = process.env.LETHE_VSCODE === 'desktop';
  if (!desktop || only !== 'suite') {
    findBrowser();
    ensureServer();
  }
  const given = process.env.LETHE_TEST_VSIX;
  // Outside the repository: there Node would find packages that the VSIX lacks in the repository's own node_modules.
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'lethe-vscode-'));
  try {
    const extension = unpack(given ?? makePackage(), join(scratch, 'vsix'));
    if (only !== 'journey') {
      console.log('\nVS Code: the suite in the extension host');
      const code = await twice(() => (desktop ? suiteOnDesktop : suiteOnServer)(scratch, extension));
      if (code !== 0) return 1;
    }
    if (only !== 'suite') {
      console.log('\nVS Code: the journey by mouse and keyboard');
      return await twice(() => journey(scratch, extension, extra));
    }
    return 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  const [only = null, ...extra] = process.argv.slice(2);
  if (!process.env.LETHE_SKIP_BUILD) run(nodeBinary(), ['scripts/build.mjs', '--tests']);
  try {
    process.exitCode = await testInVsCode({ only, extra });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
