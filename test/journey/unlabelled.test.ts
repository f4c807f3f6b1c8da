// Training data without labels: what the panel shows of them, a run by the recipe, and what the result says.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz';
import type { Tensor } from '../../src/tensor/tensor';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { eventually } from './eventually';
import { until } from './files';
import {
  cells,
  importForgetSet,
  openDataset,
  openModel,
  proposal,
  sample,
  statusLine,
  takeLabels,
  unlearnByRecipe,
} from './lethe';

describe('data without labels', () => {
  let stage: Stage;
  let window: CodeWindow;
  let workspace: string;
  let dataset: Frame;

  before(async () => {
    stage = await openStage({ name: 'unlabelled', trustEverything: true });
    workspace = stage.workspace('unlabelled-workspace');
    const file = join(workspace, sample, 'train.npz');
    const images = decodeNpz(readFileSync(file), file).get('images') as Tensor;
    writeFileSync(file, encodeNpz(new Map([['images', images]])));
    takeLabels(workspace);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await openModel(window);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  it('are shown with what the model says, and with no label', async () => {
    dataset = await openDataset(window);
    const told = await cells(dataset).first().getAttribute('aria-label');
    assert.match(told!, /prediction/);
    assert.doesNotMatch(told!, /label|loss/);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
  });

  it('run by the recipe, and the result speaks of agreement with the original', async () => {
    const model = await unlearnByRecipe(window);
    await window.command('Notifications: Clear All Notifications');
    await eventually(async () => assert.match(await proposal(model).innerText(), /original/));
    assert.doesNotMatch(await proposal(model).innerText(), /NaN|undefined|null/);
    await model.getByRole('tab', { name: 'Predictions' }).click();
    await eventually(async () =>
      assert.equal(await model.locator('body').locator('.skeleton:visible').count(), 0),
    );
    assert.doesNotMatch(await model.locator('body').innerText(), /NaN|undefined/);
    await window.page.waitForTimeout(600);
    await window.picture('without labels predictions');
    await model.getByRole('tab', { name: 'Runs' }).click();
    await eventually(async () => assert.match(await model.locator('body').innerText(), /Compared with/));
    assert.doesNotMatch(await model.locator('body').innerText(), /NaN|undefined/);
    await window.page.waitForTimeout(600);
    await window.picture('without labels runs');
  });
});
