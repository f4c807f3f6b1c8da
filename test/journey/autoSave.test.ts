// Auto-save writes what is dirty by itself. A proposal is not, so it never reaches the file; an applied edit does.
import * as assert from 'node:assert/strict';
import { join } from 'node:path';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { sha256, until } from './files';
import {
  importForgetSet,
  openDataset,
  openModel,
  proposal,
  sample,
  statusLine,
  waitForProposal,
} from './lethe';

describe('with files.autoSave on', () => {
  let stage: Stage;
  let window: CodeWindow;

  before(async () => {
    stage = await openStage({ name: 'auto-save', trustEverything: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  it('a proposal never reaches the file by itself; applied, it does', async () => {
    const workspace = stage.workspace('auto-save-workspace', {
      'files.autoSave': 'afterDelay',
      'files.autoSaveDelay': 200,
    });
    const file = join(workspace, sample, 'model.onnx');
    const original = sha256(file);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await openModel(window);
    const dataset = await openDataset(window);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
    await window.commandAndPick('Lethe: Unlearn Samples…', 'minnorm-og');
    const model = await waitForProposal(window);
    // Many times the delay: whatever auto-save would do, it has done by then.
    await window.page.waitForTimeout(4000);
    assert.equal(sha256(file), original, 'the proposal reached the file');
    assert.equal(await window.isDirty('model.onnx'), false);

    await proposal(model).getByRole('button', { name: 'Apply' }).click();
    await until('auto-save has written the edit', () => sha256(file) !== original);
    await window.focusEditor();
    await window.command('Undo');
    await until('auto-save has written the original again', () => sha256(file) === original);
  });
});
