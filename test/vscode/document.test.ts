// The life of a model document in the real VS Code: proposal, apply, undo, redo, save, undo after save, revert.
import * as assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands, Uri, window } from 'vscode';
import type { LetheApi } from '../../src/extension/api';
import { closeAll, copyOfSample, documentOf, lethe, openModel, until } from './lethe';

const quick = { name: 'shrink', epochs: 1, batchSize: 100, epochOver: 'forget' as const };

describe('a model document', () => {
  let api: LetheApi;
  let folder: string;
  let model: string;
  let original: Buffer;
  let runId: string;

  before(async () => {
    api = await lethe();
    folder = copyOfSample('document');
    model = join(folder, 'model.onnx');
    original = readFileSync(model);
  });
  after(closeAll);

  it('opens with the overview of its file', async () => {
    const document = await openModel(model);
    assert.equal(document.error, null);
    assert.equal(document.dirty, false);
    assert.equal(document.proposal, null);
  });

  it('has its data opened by a recipe, and the forget set imported', async () => {
    await api.openDataset({ recipe: join(folder, 'recipe.unlearn.json') });
    assert.equal(api.dataset().kind, 'ready');
    assert.equal(api.dataset().size, 2000);
    await commands.executeCommand('lethe.importForget', Uri.file(join(folder, 'forget.csv')));
    assert.equal(api.dataset().forgetSet.length, 100);
  });

  it('gets a proposal by a run and stays clean, file and all', async () => {
    const done = await api.unlearn(api.dataset().forgetSet, quick);
    assert.ok(done, 'the run gave no result');
    runId = done;
    const document = await documentOf(model, ({ proposal }) => proposal === runId);
    assert.equal(document.dirty, false);
    assert.equal(document.running, false);
    assert.deepEqual(readFileSync(model), original);
    assert.deepEqual(await api.runs(model), [runId]);
  });

  it('takes the proposal as one edit, which undo and redo take back and give again', async () => {
    await commands.executeCommand('lethe.apply');
    await documentOf(model, ({ applied, dirty }) => applied === runId && dirty);
    assert.deepEqual(readFileSync(model), original);
    // VS Code takes note of an edit a moment after it was told.
    await until(() => window.tabGroups.activeTabGroup.activeTab?.isDirty === true, 'the tab to be dirty');
    await commands.executeCommand('undo');
    await documentOf(
      model,
      ({ applied, proposal, dirty }) => applied === null && proposal === runId && !dirty,
    );
    await commands.executeCommand('redo');
    await documentOf(
      model,
      ({ applied, proposal, dirty }) => applied === runId && proposal === null && dirty,
    );
  });

  it('saves by changing bytes of weights only, and undo after saving brings the original back', async () => {
    await commands.executeCommand('workbench.action.files.save');
    await documentOf(model, ({ dirty }) => !dirty);
    const saved = readFileSync(model);
    assert.equal(saved.length, original.length);
    assert.notDeepEqual(saved, original);
    await commands.executeCommand('undo');
    await documentOf(model, ({ applied, dirty }) => applied === null && dirty);
    await commands.executeCommand('workbench.action.files.save');
    await documentOf(model, ({ dirty }) => !dirty);
    assert.deepEqual(readFileSync(model), original);
    await commands.executeCommand('redo');
    await documentOf(model, ({ applied, dirty }) => applied === runId && dirty);
    await commands.executeCommand('workbench.action.files.save');
    await documentOf(model, ({ dirty }) => !dirty);
    assert.deepEqual(readFileSync(model), saved);
  });

  it('writes a run into a new file without touching its own', async () => {
    const before = readFileSync(model);
    const target = join(folder, 'copy.onnx');
    await commands.executeCommand('lethe.saveAsNew', runId, Uri.file(target));
    assert.ok(existsSync(target));
    assert.deepEqual(readFileSync(target), before);
    assert.deepEqual(readFileSync(model), before);
  });

  it('reverts to its file', async () => {
    await commands.executeCommand('undo');
    await documentOf(model, ({ dirty }) => dirty);
    await commands.executeCommand('workbench.action.files.revert');
    const document = await documentOf(model, ({ dirty }) => !dirty);
    assert.equal(document.applied, runId);
  });

  it('notices that its file changed on disk, and reads it again', async () => {
    const retrained = readFileSync(join(folder, 'retrained.onnx'));
    await commands.executeCommand('lethe.compare', runId);
    writeFileSync(model, retrained);
    await documentOf(model, ({ stale }) => stale);
    await commands.executeCommand('lethe.reload', Uri.file(model));
    const document = await documentOf(model, ({ stale, ready }) => !stale && ready);
    assert.deepEqual(document.state.current, { kind: 'original' });
    assert.equal(document.proposal, null, 'a run of other weights is not proposed for these');
    assert.equal(document.dirty, false);
  });

  it('opens a broken file as a sentence', async () => {
    const broken = join(folder, 'broken.onnx');
    writeFileSync(broken, original.subarray(0, 5000));
    const document = await openModel(broken);
    assert.match(document.error ?? '', /broken\.onnx: The file is cut short or damaged.*again\.$/s);
    appendFileSync(broken, original.subarray(5000));
    await commands.executeCommand('lethe.reload', Uri.file(broken));
    await documentOf(broken, ({ error, ready }) => error === null && ready);
  });
});
