// The journey: from a model and its data to a model that has forgotten, by mouse and keyboard, auto-save off.
import * as assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { countLabel, sha256, until } from './files';
import {
  cells,
  filter,
  importForgetSet,
  openDataset,
  openModel,
  proposal,
  sample,
  statusLine,
  waitForProposal,
} from './lethe';

describe('forgetting 100 wrong labels and a few more', () => {
  let stage: Stage;
  let window: CodeWindow;
  let workspace: string;
  let file: string;
  let original: string;
  let model: Frame;
  let dataset: Frame;
  let unlearned = '';

  before(async () => {
    stage = await openStage({ name: 'unlearn', trustEverything: true });
    workspace = stage.workspace('unlearn-workspace');
    file = join(workspace, sample, 'model.onnx');
    original = sha256(file);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  it('opens the model: overview and parameters', async () => {
    model = await openModel(window);
    await model.getByText('logits').first().waitFor();
    await window.picture('model overview');
    await model.getByRole('tab', { name: 'Parameters' }).click();
    await model.getByRole('row').filter({ hasText: 'weight' }).first().waitFor();
    await window.picture('model parameters');
  });

  it('opens the dataset that the recipe beside the model names', async () => {
    dataset = await openDataset(window);
    await dataset.getByText('train.npz').first().waitFor();
    assert.match(await statusLine(dataset), /forget set empty/);
    await window.picture('dataset');
  });

  it('filters', async () => {
    await filter(dataset, 'label:3');
    const expected = countLabel(join(workspace, sample, 'train.npz'), 3);
    await until('the filter shows the samples with label 3', async () =>
      (await statusLine(dataset)).includes(`${expected} of 2 000`),
    );
    await filter(dataset, 'label:3 wrong');
    await until('fewer are wrong', async () => !(await statusLine(dataset)).includes(`${expected} of`));
    await filter(dataset, '');
  });

  it('imports 100 samples and adds three by hand', async () => {
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
    await cells(dataset).nth(0).click();
    await cells(dataset)
      .nth(1)
      .click({ modifiers: ['Control'] });
    await cells(dataset)
      .nth(2)
      .click({ modifiers: ['Control'] });
    await until('three are selected', async () => (await statusLine(dataset)).includes('3 selected'));
    await dataset.getByText('Add to forget set').click();
    await until('103 are in the forget set', async () =>
      (await statusLine(dataset)).includes('103 in the forget set'),
    );
  });

  it('unlearns them from the context menu, and the file stays as it is', async () => {
    await filter(dataset, 'forget');
    await until('103 are shown', async () => (await statusLine(dataset)).includes('103 of 2 000'));
    await cells(dataset).first().click();
    await window.page.keyboard.press('Control+A');
    await until('103 are selected', async () => (await statusLine(dataset)).includes('103 selected'));
    await window.picture('dataset selection');
    await cells(dataset).nth(1).click({ button: 'right' });
    await window.menu('Unlearn Samples…');
    await window.pick('minnorm-og');
    model = await waitForProposal(window);
    assert.equal(await window.isDirty('model.onnx'), false, 'a proposal must leave the document clean');
    assert.equal(sha256(file), original, 'a proposal must not reach the file');
    await until('the words name the samples', async () =>
      (await proposal(model).innerText()).includes('103 samples'),
    );
  });

  it('shows what changed', async () => {
    await model.getByRole('tab', { name: 'Changes' }).click();
    await model.getByRole('grid', { name: 'Changes of the parameters' }).getByRole('row').nth(1).waitFor();
    await window.picture('model changes');
    await model.getByRole('tab', { name: 'Predictions' }).click();
    await model.getByRole('grid').filter({ visible: true }).getByRole('row').nth(1).waitFor();
    await window.picture('model predictions');
  });

  it('applies, undoes and redoes', async () => {
    await proposal(model).getByRole('button', { name: 'Apply' }).click();
    await window.waitDirty('model.onnx', true);
    assert.equal(sha256(file), original, 'the file changes when it is saved, not before');
    await proposal(model).getByText('Applied', { exact: true }).waitFor();
    await window.picture('model applied');
    await window.focusEditor();
    await window.command('Undo');
    await window.waitDirty('model.onnx', false);
    await proposal(model).getByText('Proposal', { exact: true }).waitFor();
    await window.command('Redo');
    await window.waitDirty('model.onnx', true);
  });

  it('saves, goes back to the original after the save, and forward again', async () => {
    await window.page.keyboard.press('Control+S');
    await window.waitDirty('model.onnx', false);
    unlearned = sha256(file);
    assert.notEqual(unlearned, original);
    await window.command('Undo');
    await window.waitDirty('model.onnx', true);
    await window.page.keyboard.press('Control+S');
    await window.waitDirty('model.onnx', false);
    assert.equal(sha256(file), original, 'undo and save give back every byte');
    await window.command('Redo');
    await window.waitDirty('model.onnx', true);
    await window.page.keyboard.press('Control+S');
    await window.waitDirty('model.onnx', false);
    assert.equal(sha256(file), unlearned);
  });

  it('writes the same bytes to a new file', async () => {
    const target = join(workspace, sample, 'forgetful.onnx');
    await proposal(model).getByRole('button', { name: 'Save As New File…' }).click();
    await window.answerPath(target);
    await until('the new file is there', () => existsSync(target));
    assert.equal(sha256(target), unlearned);
    assert.deepEqual(
      readdirSync(join(workspace, sample)).filter(name => name.includes('.tmp') || name.includes('journal')),
      [],
    );
  });

  it('closes and reopens on the unlearned model', async () => {
    await window.command('View: Close All Editors');
    await until('the editor is closed', async () => (await window.tab('model.onnx').count()) === 0);
    model = await openModel(window);
    await model.getByText('logits').first().waitFor();
    assert.equal(await window.isDirty('model.onnx'), false);
    assert.equal(sha256(file), unlearned);
  });
});
