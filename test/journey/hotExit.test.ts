// What survives a window with an unsaved edit: the backup that VS Code keeps, and a file that changed under the edit.
import * as assert from 'node:assert/strict';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { sha256, until } from './files';
import {
  importForgetSet,
  makeQuickRun,
  openDataset,
  openModel,
  proposal,
  sample,
  statusLine,
  unlearnByRecipe,
} from './lethe';

describe('an edit that was not saved', () => {
  let stage: Stage;
  let window: CodeWindow;
  let workspace: string;
  let file: string;
  let original: string;
  let unlearned: string;
  let model: Frame;

  before(async () => {
    stage = await openStage({ name: 'hot-exit', trustEverything: true });
    workspace = stage.workspace('hot-exit-workspace');
    makeQuickRun(workspace);
    file = join(workspace, sample, 'model.onnx');
    original = sha256(file);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await openModel(window);
    const dataset = await openDataset(window);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
    model = await unlearnByRecipe(window);
    const copy = join(workspace, sample, 'copy.onnx');
    await proposal(model).getByRole('button', { name: 'Save As New File…' }).click();
    await window.answerPath(copy);
    await until('the copy is there', () => existsSync(copy));
    unlearned = sha256(copy);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  async function apply(): Promise<void> {
    await proposal(model).getByRole('button', { name: 'Apply' }).click();
    await window.waitDirty('model.onnx', true);
  }

  /** What a person sees after the window was loaded anew. */
  async function restored(): Promise<void> {
    await window.waitDirty('model.onnx', true);
    model = await window.view('model');
    await proposal(model).getByText('Applied', { exact: true }).waitFor();
    assert.equal(sha256(file), original, 'the edit reached the file');
  }

  it('is there again after the window was reloaded, and reverting gives it up', async () => {
    await apply();
    await window.reloadWithChanges();
    await restored();
    await window.picture('restored edit');
    await window.focusEditor();
    await window.command('File: Revert File');
    await window.waitDirty('model.onnx', false);
    await proposal(model).getByText('Proposal', { exact: true }).waitFor();
    assert.equal(sha256(file), original);
  });

  it('is saved after a reload as it would have been before', async () => {
    await apply();
    await window.reloadWithChanges();
    await restored();
    await window.focusEditor();
    await window.page.keyboard.press('Control+S');
    await window.waitDirty('model.onnx', false);
    assert.equal(sha256(file), unlearned);
  });

  it('asks before it is saved over a file that changed meanwhile', async () => {
    await window.command('View: Close All Editors');
    await window.tab('model.onnx').waitFor({ state: 'detached' });
    copyFileSync(join(workspace, sample, 'retrained.onnx'), file);
    const other = sha256(file);
    model = await openModel(window);
    await window.command('View: Show Lethe');
    await window.page.locator('.pane-body .monaco-list-row').filter({ hasText: 'shrink' }).first().click();
    await proposal(model).getByText('Proposal', { exact: true }).waitFor();
    await apply();
    copyFileSync(join(workspace, sample, 'copy.onnx'), file);
    const changed = sha256(file);
    assert.notEqual(changed, other);
    await model.getByText('changed on disk since it was opened').waitFor();

    await window.focusEditor();
    await window.page.keyboard.press('Control+S');
    await window.dialogButton('Cancel').click();
    await window.waitDirty('model.onnx', true);
    assert.equal(sha256(file), changed, 'cancelling writes nothing');

    await window.page.keyboard.press('Control+S');
    await window.dialogButton('Reload').waitFor();
    await window.picture('file changed on disk');
    await window.dialogButton('Reload').click();
    await window.waitDirty('model.onnx', false);
    assert.equal(sha256(file), changed, 'reloading writes nothing');
  });

  it('is written over the changed file when the person says so', async () => {
    await window.page.locator('.pane-body .monaco-list-row').filter({ hasText: 'shrink' }).first().click();
    await proposal(model).getByText('Proposal', { exact: true }).waitFor();
    await apply();
    copyFileSync(join(workspace, sample, 'retrained.onnx'), file);
    await model.getByText('changed on disk since it was opened').waitFor();
    await window.focusEditor();
    await window.page.keyboard.press('Control+S');
    await window.dialogButton('Overwrite').click();
    await window.waitDirty('model.onnx', false);
    assert.equal(sha256(file), unlearned);
  });
});
