import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import { CancelledError, LetheError, UsageError } from '../../src/shared/errors';
import type { RunResult } from '../../src/shared/report';
import { cancelRequest, helloRequest, type JobProgress } from '../../src/shared/solverProtocol';
import { SolverClient, SolverEndedError } from '../../src/client/solverClient';
import { clearOldJobs, JobFolder } from '../../src/client/jobFolder';
import { processStart } from '../../src/client/processStart';
import { SolverServer, type SolverWork } from '../../src/solver/server';

const result = { output: 'o', method: 'gd' } as unknown as RunResult;
const request = { recipe: '/r.json', assignments: [] };

describe('solver channel', () => {
  let parent: string;
  let folder: JobFolder;
  // The server writes its log to stderr, which is the job's log file in a process of its own.
  const { error } = console;
  before(() => (console.error = () => undefined));
  after(() => (console.error = error));
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'lethe-jobs-'));
    folder = JobFolder.create(parent);
  });
  afterEach(() => {
    folder.remove();
    rmSync(parent, { recursive: true, force: true });
  });

  const serve = (run: SolverWork['run'], patience = { alone: 5000, afterEnd: 5000 }): Promise<void> =>
    new SolverServer(
      folder,
      { run, inspect: path => Promise.reject(new LetheError(`${path} is not there.`)) },
      patience,
    ).serve();

  it('hands over progress, log lines and the result, and ends when nobody is left', async () => {
    const served = serve(async (given, hooks) => {
      assert.deepEqual(given, request);
      hooks.log('a line');
      hooks.progress({ phase: 'unlearning', epoch: 1, epochs: 1, step: 1, steps: 1, loss: 0.5 });
      await sleep(10);
      return result;
    });
    const client = await SolverClient.attach(folder);
    const heard: (JobProgress | string)[] = [];
    client.follow({ progress: update => heard.push(update), log: line => heard.push(line) });
    await client.start(request);
    assert.deepEqual(await client.result(), result);
    assert.deepEqual(heard, [
      'a line',
      { phase: 'unlearning', epoch: 1, epochs: 1, step: 1, steps: 1, loss: 0.5 },
    ]);
    assert.equal(folder.readState().status, 'done');
    client.detach();
    await served;
    assert.equal(existsSync(folder.readAddress().socket), false);
  });

  it('goes on without its client, and a second client gets the present state and the result', async () => {
    let finish: () => void = () => undefined;
    const served = serve(async (_request, hooks) => {
      hooks.progress({ phase: 'unlearning', epoch: 3, epochs: 9, step: 3, steps: 9, loss: 1 });
      await new Promise<void>(resolve => (finish = resolve));
      return result;
    });
    const first = await SolverClient.attach(folder);
    await first.start(request);
    first.detach();
    await sleep(30);
    const second = await SolverClient.attach(folder);
    assert.equal(second.state.status, 'running');
    assert.equal(second.state.progress?.epoch, 3);
    await assert.rejects(second.start(request), /given its job before/);
    finish();
    assert.deepEqual(await second.result(), result);
    second.finish();
    await served;
    assert.equal(existsSync(folder.path), false);
  });

  it('keeps the result in the folder when nobody is there at the end', async () => {
    const served = serve(async () => {
      await sleep(40);
      return result;
    });
    const client = await SolverClient.attach(folder);
    await client.start(request);
    client.detach();
    await served;
    assert.deepEqual(folder.readState().result, result);
    await assert.rejects(SolverClient.attach(folder), /No solver process is running/);
  });

  it('cancels', async () => {
    const served = serve(async (_request, { signal }) => {
      while (!signal.aborted) await sleep(5);
      throw new CancelledError();
    });
    const client = await SolverClient.attach(folder);
    await client.start(request);
    await client.cancel();
    await assert.rejects(client.result(), CancelledError);
    client.finish();
    await served;
  });

  it('tells usage errors, failures and defects apart', async () => {
    const errors = [new UsageError('u'), new LetheError('f'), new TypeError('d')];
    for (const [index, thrownInside] of errors.entries()) {
      folder.remove();
      folder = JobFolder.create(parent);
      const served = serve(() => Promise.reject(thrownInside));
      const client = await SolverClient.attach(folder);
      await client.start(request);
      const thrown = await client.result().catch((reason: unknown) => reason as Error);
      assert.ok(thrown instanceof LetheError);
      assert.equal(thrown instanceof UsageError, index === 0);
      if (index < 2) assert.equal(thrown.message, thrownInside.message);
      else assert.match(thrown.message, /defect of Lethe \(d\).*solver\.log/);
      client.detach();
      await served;
    }
  });

  it('answers an inspection that fails with its sentence', async () => {
    const served = serve(() => Promise.resolve(result), { alone: 10, afterEnd: 10 });
    const client = await SolverClient.attach(folder);
    await assert.rejects(client.inspect('/m.onnx', false), (error: Error) => {
      assert.ok(error instanceof LetheError);
      assert.equal(error.message, '/m.onnx is not there.');
      return true;
    });
    client.detach();
    await served;
  });

  it('refuses whoever does not know the token', async () => {
    const served = serve(() => Promise.resolve(result), { alone: 50, afterEnd: 50 });
    const socket = createConnection(folder.readAddress().socket);
    const connection = createMessageConnection(
      new SocketMessageReader(socket),
      new SocketMessageWriter(socket),
    );
    connection.listen();
    await assert.rejects(connection.sendRequest(cancelRequest), /token/);
    await assert.rejects(connection.sendRequest(helloRequest, { token: 'guess' }), /not the token/);
    connection.dispose();
    socket.destroy();
    await served;
  });

  it('ends after a while when no client ever comes', async () => {
    const before = Date.now();
    await serve(() => Promise.resolve(result), { alone: 40, afterEnd: 40 });
    assert.ok(Date.now() - before < 4000);
  });

  it('keeps its folder to its owner and its socket path short', function () {
    if (process.platform === 'win32') return this.skip();
    assert.equal(statSync(folder.path).mode & 0o777, 0o700);
    const deep = join(parent, 'x'.repeat(60), 'y'.repeat(60));
    const far = JobFolder.create(deep);
    const { socket } = far.readAddress();
    assert.ok(Buffer.byteLength(socket) <= 100, socket);
    assert.equal(statSync(join(socket, '..')).mode & 0o077, 0);
    far.remove();
  });

  it('is cleared after a month unless somebody works on it', () => {
    const now = Date.now();
    const month = 31 * 24 * 3600 * 1000;
    clearOldJobs(parent, now);
    assert.ok(existsSync(folder.path));
    folder.lock();
    clearOldJobs(parent, now + month);
    assert.ok(existsSync(folder.path));
    rmSync(join(folder.path, 'lock'));
    clearOldJobs(parent, now + month);
    assert.ok(!existsSync(folder.path));
    folder = JobFolder.create(parent);
  });

  it('says when its program does not come up', async () => {
    const program = join(parent, 'broken.js');
    writeFileSync(program, 'console.error("no memory"); process.exit(3);');
    const thrown = await SolverClient.launch({ program, jobs: join(parent, 'jobs') }).catch(
      (error: unknown) => error as Error,
    );
    assert.ok(thrown instanceof SolverEndedError);
    assert.match(
      thrown.message,
      /^The solver process ended without a result \(exit code 3\); no file was changed/,
    );
    const log = /Its log: (.*)$/.exec(thrown.message)![1]!;
    assert.equal(readFileSync(log, 'utf8'), 'no memory\n');
  });

  it('is owned by one living process', () => {
    folder.lock();
    assert.equal(folder.owner(), process.pid);
    assert.throws(() => folder.lock(), /being worked on by process/);
    writeFileSync(join(folder.path, 'lock'), JSON.stringify({ pid: process.pid, started: 'another time' }));
    assert.equal(folder.owner(), null);
    folder.lock();
    assert.equal(processStart(2 ** 22 + 12345), null);
  });
});
