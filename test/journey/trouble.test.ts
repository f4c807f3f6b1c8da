// What goes wrong in mid-run: the person cancels, the solver dies, the window is reloaded. The document stays unharmed.
import * as assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { eventually } from './eventually';
import { sha256, solverProcesses, until } from './files';
import { importForgetSet, makeLongRun, openDataset, openModel, proposal, sample, statusLine } from './lethe';

describe('trouble in mid-run', () => {
  let stage: Stage;
  let window: CodeWindow;
  let workspace: string;
  let file: string;
  let original: string;
  let dataset: Frame;

  before(async () => {
    stage = await openStage({ name: 'trouble', trustEverything: true });
    workspace = stage.workspace('trouble-workspace');
    makeLongRun(workspace);
    file = join(workspace, sample, 'model.onnx');
    original = sha256(file);
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
    await openModel(window);
    dataset = await openDataset(window);
    await importForgetSet(window, workspace);
    await until('100 are in the forget set', async () =>
      (await statusLine(dataset)).includes('100 in the forget set'),
    );
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(async () => {
    // A job outlives its window on purpose; those that a failed test left behind end here.
    for (const pid of stage ? solverProcesses(stage.storage) : []) process.kill(pid, 'SIGKILL');
    await stage?.close();
  });

  /** Starts the long run and waits for its first epochs. */
  async function start(): Promise<number> {
    await window.commandAndPick('Lethe: Unlearn Samples…', 'minnorm-og');
    await window.status(/Epoch \d+ of 400/).waitFor({ timeout: 60_000 });
    return eventually(async () => {
      const [solver] = solverProcesses(stage.storage);
      assert.ok(solver !== undefined, 'no solver owns a job');
      return Promise.resolve(solver);
    });
  }

  async function unharmed(): Promise<void> {
    await until('no job is left', () => solverProcesses(stage.storage).length === 0);
    assert.equal(sha256(file), original);
    assert.equal(await window.isDirty('model.onnx'), false);
    // There is nothing to propose.
    await proposal(await window.view('model')).waitFor({ state: 'hidden' });
  }

  it('cancels a run from its notification', async () => {
    await start();
    await window.picture('run under way');
    await window.notification('Lethe: unlearning').getByText('Cancel').click();
    await window.status(/Epoch/).waitFor({ state: 'detached' });
    await unharmed();
  });

  it('cancels a run by the command', async () => {
    await start();
    await window.command('Lethe: Cancel Run');
    await window.status(/Epoch/).waitFor({ state: 'detached' });
    await unharmed();
  });

  it('survives the death of its solver, and offers the log', async () => {
    const solver = await start();
    process.kill(solver, 'SIGKILL');
    const failure = window.notification(/solver process ended/);
    await failure.waitFor();
    const toasts = window.page.locator('.notification-toast').filter({ hasText: /solver/ });
    await eventually(async () => assert.equal(await toasts.count(), 1));
    await window.picture('solver killed');
    await failure.getByText('Show Log').click();
    // Which log is shown; its lines need a native module of VS Code that the server here is without.
    const shown = window.page.locator('.part.panel select.monaco-select-box option:checked').first();
    await until('the log of Lethe is shown', async () => (await shown.textContent()) === 'Lethe');
    await unharmed();
  });

  it('finds its run again after the window was reloaded', async () => {
    const solver = await start();
    await window.reload();
    await window.status(/Epoch \d+ of 400/).waitFor({ timeout: 60_000 });
    assert.deepEqual(solverProcesses(stage.storage), [solver], 'the same process goes on');
    await window.picture('run found after reload');
    await window.command('Lethe: Cancel Run');
    await window.status(/Epoch/).waitFor({ state: 'detached' });
    await until('no job is left', () => solverProcesses(stage.storage).length === 0);
    assert.equal(sha256(file), original);
  });
});
