// Each view in each kind of theme, as pictures for people to look at, and what can be checked of them: nothing is
// blank, nothing is cut off sideways.
import * as assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { eventually } from './eventually';
import { until } from './files';
import { importForgetSet, openDataset, openModel, statusLine, waitForProposal } from './lethe';

const themes = [
  ['light', 'Light Modern'],
  ['dark', 'Dark Modern'],
  ['high contrast', 'Dark High Contrast'],
] as const;
const tabs = ['Overview', 'Graph', 'Parameters', 'Changes', 'Predictions', 'Runs'] as const;

describe('every view in every theme', () => {
  let stage: Stage;
  let window: CodeWindow;
  let model: Frame;
  let dataset: Frame;

  before(async () => {
    stage = await openStage({ name: 'themes', trustEverything: true });
    const workspace = stage.workspace('themes-workspace');
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await openModel(window);
    dataset = await openDataset(window);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
    await window.commandAndPick('Lethe: Unlearn Samples…', 'minnorm-og');
    model = await waitForProposal(window);
    await window.command('Notifications: Clear All Notifications');
    await window.command('View: Show Lethe');
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  for (const [name, theme] of themes) {
    it(name, async () => {
      await window.theme(theme);
      for (const tab of tabs) {
        await model.getByRole('tab', { name: tab }).click();
        await eventually(() => assertDrawn(model, tab));
        await window.page.waitForTimeout(800);
        await window.picture(`${name} ${tab.toLowerCase()}`);
      }
      await window.page.getByRole('button', { name: /^Maximize Panel/ }).click();
      await window.page.waitForTimeout(800);
      await window.picture(`${name} dataset`);
      await eventually(() => assertDrawn(dataset, 'Dataset'));
      await window.page.getByRole('button', { name: /^Restore Panel/ }).click();
    });
  }
});

/** Fails where a view is blank, still waits for its content, or is wider than its window. */
async function assertDrawn(view: Frame, what: string): Promise<void> {
  const body = view.locator('body');
  assert.equal(await body.locator('.skeleton:visible').count(), 0, `${what} still waits for its content`);
  assert.ok((await body.innerText()).trim().length > 40, `${what} is blank`);
  const [wide, room] = await body.evaluate(element => [
    element.ownerDocument.documentElement.scrollWidth,
    element.ownerDocument.documentElement.clientWidth,
  ]);
  assert.ok(wide! <= room! + 1, `${what} is ${wide} px wide in a window of ${room} px`);
}
