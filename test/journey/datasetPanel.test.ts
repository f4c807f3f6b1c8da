// The dataset panel alone in a browser, with a host that answers from memory: what VS Code's own layers would slow down
// or hide. The journeys beside this file drive the same panel inside VS Code.
import * as assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { eventually } from './eventually';

interface Told {
  readonly name: string;
  readonly body: unknown;
}

const hostile = '<img src=x onerror="window.broken = true">';

/** What a test changes of the scene. */
interface Changes {
  readonly size?: number;
  readonly state?: string;
  readonly restricted?: boolean;
  readonly predictionsFail?: string;
  readonly predictionsWait?: boolean;
  readonly forget?: readonly number[];
}

/** A script that makes a scene of rows: every seventh prediction is wrong, the loss grows with the index. */
function sceneOf({ size = 2000, ...changes }: Changes): string {
  return `{
    const hostile = ${JSON.stringify(hostile)};
    const numbers = Array.from({ length: ${size} }, (_, index) => index);
    window.scene = {
      state: 'ready', model: 'model.onnx', restricted: false, stale: false, predictionsFail: null,
      predictionsWait: false, forget: [1, 2, 3], pixels: null, side: 0,
      overview: {
        id: '1', path: '/data/' + hostile + '/train.csv', size: ${size}, kind: 'rows', inputs: [],
        classes: ['cat', 'dog', hostile], labels: 'classes', columns: [{ name: hostile, kind: 'text' }],
        warnings: ['A warning about ' + hostile + '.'],
      },
      columns: {
        labels: numbers.map(index => index % 3),
        columns: { [hostile]: numbers.map(index => (index === 5 ? hostile : 'plain')) },
      },
      predictions: {
        predicted: numbers.map(index => (index % 7 === 0 ? (index + 1) % 3 : index % 3)),
        loss: numbers.map(index => index / 1000),
        confidence: numbers.map(() => 0.5),
      },
      values: numbers.slice(0, 100).map(index => [index, -index]),
      ...${JSON.stringify(changes)},
    };
  }`;
}

