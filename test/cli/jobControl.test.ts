import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunResult } from '../../src/shared/report';
import type { JobState } from '../../src/shared/solverProtocol';
import { Workplace, type Ended } from './harness';

const recipe = 'sine-poisoned/recipe.unlearn.json';
const endless = ['run', recipe, '--json', '--set', 'method.epochs=1000000', 'method.descentEpochs=0'];

describe('lethe run', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('sine-poisoned')));
  afterEach(() => place.remove());

  const lives = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !/\) Z /.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '');
    } catch {
      return false;
    }
  };
  const state = (): JobState =>
    JSON.parse(readFileSync(join(place.jobs()[0]!, 'state.json'), 'utf8')) as JobState;

  /** Waits until something holds. */
  async function until<T>(what: string, test: () => T | undefined | false): Promise<T> {
    for (let waited = 0; waited < 90_000; waited += 25) {
      try {
        const value = test();
        if (value !== undefined && value !== false) return value;
      } catch {
        // The job is not that far yet.
      }
      await sleep(25);
    }
    return assert.fail(`It took too long until ${what}.`);
  }

  /** Starts a job and waits until it unlearns; gives the solver's process id. */
  async function started(
    args: readonly string[],
  ): Promise<{ pid: number; interrupt(signal: NodeJS.Signals): void; ended: Promise<Ended> }> {
    const { child, ended } = place.start(args);
    await until('the job runs', () => state().progress?.epoch !== undefined);
    const { pid } = JSON.parse(readFileSync(join(place.jobs()[0]!, 'lock'), 'utf8')) as { pid: number };
    return { pid, interrupt: signal => child.kill(signal), ended };
  }

  it('is cancelled by Ctrl-C: nothing changes, no process and no job stays', async () => {
    const before = place.snapshot();
    const { pid, interrupt, ended } = await started(endless);
    interrupt('SIGINT');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 130, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /Cancelled\. No file was changed\.\n$/);
    await until('the solver has ended', () => !lives(pid));
    assert.deepEqual(place.snapshot(), before);
    assert.deepEqual(place.jobs(), []);
  });

  it('says in one sentence that its solver was killed, and where the log is', async () => {
    const before = place.snapshot();
    const { pid, ended } = await started(endless);
    process.kill(pid, 'SIGKILL');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 1);
    assert.equal(stdout, '');
    const last = stderr.trimEnd().split('\n').at(-1)!;
    assert.match(
      last,
      /^The solver process ended without a result \(killed by SIGKILL\); no file was changed/,
    );
    const log = /Its log: (.*)$/.exec(last)![1]!;
    assert.ok(existsSync(log), log);
    assert.deepEqual(place.snapshot(), before);
  });

  it('goes on when its client is killed, and keeps the result', async () => {
    const { pid, interrupt, ended } = await started([
      'run',
      recipe,
      '--set',
      // Long enough to be seen running: the state is written once a second.
      'method.epochs=4000',
      'method.descentEpochs=3995',
    ]);
    interrupt('SIGKILL');
    await ended;
    assert.ok(lives(pid));
    const finished = await until('the job is done', () => (state().status === 'done' ? state() : undefined));
    assert.ok(finished.result!.after.test!.maxError! > 0);
    assert.ok(existsSync(place.at('sine-poisoned', 'unlearned.onnx')));
    await until('the solver has ended', () => !lives(pid));
  });

  it('takes up an interrupted run with --resume and ends with the same bits as a whole one', async () => {
    process.env['LETHE_CHECKPOINT_SECONDS'] = '0.2';
    try {
      const args = ['run', recipe, '--set', 'method.epochs=2500', 'method.descentEpochs=2490'];
      const { pid, ended } = await started(args);
      await until('there is a checkpoint', () => existsSync(join(place.jobs()[0]!, 'checkpoint.bin')));
      process.kill(pid, 'SIGKILL');
      assert.equal((await ended).code, 1);
      const hash = async (...more: string[]): Promise<string> => {
        const { code, stderr } = await place.lethe(...args, ...more);
        assert.equal(code, 0, stderr);
        return place.snapshot().get('sine-poisoned/unlearned.onnx')!;
      };
      const other = await place.lethe('run', recipe, '--set', 'method.epochs=7', '--resume');
      assert.equal(other.code, 1);
      assert.match(other.stderr, /No run of .* was interrupted.*Run it without --resume\./);
      const resumed = await hash('--resume');
      assert.deepEqual(place.jobs(), []);
      assert.equal(await hash(), resumed);
    } finally {
      delete process.env['LETHE_CHECKPOINT_SECONDS'];
    }
  });

  it('converts a budget in seconds once, says to what, and stops there', async () => {
    const { code, stderr } = await place.lethe('run', recipe, '--set', 'budget={"seconds":0.001}');
    assert.equal(code, 1);
    assert.match(stderr, /The budget of 0\.001 s was converted to \d+ sample gradients once/);
    assert.match(stderr, /cost passed the budget: 0\.001 s are \d+ sample gradients on this machine/);
  });

  it('is replayed with the budget that its seconds were converted to', async () => {
    const args = ['method={"name":"auto"}', 'budget={"seconds":0.4,"share":0.002}', 'evaluation="basic"'];
    const { code, stdout, stderr } = await place.lethe('run', recipe, '--json', '--set', ...args);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as RunResult;
    assert.equal(result.budget!.seconds, 0.4);
    const receipt = place.at('sine-poisoned', 'unlearned.report', 'receipt.json');
    const verified = await place.lethe('verify', receipt, '--replay', '--json');
    assert.equal(verified.code, 0, verified.stdout);
    const { checks } = JSON.parse(verified.stdout) as { checks: { name: string; detail: string }[] };
    assert.match(checks.find(({ name }) => name === 'replay')!.detail, /bit by bit/);
    // Another conversion is another run: the recorded one is what was repeated.
    const claimed = JSON.parse(readFileSync(receipt, 'utf8')) as { budget: { sampleGradients: number } };
    claimed.budget.sampleGradients = 900;
    writeFileSync(receipt, JSON.stringify(claimed));
    const other = await place.lethe('verify', receipt, '--replay', '--json');
    assert.equal(other.code, 1);
    assert.match(other.stdout, /The run gives another model/);
  });

  it('stops when its cost passes the budget', async () => {
    const before = place.snapshot();
    const { code, stdout, stderr } = await place.lethe('run', recipe, '--set', 'budget={"share":0.0001}');
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /cost passed the budget: 0\.0001 of retraining is 250 sample gradients/);
    assert.deepEqual(place.snapshot(), before);
  });

  it('replayed by verify is cancelled by Ctrl-C, which is no failed check', async () => {
    const short = ['--set', 'method.epochs=2', 'method.descentEpochs=1'];
    const { code, stderr } = await place.lethe('run', recipe, ...short);
    assert.equal(code, 0, stderr);
    const receipt = place.at('sine-poisoned', 'unlearned.report', 'receipt.json');
    const content = JSON.parse(readFileSync(receipt, 'utf8')) as { recipe: { content: { method: object } } };
    Object.assign(content.recipe.content.method, { epochs: 1000000, descentEpochs: 0 });
    writeFileSync(receipt, JSON.stringify(content));
    const before = place.snapshot();
    const { child, ended } = place.start(['verify', receipt, '--replay', '--json']);
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await until('the replay runs', () => said.includes('Epoch 1 '));
    child.kill('SIGINT');
    const replayed = await ended;
    assert.equal(replayed.code, 130, replayed.stderr);
    assert.equal(replayed.stdout, '');
    assert.match(replayed.stderr, /Cancelled\. No file was changed\.\n$/);
    assert.doesNotMatch(replayed.stderr, /does not hold/);
    assert.deepEqual(place.snapshot(), before);
  });
});
