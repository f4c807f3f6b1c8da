// Pictures of the dataset panel without VS Code: node webview/preview/dataset.mjs DATA.json FOLDER [name …]
// DATA.json holds what preview/dataset.ts calls a scene. The themes are those of preview/themes.json.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const [dataFile, folder, ...names] = process.argv.slice(2);
const data = JSON.parse(readFileSync(dataFile, 'utf8'));
const themes = JSON.parse(readFileSync(join(here, 'themes.json'), 'utf8'));
const out = resolve(folder);
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: join(here, '..', '..'),
  bundle: true,
  platform: 'browser',
  format: 'iife',
  logLevel: 'warning',
  loader: { '.ttf': 'file' },
  entryPoints: { dataset: 'webview/dataset/main.ts', host: 'webview/preview/dataset.ts' },
  outdir: out,
});

const base = {
  state: 'ready',
  model: 'model.onnx',
  restricted: false,
  stale: false,
  predictionsFail: null,
  predictionsWait: false,
};
const filter = '.filter-input';

/** What is looked at: changes of the scene, and what a person does before the picture is taken. */
const scenes = {
  grid: {},
  selected: {
    act: async page => {
      await page.fill(filter, 'wrong loss>2');
      await page.waitForTimeout(250);
      await page.locator('.card').nth(1).click();
      await page
        .locator('.card')
        .nth(9)
        .click({ modifiers: ['Shift'] });
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await page.keyboard.press('Enter');
    },
  },
  rows: {
    act: async page => {
      await page.locator('vscode-button[aria-label=Rows]').click();
      await page.locator('.row-title[data-title=loss]').click();
      await page.locator('.row').nth(2).click();
      await page.keyboard.press('Shift+ArrowDown');
    },
  },
  problem: { act: page => page.locator(filter).pressSequentially('label:3 wrog') },
  completing: { act: page => page.locator(filter).pressSequentially('wrong lab') },
  nothing: { act: page => page.fill(filter, 'loss>900') },
  coming: { predictionsWait: true },
  failed: { predictionsFail: 'The viewer ended while it computed predictions. Try again, or open the log.' },
  restricted: { restricted: true, stale: true },
  empty: { state: 'empty' },
  loading: { state: 'loading' },
  error: { state: 'error' },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const [theme, tokens] of Object.entries(themes)) {
  const style = Object.entries(tokens)
    .map(([name, value]) => `--vscode-${name}: ${value};`)
    .join('');
  for (const [name, { act, ...changes }] of Object.entries(scenes)) {
    if (names.length > 0 && !names.includes(name) && !names.includes(`${name}-${theme}`)) continue;
    for (const [width, height] of [
      [1200, 320],
      [700, 320],
    ]) {
      const file = join(out, `${name}-${theme}-${width}.html`);
      const scene = JSON.stringify({ ...base, ...data, ...changes });
      writeFileSync(
        file,
        `<!doctype html><html style="${style.replaceAll('"', '&quot;')}"><head><meta charset="utf-8"><link rel="stylesheet" href="dataset.css"></head>` +
          `<body class="${theme}"><script>window.scene = ${scene};</script><script src="host.js"></script><script src="dataset.js"></script></body></html>`,
      );
      const page = await browser.newPage({ viewport: { width, height } });
      page.on('pageerror', error => console.error(name, error.message));
      await page.goto(pathToFileURL(file).href);
      await page.waitForTimeout(300);
      await act?.(page);
      await page.waitForTimeout(350);
      await page.screenshot({ path: file.replace('.html', '.png') });
      await page.close();
    }
  }
}
await browser.close();
