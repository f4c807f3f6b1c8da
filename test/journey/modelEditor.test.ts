// The model editor's page alone in a browser, under the content policy it has in VS Code, with a host that answers from
// memory. The journeys beside this file drive the same page inside VS Code.
import * as assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import type { PredictionRow } from '../../src/shared/modelViewProtocol';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import type { Histogram, ParameterSummary, TensorChange } from '../../src/shared/viewerProtocol';
import { eventually } from './eventually';

const hostile = '<img src=x onerror="window.broken = true">';

interface Scene {
  readonly saved: unknown;
  readonly events: readonly (readonly [string, unknown])[];
  readonly answers: Readonly<Record<string, unknown>>;
}
interface Shown {
  readonly page: Page;
  /** What the page reported to the console: violations of the policy, errors. */
  readonly problems: readonly string[];
}

const histogram: Histogram = { from: -1, to: 1, counts: [0, 3, 9, 4] };
const names = ['conv.weight', 'head.weight', hostile];

function parameterOf(name: string): Record<string, unknown> {
  return { name, dtype: 'float32', dims: [4, 4], count: 16, trainable: true, reason: '' };
}

function summaryOf(name: string, norm: number): ParameterSummary {
  return { name, norm, min: -1, max: 1, mean: 0, std: 0.5, notFinite: 0, histogram };
}

function changeOf(name: string, relative: number): TensorChange {
  return {
    name,
    dims: [4, 4],
    normA: 2,
    normB: 2,
    delta: 2 * relative,
    relative,
    maxAbs: relative,
    notFinite: 0,
    change: histogram,
    before: histogram,
    after: histogram,
    largest: [{ index: [1, 2], before: 0.5, after: -0.25 }],
  };
}

function metrics(forget: number, test: number): ModelMetrics {
  return {
    retain: { count: 40, loss: 0.1, accuracy: 1 },
    forget: { count: 20, loss: 0.1, accuracy: forget },
    test: { count: 10, loss: 0.1, accuracy: test },
    membershipAuc: null,
    confidenceAuc: null,
  };
}

const result: RunResult = {
  output: '/runs/model.onnx',
  report: '/runs/report',
  receipt: '/runs/report/receipt.json',
  seconds: 14,
  method: 'minnorm-og',
  cost: { sampleGradients: 10, share: 0.1 },
  before: metrics(0.9, 0.8),
  after: metrics(0.1, 0.9),
  reference: metrics(0.05, 0.9),
  projections: [],
};

/** 20 forgotten samples that all flipped, 40 retained ones that did not, 10 held out. */
const predictions: readonly PredictionRow[] = Array.from({ length: 70 }, (_, place) => {
  const forgotten = place < 20;
  return {
    index: place < 60 ? place : place - 60,
    set: forgotten ? 'forgotten' : place < 60 ? 'retained' : 'held-out',
    label: 'cat',
    before: 'cat',
    after: forgotten ? 'dog' : 'cat',
    lossBefore: 0.1,
    lossAfter: forgotten ? 5 + place : 0.1,
    flipped: forgotten,
  };
});

const overview = {
  format: 'onnx',
  opset: 13,
  irVersion: 7,
  producer: hostile,
  inputs: [{ name: hostile, dtype: 'float32', dims: ['batch', 4] }],
  outputs: [{ name: 'logits', dtype: 'float32', dims: ['batch', 2] }],
  parameters: names.map(parameterOf),
  unsupported: [],
  path: '/data/model.onnx',
  bytes: 1000,
  externalFiles: [],
  warnings: [],
  metadata: [[hostile, hostile]],
  operators: [{ op: 'Gemm', count: 2, differentiable: true }],
  stamp: '1',
};
const proposal = { runId: 'r1', result, forgotten: 20, applied: false };
const ready = {
  kind: 'ready',
  overview,
  proposal: null,
  applied: null,
  running: null,
  restricted: false,
  stale: false,
  dataset: { path: '/data/train.npz', size: 60 },
};
const answers = {
  summaries: names.map((name, index) => summaryOf(name, index + 1)),
  changes: {
    a: 'a',
    b: 'b',
    tensors: [changeOf('conv.weight', 0.1), changeOf('head.weight', 0.4), changeOf(hostile, 0.2)],
    total: { normA: 4, normB: 4, delta: 1, relative: 0.25 },
  },
  predictions,
  command: null,
  revealSample: null,
};

