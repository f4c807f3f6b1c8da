// Takes pictures of the model editor's states in the three kinds of themes:
//   node webview/preview/shoot.mjs DATA.json OUT [scene[,scene]] [theme[,theme]] [width[,width]]
// DATA.json comes from data.mjs. Needs the bundles of `npm run build`. Exits 1 when a page reports an error.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { modelScenes } from './modelScenes.mjs';
import { openScene } from './page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [data, out, wantedScenes, wantedThemes, wantedWidths] = process.argv.slice(2);
if (!data || !out) {
  process.stderr.write('Usage: node webview/preview/shoot.mjs DATA.json OUT [scenes] [themes] [widths]\n');
  process.exit(2);
}
const scenes = modelScenes(JSON.parse(readFileSync(data, 'utf8')));
const names = wantedScenes && wantedScenes !== 'all' ? wantedScenes.split(',') : Object.keys(scenes);
const themes = (wantedThemes ?? 'dark,light,high-contrast').split(',');
const widths = (wantedWidths ?? '1200,700').split(',').map(Number);
mkdirSync(out, { recursive: true });

const executablePath = process.env.CHROME_PATH ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
for (const name of names) {
  for (const theme of themes) {
    for (const width of widths) {
      const folder = join(root, 'dist', 'webview');
      const { page, problems } = await openScene(browser, {
        view: 'model',
        folder,
        theme,
        width,
        height: 760,
        scene: scenes[name],
      });
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) });
      for (const problem of problems) {
        process.stderr.write(`${name}, ${theme}, ${width}: ${problem}\n`);
        process.exitCode = 1;
      }
      await page.close();
    }
  }
}
await browser.close();