describe('the dataset panel in a browser', () => {
  let browser: Browser;
  let page: Page;
  let script: string;

  before(async () => {
    const servers = (await import(
      pathToFileURL(join(process.cwd(), 'scripts', 'vscodeServer.mjs')).href
    )) as { launchBrowser(): Promise<Browser> };
    const bundle = (entry: string): Promise<string> =>
      build({
        entryPoints: [entry],
        bundle: true,
        format: 'iife',
        write: false,
        outdir: 'out',
        loader: { '.ttf': 'dataurl' },
        logLevel: 'error',
      }).then(({ outputFiles }) => {
        const [js, css] = [/\.js$/, /\.css$/].map(
          name => outputFiles.find(file => name.test(file.path))?.text ?? '',
        );
        return `{ const style = new CSSStyleSheet(); style.replaceSync(${JSON.stringify(css)}); document.adoptedStyleSheets = [...document.adoptedStyleSheets, style]; }\n${js}`;
      });
    script = (await bundle('webview/preview/dataset.ts')) + (await bundle('webview/dataset/main.ts'));
    browser = await servers.launchBrowser();
  });
  after(() => browser?.close());
  afterEach(() => page?.close());

  async function open(changes: Changes = {}): Promise<void> {
    page = await browser.newPage({ viewport: { width: 1000, height: 360 } });
    await page.goto('about:blank');
    await page.addScriptTag({ content: sceneOf(changes) + script });
  }

  /** Opens, and waits until the samples and their predictions are drawn. */
  async function openDrawn(changes: Changes = {}): Promise<void> {
    await open(changes);
    await page.locator('.cell[aria-label*="prediction"]').first().waitFor();
    await page.locator('.scroller').focus();
    await told();
  }

  /** Waits in the page's own time until what it had planned by now is told and drawn. */
  async function settled(): Promise<void> {
    await page.evaluate(`new Promise(done => setTimeout(() => {
      const frame = left => (left === 0 ? done() : requestAnimationFrame(() => frame(left - 1)));
      frame(3);
    }, 150))`);
  }

  /** What the panel told since it was asked last, once it had time to. */
  async function told(): Promise<Told[]> {
    await settled();
    return page.evaluate<Told[]>('window.told.splice(0)');
  }

  async function lastSelection(): Promise<unknown> {
    return (await told()).findLast(({ name }) => name === 'selection')?.body;
  }

  async function filter(text: string): Promise<void> {
    await page.locator('.filter-input').fill(text);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.locator('.scroller:focus').waitFor();
    await settled();
  }

  it('selects by a rectangle: alone, beside others, and not at all after Escape', async () => {
    await openDrawn();
    await page.locator('vscode-button[aria-label="Thumbnails"]').click();
    await settled();
    const middle = (index: number): Promise<[number, number]> =>
      eventually(async () => {
        const box = await page.locator(`.cell[data-index="${index}"]`).boundingBox({ timeout: 1000 });
        assert.ok(box, `sample ${index} is not in sight`);
        return [box.x + box.width / 2, box.y + box.height / 2];
      });
    const drag = async (from: number, to: number): Promise<void> => {
      await page.mouse.move(...(await middle(from)));
      await page.mouse.down();
      await page.mouse.move(...(await middle(to)), { steps: 6 });
    };
    await drag(1, 3);
    await page.locator('.rubber-band').waitFor({ state: 'attached' });
    await page.mouse.up();
    await page.locator('.rubber-band').waitFor({ state: 'detached' });
    assert.deepEqual(await lastSelection(), [1, 2, 3]);
    await page.keyboard.down('Control');
    await drag(5, 6);
    await page.mouse.up();
    await page.keyboard.up('Control');
    assert.deepEqual(await lastSelection(), [1, 2, 3, 5, 6]);
    const selected = (): Promise<string[]> =>
      page
        .locator('.cell[aria-selected="true"]')
        .evaluateAll(cells => cells.map(cell => cell.dataset['index'] ?? ''));
    await drag(0, 7);
    await eventually(async () => assert.equal((await selected()).length, 8));
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await eventually(async () => assert.deepEqual(await selected(), ['1', '2', '3', '5', '6']));
    await page.locator('.cell[data-index="4"]').click();
    assert.deepEqual(await lastSelection(), [4]);
  });

  it('selects by keyboard: arrows, ranges, single ones, all that pass the filter', async () => {
    await openDrawn();
    for (const key of ['ArrowDown', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown']) {
      await page.keyboard.press(key);
    }
    assert.deepEqual(await lastSelection(), [1, 2, 3]);
    for (const key of ['Control+ArrowDown', 'Control+ArrowDown', 'Space']) await page.keyboard.press(key);
    assert.deepEqual(await lastSelection(), [1, 2, 3, 5]);
    await filter('index:90..99 wrong');
    await page.keyboard.press('Control+a');
    assert.deepEqual(await lastSelection(), [91, 98]);
    await page.keyboard.press('Escape');
    assert.deepEqual(await lastSelection(), []);
  });

  it('selects by mouse: one, one more, a range', async () => {
    await openDrawn();
    const row = (index: number): ReturnType<Page['locator']> => page.locator(`[data-index="${index}"]`);
    await row(2).click();
    await row(4).click({ modifiers: ['Control'] });
    assert.deepEqual(await lastSelection(), [2, 4]);
    await row(6).click({ modifiers: ['Shift'] });
    assert.deepEqual(await lastSelection(), [4, 5, 6]);
    await row(5).click({ modifiers: ['Control'] });
    assert.deepEqual(await lastSelection(), [4, 6]);
  });

  it('tells the selection before a menu opens, and says what the menu is for', async () => {
    await openDrawn();
    await page.evaluate(`document.addEventListener('contextmenu', event => {
      const place = event.target.closest('[data-vscode-context]');
      window.told.push({ name: 'menu', body: place?.dataset.vscodeContext ?? null });
      event.preventDefault();
    })`);
    await page.locator('[data-index="3"]').click();
    await page.locator('[data-index="4"]').click({ modifiers: ['Control'] });
    await told();
    // On a selected one the selection stays; on another it becomes that one.
    await page.locator('[data-index="3"]').click({ button: 'right' });
    assert.deepEqual(
      (await told()).map(({ name }) => name),
      ['menu'],
    );
    await page.locator('[data-index="6"]').click({ button: 'right' });
    const [selection, menu] = await told();
    assert.deepEqual(selection, { name: 'selection', body: [6] });
    assert.equal((JSON.parse(String(menu?.body)) as { webviewSection: string }).webviewSection, 'sample');
  });

  it('removes from the forget set by Delete, and unlearns by Ctrl+Enter', async () => {
    await openDrawn();
    await page.locator('[data-index="2"]').click();
    await page.keyboard.press('Delete');
    const removed = (await told()).find(({ name }) => name === 'forgetSet');
    assert.deepEqual(removed?.body, [1, 3]);
    await page.keyboard.press('Delete');
    assert.equal(
      (await told()).some(({ name }) => name === 'forgetSet'),
      false,
    );
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Control+Enter');
    assert.deepEqual(await told(), [
      { name: 'selection', body: [3] },
      { name: 'command', body: 'unlearn' },
    ]);
  });

  it('holds a hundred thousand samples in a few cells, and draws only what is seen', async () => {
    const size = 100_000;
    await openDrawn({ size });
    await page.keyboard.press('End');
    await page.locator(`[data-index="${size - 1}"].focused`).waitFor();
    await settled();
    await eventually(async () => assert.ok((await page.locator('.cell').count()) < 100));
    const asked = await page.evaluate<number[]>('window.asked');
    assert.ok(asked.length > 0 && asked.length < 200, `${asked.length} cards`);
    assert.equal(new Set(asked).size, asked.length, 'no card is asked for twice');
    const inside = (): Promise<boolean> =>
      page.evaluate<boolean>(`{
      const cell = document.querySelector('.cell.focused').getBoundingClientRect();
      const list = document.querySelector('.scroller').getBoundingClientRect();
      cell.top >= list.top && cell.bottom <= list.bottom;
    }`);
    await eventually(async () => assert.ok(await inside(), 'the last sample is in view'));
    await page.locator('.row-title[data-title="loss"]').click();
    await settled();
    await eventually(async () =>
      assert.equal(await page.locator('.cell').first().getAttribute('data-index'), String(size - 1)),
    );
  });

  it('underlines what is wrong with a filter, says why, and keeps what was shown', async () => {
    await openDrawn();
    await filter('index:0..9 label:cow');
    await eventually(async () => assert.equal(await page.locator('.filter-underline').textContent(), 'cow'));
    await eventually(async () =>
      assert.match((await page.locator('.filter-sentence').textContent()) ?? '', /No class is called cow/),
    );
    await eventually(async () =>
      assert.equal(await page.locator('.filter-input').getAttribute('aria-invalid'), 'true'),
    );
    await eventually(async () => assert.ok((await page.locator('.cell').count()) > 5));
    await filter('index:0..9 label:cat');
    await eventually(async () => assert.equal(await page.locator('.filter-underline').count(), 0));
    await eventually(async () => assert.equal(await page.locator('.cell').count(), 4));
  });

  it('completes names and values by keyboard', async () => {
    await openDrawn();
    const input = page.locator('.filter-input');
    await input.click();
    await page.keyboard.type('index:0..9 lab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.type('do');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    await eventually(async () => assert.equal(await input.inputValue(), 'index:0..9 label:dog'));
    await page.locator('.status-text', { hasText: '3 of' }).waitFor();
  });

  it('shows details of the sample that has the focus, and closes them by Escape', async () => {
    await openDrawn();
    await page.locator('[data-index="7"]').click();
    await page.keyboard.press('Enter');
    const details = page.locator('.details');
    await details.getByText('Sample 7', { exact: true }).waitFor();
    await eventually(async () => assert.match(await details.innerText(), /dog[\s\S]*≠ label/));
    await page.keyboard.press('ArrowDown');
    await details.getByText('Sample 8', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'hidden' });
  });

  it('marks wrong and forgotten samples in words and shapes', async () => {
    await openDrawn();
    assert.match(
      (await page.locator('[data-index="2"]').getAttribute('aria-label')) ?? '',
      /in the forget set/,
    );
    await eventually(async () =>
      assert.equal(await page.locator('[data-index="2"] .forget-mark').count(), 1),
    );
    await eventually(async () =>
      assert.match((await page.locator('[data-index="7"]').getAttribute('aria-label')) ?? '', /wrong/),
    );
    await eventually(async () => assert.match(await page.locator('[data-index="7"]').innerText(), /≠ label/));
    await eventually(async () =>
      assert.doesNotMatch(
        (await page.locator('[data-index="8"]').getAttribute('aria-label')) ?? '',
        /wrong|forget/,
      ),
    );
  });

  it('waits for predictions, says when they fail, and asks again', async () => {
    await open({ predictionsFail: 'The viewer ended.' });
    await page.getByText('The viewer ended.').waitFor();
    await page.locator('.cell').first().waitFor();
    await page.evaluate('window.scene.predictionsFail = null');
    await page.locator('.banners vscode-button', { hasText: 'Try Again' }).click();
    await page.locator('.cell[aria-label*="prediction"]').first().waitFor();
    await eventually(async () => assert.equal(await page.getByText('The viewer ended.').count(), 0));
    await page.close();
    await open({ predictionsWait: true });
    await page.locator('.cell').first().waitFor();
    await filter('wrong');
    await page.getByText("waits for the model's predictions").first().waitFor();
  });

  it('takes names from a hostile file as text', async () => {
    await openDrawn();
    await filter('index:5');
    await page.locator('.cell', { hasText: hostile }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.filter-input').fill(`label:${hostile.slice(0, 4)}`);
    await settled();
    await eventually(async () => assert.equal(await page.locator('img').count(), 0));
    await eventually(async () => assert.equal(await page.evaluate('"broken" in window'), false));
  });

  it('offers no unlearning where it cannot be had, and says why', async () => {
    const why = async (changes: Changes): Promise<string | null> => {
      await open(changes);
      const button = page.locator('vscode-button', { hasText: 'Unlearn…' });
      await button.waitFor();
      await page.locator('.cell').first().waitFor();
      await eventually(async () =>
        assert.equal(
          await button.evaluate(element => (element as unknown as { disabled: boolean }).disabled),
          true,
        ),
      );
      const tip = await button.getAttribute('title');
      await page.close();
      return tip;
    };
    assert.match((await why({ restricted: true })) ?? '', /trusted workspace/);
    assert.match((await why({ forget: [] })) ?? '', /Select samples first/);
    await open({ state: 'empty' });
    await page.locator('vscode-button', { hasText: 'Open Dataset…' }).click();
    assert.deepEqual((await told()).at(-1), { name: 'command', body: 'openDataset' });
  });
});
