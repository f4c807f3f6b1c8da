// Processes that die, jobs that are cancelled, data that do not fit: said once, and the document unharmed.
import * as assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands, Uri } from 'vscode';
import type { LetheApi } from '../../src/extension/api';
import { closeAll, copyOfSample, documentOf, lethe, openModel, until } from './lethe';

const long = { name: 'minnorm-og', epochs: 5000, descentEpochs: 5000 };

describe('when something goes wrong', () => {
  let api: LetheApi;
  let folder: string;
  let model: string;
  let original: Buffer;

  before(async () => {
    api = await lethe();
    folder = copyOfSample('trouble');
    model = join(folder, 'model.onnx');
    original = readFileSync(model);
    await openModel(model);
    await api.openDataset({ recipe: join(folder, 'recipe.unlearn.json') });
  });
  after(closeAll);

  async function unharmed(): Promise<void> {
    const document = await documentOf(model, ({ running }) => !running);
    assert.equal(document.dirty, false);
    assert.equal(document.proposal, null);
    assert.deepEqual(readFileSync(model), original);
    assert.deepEqual(await api.runs(model), []);
  }

  it('a solver that is killed in mid-run ends the run, not the document', async () => {
    const run = api.unlearn([1, 2, 3], long);
    await documentOf(model, ({ running }) => running);
    await until(() => api.solverProcess() !== null, 'the solver to own its job');
    process.kill(api.solverProcess()!, 'SIGKILL');
    assert.equal(await run, null);
    await unharmed();
    assert.ok(
      api.log().some(line => /^error: .*recipe\.unlearn\.json: The solver process ended/.test(line)),
      `the log does not say it: ${api.log().join(' | ')}`,
    );
  });

  it('a run that is cancelled leaves nothing behind', async () => {
    const run = api.unlearn([1, 2, 3], long);
    await documentOf(model, ({ running }) => running);
    await commands.executeCommand('lethe.cancel');
    assert.equal(await run, null);
    await api.idle();
    await unharmed();
  });

  it('a second run is refused while one is under way', async () => {
    const run = api.unlearn([1, 2, 3], long);
    await documentOf(model, ({ running }) => running);
    await assert.rejects(api.unlearn([4], long), /A run is under way/);
    await commands.executeCommand('lethe.cancel');
    await run;
  });

  it('forgetting everything is refused with a reason', async () => {
    const all = Array.from({ length: 2000 }, (_, index) => index);
    await assert.rejects(api.unlearn(all, long), /nothing is left to retain/);
  });

  it('a viewer process that is killed is started anew by the next question', async () => {
    const first = await api.viewerProcess();
    assert.ok(first);
    process.kill(first, 'SIGKILL');
    await until(async () => (await api.viewerProcess()) === null, 'the viewer to be gone');
    // The dataset was open in the process that is gone; it is opened again behind the scenes.
    await commands.executeCommand('lethe.importForget', Uri.file(join(folder, 'forget.csv')));
    assert.equal(api.dataset().forgetSet.length, 100);
    assert.notEqual(await api.viewerProcess(), first);
  });

  it('data that do not fit the model are explained in the panel', async () => {
    const path = join(folder, 'misfit.csv');
    writeFileSync(path, 'a,b,label\n1,2,0\n3,4,1\n');
    await api.openDataset({ path, model });
    const dataset = api.dataset();
    assert.equal(dataset.kind, 'error');
    assert.match(dataset.message ?? '', /misfit\.csv/);
  });

  it('a recipe that is run writes what it names, and its result is proposed', async () => {
    const path = join(folder, 'own.unlearn.json');
    const recipe = {
      model: 'model.onnx',
      output: 'own.onnx',
      data: { train: 'train.npz', preprocess: { scale: 0.00392156862745098 } },
      forget: { indices: [7, 9] },
      method: { name: 'gd', epochs: 1, batchSize: 10 },
    };
    writeFileSync(path, JSON.stringify(recipe));
    await commands.executeCommand('lethe.runRecipe', Uri.file(path));
    await api.idle();
    const document = await documentOf(model, ({ proposal }) => proposal !== null);
    assert.equal(document.dirty, false);
    assert.deepEqual(readFileSync(model), original);
    assert.notDeepEqual(readFileSync(join(folder, 'own.onnx')), original);
    assert.ok(existsSync(join(folder, 'own.report', 'receipt.json')));
    assert.deepEqual(await api.runs(model), [document.proposal]);
    await commands.executeCommand('lethe.discard', document.proposal);
    await documentOf(model, ({ proposal }) => proposal === null);
  });

  it('the forget set is written as a list that can be read again', async () => {
    await api.openDataset({ recipe: join(folder, 'recipe.unlearn.json') });
    api.setForgetSet([12, 3]);
    const path = join(folder, 'written.csv');
    await commands.executeCommand('lethe.exportForget', Uri.file(path));
    assert.equal(readFileSync(path, 'utf8'), 'index\n3\n12\n');
    api.setForgetSet([]);
    await commands.executeCommand('lethe.importForget', Uri.file(path));
    assert.deepEqual(api.dataset().forgetSet, [3, 12]);
  });

  it('data without a recipe get the scaling that fits the model best', async () => {
    await api.openDataset({ path: join(folder, 'train.npz'), model });
    assert.equal(api.dataset().kind, 'ready');
    assert.deepEqual(api.dataset().preprocess, { scale: 1 / 255 });
  });

  it('a forget list with a sample that is not there changes nothing', async () => {
    await api.openDataset({ recipe: join(folder, 'recipe.unlearn.json') });
    api.setForgetSet([5]);
    const path = join(folder, 'wrong.csv');
    writeFileSync(path, 'index\n3\n2000\n');
    await commands.executeCommand('lethe.importForget', Uri.file(path));
    assert.deepEqual(api.dataset().forgetSet, [5]);
  });
});
