// Before and after a run: the diagnosis from the command palette, then what auto tried and how decision regions changed,
// in each kind of theme.
import * as assert from 'node:assert/strict';
import type { Frame, Locator } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { eventually } from './eventually';
import { until } from './files';
import {
  importForgetSet,
  makeShortSearch,
  openDataset,
  openModel,
  statusLine,
  waitForProposal,
} from './lethe';

const themes = [
  ['light', 'Light Modern'],
  ['dark', 'Dark Modern'],
  ['high contrast', 'Dark High Contrast'],
] as const;

describe('diagnosis, search and decision regions', () => {
  let stage: Stage;
  let window: CodeWindow;
  let model: Frame;

  before(async () => {
    stage = await openStage({ name: 'diagnosis', trustEverything: true });
    const workspace = stage.workspace('diagnosis-workspace');
    makeShortSearch(workspace);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    model = await openModel(window);
    const dataset = await openDataset(window);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  it('diagnoses the open model with the recipe’s data and shows what was found', async () => {
    await window.command('Lethe: Diagnose Before Unlearning');
    const fit = model.getByRole('row').filter({ hasText: 'forgotten' }).filter({ hasText: '100' });
    await fit.first().waitFor({ timeout: 120_000 });
    await model.locator('.diagnosis-summary').getByText('interpolates').first().waitFor();
    await model.getByText(/^Which methods can move it/).click();
    const reach = model.getByRole('row').filter({ hasText: 'minnorm-og' });
    await reach.locator('.moves').first().waitFor();
    await pictures('diagnosis', model.locator('.diagnosis-summary'));
  });

  it('shows every setting that auto tried, the choice and the reason', async () => {
    await window.commandAndPick('Lethe: Unlearn Samples…', 'nothing to choose');
    model = await waitForProposal(window);
    await window.command('Notifications: Clear All Notifications');
    await model.getByRole('tab', { name: 'Runs' }).click();
    const section = model.locator('section', { hasText: 'What auto tried' });
    await section.waitFor();
    await section.getByText(/^It chose by /).waitFor();
    const trials = section.locator('tbody tr');
    await eventually(async () => assert.ok((await trials.count()) >= 1));
    await eventually(async () => assert.match(await section.innerText(), /chosen/));
    await section.getByText(/gradient evaluations beside those of the run/).waitFor();
    await pictures('search', section);
  });

  it('draws decision regions near forgotten and, apart, near retained samples', async () => {
    for (const kind of ['forgotten', 'retained']) {
      const figure = model.getByRole('group', { name: `Decision regions near ${kind} samples` });
      await figure.locator('svg.plot').waitFor();
      for (const name of ['original', 'unlearned', 'retrained'])
        await figure.locator('svg.plot').getByText(name, { exact: true }).waitFor();
      await figure
        .getByText(/Through (forgotten|retained) sample \d+: original says /)
        .waitFor({ state: 'attached' });
      await figure.getByText('Numbers').click();
      await eventually(async () => assert.equal(await figure.locator('tbody tr').count(), 3));
      await figure.getByText('Numbers').click();
    }
    await pictures('regions', model.getByRole('group', { name: 'Decision regions near forgotten samples' }));
  });

  /** One picture a theme with something in sight. */
  async function pictures(name: string, shown: Locator): Promise<void> {
    for (const [kind, theme] of themes) {
      await window.theme(theme);
      await shown.scrollIntoViewIfNeeded();
      await window.page.waitForTimeout(800);
      await window.picture(`${kind} ${name}`);
    }
  }
});
