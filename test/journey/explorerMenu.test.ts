// What the context menu of files in the explorer does: every entry on a model and on a recipe is pressed once.
import * as assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { eventually } from './eventually';
import { sha256, solverProcesses, until } from './files';
import {
  cells,
  importForgetSet,
  makeLongRun,
  makeQuickRun,
  proposal,
  sample,
  statusLine,
  waitForProposal,
} from './lethe';

describe('the menu of a model in the explorer', () => {
  let stage: Stage;
  let window: CodeWindow;
  let workspace: string;
  let file: string;
  let original: string;
  let model: Frame;

  before(async () => {
    stage = await openStage({ name: 'explorer', trustEverything: true });
    workspace = stage.workspace('explorer-workspace');
    makeLongRun(workspace);
    const recipe = join(workspace, sample, 'recipe.unlearn.json');
    copyFileSync(recipe, join(workspace, sample, 'long.unlearn.json'));
    makeQuickRun(workspace);
    file = join(workspace, sample, 'model.onnx');
    original = sha256(file);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await window.command('File: Focus on Files Explorer');
    await window.file(sample).click();
    await window.file('model.onnx').waitFor();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(async () => {
    for (const pid of stage ? solverProcesses(stage.storage) : []) process.kill(pid, 'SIGKILL');
    await stage?.close();
  });

  const selected = (name: string): Promise<void> =>
    eventually(async () =>
      assert.equal(await model.getByRole('tab', { name }).getAttribute('aria-selected'), 'true'),
    );

  it('Open Dataset opens the model and its data', async () => {
    await window.fileMenu('model.onnx', 'Open Dataset…');
    await window.pick('recipe.unlearn.json');
    const dataset = await window.view('dataset');
    await cells(dataset).first().waitFor();
    await window.tab('model.onnx').waitFor();
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
  });

  it('offers nothing for a run before there is one', async () => {
    await eventually(async () => {
      await window.page.keyboard.press('Escape');
      assert.equal(await window.fileMenuOffers('model.onnx', 'Unlearn Samples…'), true);
    });
    for (const entry of ['Compare with the Original', 'Apply Proposal', 'Discard Proposal', 'Cancel Run']) {
      const item = window.page.locator('.monaco-menu .action-menu-item').filter({ hasText: entry });
      assert.equal(await item.count(), 0, `${entry} is offered`);
    }
    await window.page.keyboard.press('Escape');
  });

  it('Unlearn Samples leads to a proposal', async () => {
    await window.fileMenu('model.onnx', 'Unlearn Samples…');
    await window.pick('with the settings of recipe.unlearn.json');
    model = await waitForProposal(window);
    assert.equal(sha256(file), original);
  });

  it('Compare with the Original shows the changes', async () => {
    await window.fileMenu('model.onnx', 'Compare with the Original');
    await selected('Changes');
  });

  it('Open Recipe of Run shows the recipe', async () => {
    await window.fileMenu('model.onnx', 'Open Recipe of Run');
    await window.tab('recipe.unlearn.json').waitFor();
    await window.page.locator('.view-lines').getByText('"version"').first().waitFor();
    await window.command('View: Close Editor');
    await window.tab('recipe.unlearn.json').waitFor({ state: 'detached' });
  });

  it('Save As New File writes the run, and not the model', async () => {
    const target = join(workspace, sample, 'from-menu.onnx');
    await window.fileMenu('model.onnx', 'Save As New File…');
    await window.answerPath(target);
    await until('the new file is there', () => existsSync(target));
    assert.notEqual(sha256(target), original);
    assert.equal(sha256(file), original);
  });

  it('Apply Proposal makes it an edit that undo takes back', async () => {
    await window.fileMenu('model.onnx', 'Apply Proposal');
    await window.waitDirty('model.onnx', true);
    await proposal(model).getByText('Applied', { exact: true }).waitFor();
    assert.equal(sha256(file), original);
    await window.focusEditor();
    await window.command('Undo');
    await window.waitDirty('model.onnx', false);
    await proposal(model).getByText('Proposal', { exact: true }).waitFor();
  });

  it('Discard Proposal takes it away, and its entries with it', async () => {
    await window.fileMenu('model.onnx', 'Discard Proposal');
    await proposal(model).waitFor({ state: 'hidden' });
    await eventually(async () => {
      await window.page.keyboard.press('Escape');
      assert.equal(await window.fileMenuOffers('model.onnx', 'Compare with the Original'), false);
    });
    await window.page.keyboard.press('Escape');
  });

  it('Run Recipe runs a recipe, and Cancel Run on the model stops it', async () => {
    await window.fileMenu('long.unlearn.json', 'Run Recipe');
    await window.status(/Epoch \d+ of 400/).waitFor({ timeout: 60_000 });
    await window.fileMenu('model.onnx', 'Cancel Run');
    await window.status(/Epoch/).waitFor({ state: 'detached' });
    await until('no job is left', () => solverProcesses(stage.storage).length === 0);
    assert.equal(sha256(file), original);
  });

  it('Edit Recipe First opens a recipe that is saved and run by its button', async () => {
    await window.tab('model.onnx').click();
    await window.commandAndPick('Lethe: Unlearn Samples…', 'Edit Recipe First…');
    await window.tab('model.unlearn.json').waitFor();
    const saved = join(workspace, sample, 'model.unlearn.json');
    await window.page.locator('.view-lines').getByText('"version"').first().waitFor();
    assert.equal(existsSync(saved), false, 'nothing is written before it is saved');
    await window.picture('recipe to edit');
    await window.page.getByRole('button', { name: 'Run Recipe' }).first().click();
    const output = join(workspace, sample, 'model-unlearned.onnx');
    await until('the recipe was run', () => existsSync(output), 120_000);
    const recipe = JSON.parse(readFileSync(saved, 'utf8')) as Record<string, unknown>;
    assert.equal(recipe['model'], 'model.onnx');
    assert.equal(recipe['output'], 'model-unlearned.onnx');
    assert.equal(sha256(file), original);
  });
});