describe('the model editor in a browser', () => {
  let browser: Browser;
  let openScene: (browser: Browser, options: Record<string, unknown>) => Promise<Shown>;
  let shown: Shown;
  let page: Page;

  before(async () => {
    const load = (path: string): Promise<unknown> =>
      import(pathToFileURL(join(process.cwd(), path)).href) as Promise<unknown>;
    const servers = (await load('scripts/vscodeServer.mjs')) as { launchBrowser(): Promise<Browser> };
    ({ openScene } = (await load('webview/preview/page.mjs')) as { openScene: typeof openScene });
    browser = await servers.launchBrowser();
  });
  after(() => browser?.close());
  afterEach(async () => {
    assert.deepEqual(shown.problems, [], 'the page reports no error and no violation of its policy');
    await page.close();
  });

  async function open(state: unknown, tab = 'overview', more: Partial<Scene> = {}): Promise<void> {
    const scene: Scene = { saved: { tab }, events: [['state', state]], answers, ...more };
    const folder = join(process.cwd(), 'dist', 'webview');
    const size = { width: 1100, height: 800 };
    shown = await openScene(browser, { view: 'model', folder, theme: 'dark', ...size, scene });
    page = shown.page;
  }

  async function tell(name: string, body: unknown): Promise<void> {
    await page.evaluate(`window.tellView(${JSON.stringify(name)}, ${JSON.stringify(body)})`);
  }

  /** What the page asked of the host since it was opened. */
  const asked = (): Promise<[string, unknown][]> => page.evaluate<[string, unknown][]>('window.asked');
  const grid = (name: string): Locator => page.getByRole('grid', { name });
  const rows = (table: Locator): Locator => table.locator('.vtable-row');
  const tab = (name: string): Locator => page.getByRole('tab', { name });

  it('offers a proposal with its reach, and passes its buttons on', async () => {
    await open({ ...ready, proposal });
    const bar = page.getByRole('region', { name: 'Proposal' });
    await bar.getByText('fits 2 of the labels to forget (18 before, a model retrained').waitFor();
    await bar.getByText('Held-out accuracy: 80.0 % before, 90.0 % after, retrained 90.0 %').waitFor();
    for (const name of ['Save As New File…', 'Apply', 'Discard', 'Open Report']) {
      await bar.getByRole('button', { name }).click();
    }
    await eventually(async () =>
      assert.deepEqual(
        (await asked()).filter(([name]) => name === 'command').map(([, body]) => body),
        ['saveAsNew', 'apply', 'discard', 'openReport'],
      ),
    );
    await tell('state', { ...ready, applied: { ...proposal, applied: true } });
    await bar.getByText('Applied', { exact: true }).waitFor();
    await eventually(async () => assert.equal(await bar.getByRole('button', { name: 'Discard' }).count(), 0));
    await tell('state', ready);
    await bar.waitFor({ state: 'hidden' });
  });

  it('fills statistics in as they come, and sorts by keyboard', async () => {
    await open(ready, 'parameters', {
      events: [
        ['state', ready],
        ['summary', summaryOf('head.weight', 7)],
      ],
      answers: { ...answers, summaries: undefined },
    });
    const table = grid('Parameters');
    await rows(table).filter({ hasText: 'head.weight' }).getByText('7.00').waitFor();
    await rows(table).filter({ hasText: 'conv.weight' }).getByText('…').first().waitFor();
    await tell('summary', summaryOf('conv.weight', 9));
    await rows(table).filter({ hasText: 'conv.weight' }).getByText('9.00').waitFor();
    await table.focus();
    const header = table.getByRole('columnheader', { name: '‖θ‖' });
    const column = Number(await header.getAttribute('data-column'));
    for (const key of ['Home', 'ArrowUp', ...Array<string>(column).fill('ArrowRight'), 'Enter']) {
      await page.keyboard.press(key);
    }
    await eventually(async () => assert.equal(await header.getAttribute('aria-sort'), 'descending'));
    await eventually(async () => assert.match(await rows(table).first().innerText(), /conv\.weight/));
    await page.keyboard.press('Enter');
    await eventually(async () => assert.equal(await header.getAttribute('aria-sort'), 'ascending'));
  });

  it('draws only the rows in sight of thousands', async () => {
    const parameters = Array.from({ length: 5000 }, (_, index) => parameterOf(`layer.${index}.weight`));
    await open({ ...ready, overview: { ...overview, parameters } }, 'parameters', {
      answers: { ...answers, summaries: [] },
    });
    const table = grid('Parameters');
    await rows(table).first().waitFor();
    await table.focus();
    await page.keyboard.press('End');
    await rows(table).filter({ hasText: 'layer.4999.weight' }).waitFor();
    await eventually(async () => assert.ok((await rows(table).count()) < 100));
    await eventually(async () => assert.equal(await table.getAttribute('aria-rowcount'), '5001'));
    const inside = (): Promise<boolean> =>
      page.evaluate<boolean>(`(() => {
      const row = document.querySelector('.vtable-row.active').getBoundingClientRect();
      const box = row && document.querySelector('.vtable').getBoundingClientRect();
      return row.top >= box.top && row.bottom <= box.bottom + 1;
    })()`);
    await eventually(async () => assert.ok(await inside(), 'the active row is in sight'));
    await page.getByRole('textbox', { name: 'Filter parameters by name' }).click();
    await page.keyboard.type('layer.77.');
    await page.getByText('1 tensor · 16 elements').waitFor();
  });

  it('shows the tensor that changed most first, and others by keyboard or on request', async () => {
    await open({ ...ready, proposal }, 'changes');
    const details = page.locator('.split-details').filter({ visible: true });
    await details.getByRole('heading', { name: 'head.weight' }).waitFor();
    await page.getByText('The weights moved by 25.0').waitFor();
    await grid('Changes of the parameters').focus();
    await page.keyboard.press('ArrowDown');
    await details.getByRole('heading', { name: hostile }).waitFor();
    await tell('reveal', { tab: 'changes', tensor: 'conv.weight' });
    await details.getByRole('heading', { name: 'conv.weight' }).waitFor();
    await details.getByRole('cell', { name: '−0.750' }).waitFor();
    const figure = details.getByRole('group', { name: 'Change of the weights' });
    await figure.getByText('Numbers').click();
    await eventually(async () =>
      assert.equal(await figure.getByRole('row').count(), 1 + histogram.counts.length),
    );
  });

  it('keeps a tab that was asked for before there was a model', async () => {
    await open({ kind: 'loading' }, 'overview', {
      events: [
        ['state', { kind: 'loading' }],
        ['reveal', { tab: 'changes', tensor: 'conv.weight' }],
        ['state', { ...ready, proposal }],
      ],
    });
    await page.locator('.split-details').getByRole('heading', { name: 'conv.weight' }).waitFor();
    await eventually(async () => assert.equal(await tab('Changes').getAttribute('aria-selected'), 'true'));
  });

  it('filters predictions, keeps them while the filter is wrong, and shows a sample in the dataset', async () => {
    await open({ ...ready, proposal }, 'predictions');
    const table = grid('Predictions before and after');
    await page.getByText('70 samples', { exact: true }).waitFor();
    await page.getByRole('checkbox', { name: 'Flipped only' }).click();
    await page.getByText('20 of 70 samples').waitFor();
    await page.getByRole('textbox', { name: 'Filter samples' }).click();
    await page.keyboard.type('loss>');
    await page.getByText('Write a value after loss>.').waitFor();
    await page.getByText('20 of 70 samples').waitFor();
    await page.keyboard.type('22.5');
    await page.getByText('2 of 70 samples').waitFor();
    await table.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await eventually(async () => assert.deepEqual((await asked()).at(-1), ['revealSample', { index: 19 }]));
  });

  it('does not look for held-out samples in the training data', async () => {
    await open({ ...ready, proposal }, 'predictions');
    const table = grid('Predictions before and after');
    await rows(table).first().waitFor();
    await table.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await eventually(async () =>
      assert.equal((await asked()).filter(([name]) => name === 'revealSample').length, 0),
    );
  });

  it('moves between regions by F6 and between tabs by arrows', async () => {
    await open({ ...ready, proposal });
    await tab('Overview').waitFor();
    const focused = (): Promise<string> =>
      page.evaluate<string>(`document.activeElement.closest('[data-region]')?.ariaLabel ?? ''`);
    await page.keyboard.press('F6');
    await eventually(async () => assert.equal(await focused(), 'Proposal'));
    await page.keyboard.press('F6');
    await eventually(async () => assert.equal(await focused(), 'Model'));
    await page.keyboard.press('ArrowRight');
    await eventually(async () => assert.equal(await tab('Parameters').getAttribute('aria-selected'), 'true'));
    await rows(grid('Parameters')).first().waitFor();
    await page.keyboard.press('Shift+F6');
    await eventually(async () => assert.equal(await focused(), 'Proposal'));
  });

  it('says where a run stands without moving the focus away from Cancel', async () => {
    const progress = { phase: 'unlearning', epoch: 1, epochs: 4, step: 10, steps: 40, loss: 0.5 };
    await open({ ...ready, running: { method: 'gd', progress } });
    const cancel = page.getByRole('button', { name: 'Cancel' });
    await cancel.focus();
    await tell('progress', { ...progress, epoch: 3, step: 30, secondsLeft: 6 });
    await page.getByText('Epoch 3 of 4 · loss 0.50 · about 6 s left').waitFor();
    await eventually(async () =>
      assert.equal(await page.getByRole('progressbar').getAttribute('aria-valuenow'), '75'),
    );
    await tell('state', { ...ready, running: { method: 'gd', progress } });
    await page.getByText('Epoch 1 of 4').waitFor();
    await page.keyboard.press('Enter');
    await eventually(async () => assert.deepEqual((await asked()).at(-1), ['command', 'cancel']));
    await tell('state', ready);
    await cancel.waitFor({ state: 'detached' });
  });

  it('has a next step or a remedy in every other state', async () => {
    const press = async (name: string): Promise<unknown> => {
      await page.getByRole('button', { name }).first().click();
      return (await asked()).at(-1)?.[1];
    };
    await open({ kind: 'error', message: 'weights.bin is 4 096 bytes shorter than model.onnx says it is.' });
    await page.getByRole('alert').getByText('weights.bin is 4 096 bytes shorter').waitFor();
    assert.equal(await press('Try Again'), 'reload');
    assert.equal(await press('Show Log'), 'showLog');
    await tell('state', { ...ready, dataset: null });
    assert.equal(await press('Open Dataset…'), 'openDataset');
    await tell('state', { ...ready, stale: true });
    assert.equal(await press('Reload'), 'reload');
    assert.equal(await press('Unlearn Samples…'), 'unlearn');
    await tell('state', { ...ready, restricted: true });
    assert.equal(await press('Manage Trust'), 'trust');
    await eventually(async () =>
      assert.equal(await page.getByRole('button', { name: 'Unlearn Samples…' }).count(), 0),
    );
  });

  it('says why a comparison failed, and tries again', async () => {
    await open({ ...ready, proposal }, 'changes', {
      answers: { ...answers, changes: { failure: 'The viewer ended by itself.' } },
    });
    await page.getByRole('alert').getByText('The viewer ended by itself.').waitFor();
    await page.getByRole('button', { name: 'Try Again' }).click();
    await page.getByRole('alert').getByText('The viewer ended by itself.').waitFor();
    await eventually(async () =>
      assert.equal((await asked()).filter(([name]) => name === 'changes').length, 2),
    );
  });

  it('takes names from a hostile file as text', async () => {
    await open({ ...ready, proposal });
    await page.getByText(hostile).first().waitFor();
    for (const name of ['Parameters', 'Changes']) {
      await tab(name).click();
      await page.getByText(hostile).filter({ visible: true }).first().waitFor();
    }
    await eventually(async () => assert.equal(await page.locator('img').count(), 0));
    await eventually(async () => assert.equal(await page.evaluate('"broken" in window'), false));
  });
});
