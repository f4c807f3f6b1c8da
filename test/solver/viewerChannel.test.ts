// The viewer as an editor meets it: a process of its own, asked over its standard streams.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CancellationTokenSource,
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { ViewerClient, ViewerDefectError, ViewerEndedError } from '../../src/client/viewerClient';
import { CancelledError, LetheError } from '../../src/shared/errors';
import {
  cardsRequest,
  closeDatasetRequest,
  compareRequest,
  datasetColumnsRequest,
  diagnoseRequest,
  forgetFileRequest,
  openDatasetRequest,
  overviewRequest,
  predictionsRequest,
  preprocessRequest,
  saveWeightsRequest,
  snapshotRequest,
  summariesRequest,
  summaryNotification,
  viewerProgressNotification,
  type ViewerFailure,
} from '../../src/shared/viewerProtocol';
import { serveViewer } from '../../src/solver/viewer';
import { writeHollowModel } from '../onnx/support';

const root = join(__dirname, '..', '..', '..');
const program = join(root, 'dist', 'solver.js');
const mnist = (name: string): string => join(root, 'samples', 'mnist-mislabelled', name);

describe('viewer process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-viewer-'));
  const clients: ViewerClient[] = [];
  const start = async (log: (line: string) => void = () => undefined): Promise<ViewerClient> => {
    const client = await ViewerClient.start(program, log);
    clients.push(client);
    return client;
  };
  afterEach(() => clients.splice(0).forEach(client => client.dispose()));
  after(() => rmSync(folder, { recursive: true }));

  it('answers every question of the protocol', async () => {
    const client = await start();
    const model = join(folder, 'model.onnx');
    copyFileSync(mnist('model.onnx'), model);
    const overview = await client.request(overviewRequest, { path: model });
    const told: string[] = [];
    client.onNotification(summaryNotification, ({ path, summary }) => told.push(`${path} ${summary.name}`));
    const summaries = await client.request(summariesRequest, { path: model, bins: 12 });
    assert.deepEqual(
      told,
      summaries.map(({ name }) => `${model} ${name}`),
    );
    assert.deepEqual(
      summaries.map(({ name }) => name),
      overview.parameters.map(({ name }) => name),
    );

    const progress: string[] = [];
    client.onNotification(viewerProgressNotification, ({ what }) => progress.push(what));
    const other = mnist('retrained.onnx');
    const comparison = await client.request(compareRequest, { a: model, b: other, bins: 8, largest: 2 });
    assert.equal(comparison.tensors.length, summaries.length);
    assert.ok(progress.includes('Comparing weights'));

    const source = { source: mnist('train.npz'), classes: null, model, preprocess: { scale: 1 / 255 } };
    const { id, size } = await client.request(openDatasetRequest, source);
    assert.equal((await client.request(datasetColumnsRequest, { id })).labels?.length, size);
    const [card] = await client.request(cardsRequest, { id, indices: [5], size: 28 });
    assert.match(card?.thumbnail ?? '', /^data:image\/png;base64,/);
    const forget = await client.request(forgetFileRequest, { id, file: mnist('forget.csv') });
    assert.equal(forget.length, 100);
    const predictions = await client.request(predictionsRequest, { id, model });
    assert.equal(predictions.predicted.length, size);
    assert.ok(progress.includes('Predicting'));
    const [best] = await client.request(preprocessRequest, { id, model });
    assert.equal(best?.name, '1/255');
    const diagnosis = await client.request(diagnoseRequest, { id, model, forgotten: forget });
    assert.deepEqual(diagnosis.samples, { train: 2000, retained: 1900, accessible: 1900, forgotten: 100 });
    assert.equal(diagnosis.interpolates, true);
    assert.ok(progress.includes('Measuring gradients'));
    assert.equal(await client.request(closeDatasetRequest, { id }), null);
    await assert.rejects(client.request(datasetColumnsRequest, { id }), /no longer open/);

    const kept = join(folder, 'kept');
    const { sha256 } = await client.request(snapshotRequest, { path: model, folder: kept });
    assert.match(sha256, /^[0-9a-f]{64}$/);
    const saved = await client.request(saveWeightsRequest, {
      base: model,
      weights: other,
      target: model,
      stamp: overview.stamp,
    });
    assert.notEqual(saved.stamp, overview.stamp);
    assert.deepEqual(readFileSync(model), readFileSync(other));
    assert.deepEqual(readFileSync(join(kept, 'model.onnx')), readFileSync(mnist('model.onnx')));
  });

  it('gives the sentence of what went wrong, and stays', async () => {
    const client = await start();
    const broken = join(folder, 'broken.onnx');
    writeFileSync(broken, 'not a model');
    await assert.rejects(
      client.request(overviewRequest, { path: broken }),
      (error: unknown) =>
        error instanceof LetheError && error.name === 'LetheError' && error.message.includes(broken),
    );
    const overview = await client.request(overviewRequest, { path: mnist('model.onnx') });
    assert.equal(overview.opset, 13);
  });

  it('tells a defect with a sentence, and its stack to the log', async () => {
    const log: string[] = [];
    const client = await start(line => log.push(line));
    // What no caller that was compiled can send.
    const wrong = { path: null } as unknown as { path: string };
    await assert.rejects(client.request(overviewRequest, wrong), (error: unknown) => {
      assert.ok(error instanceof ViewerDefectError);
      assert.match(
        error.message,
        /^Lethe met a defect of its own \(.*\)\. Lethe's log tells where; please report it\.$/,
      );
      return true;
    });
    for (let waited = 0; waited < 5000 && !log.some(line => line.includes('    at ')); waited += 20)
      await sleep(20);
    assert.match(log.join('\n'), /viewer\/overview failed: TypeError[\s\S]* {4}at /);
  });

  it('reads a model of gigabytes in little memory, answers others meanwhile, and stops when asked to', async function () {
    if (process.platform === 'win32') this.skip();
    const client = await start();
    const huge = join(folder, 'huge.onnx');
    writeHollowModel(huge, 500_000_000);
    const begun = performance.now();
    const overview = await client.request(overviewRequest, { path: huge });
    assert.equal(overview.bytes > 2e9, true);
    assert.ok(performance.now() - begun < 5000, 'the overview waits for tensor bytes');

    const source = new CancellationTokenSource();
    const work = client.request(summariesRequest, { path: huge, bins: 64 }, source.token);
    work.catch(() => undefined);
    await sleep(500);
    const other = await client.request(overviewRequest, { path: mnist('model.onnx') });
    assert.equal(other.parameters.length, 8);
    if (process.platform === 'linux') {
      const status = readFileSync(`/proc/${client.processId}/status`, 'utf8');
      const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
      assert.ok(kilobytes < 400_000, `${kilobytes} kB in use`);
    }
    const asked = performance.now();
    source.cancel();
    await assert.rejects(work, CancelledError);
    assert.ok(performance.now() - asked < 3000, 'cancelling took long');
    await assert.rejects(
      client.request(summariesRequest, { path: huge, bins: 64 }, source.token),
      CancelledError,
    );
  });

  it('ends a question with a sentence when it is killed, and another can be started', async () => {
    const client = await start();
    const exits: string[] = [];
    client.onExit(sentence => exits.push(sentence));
    await client.request(overviewRequest, { path: mnist('model.onnx') });
    const huge = join(folder, 'killed.onnx');
    writeHollowModel(huge, 500_000_000);
    const work = client.request(summariesRequest, { path: huge, bins: 64 });
    work.catch(() => undefined);
    process.kill(client.processId!, 'SIGKILL');
    await assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof ViewerEndedError);
      assert.match(
        error.message,
        /ended unexpectedly \(killed by SIGKILL\)\. No file was changed; try again\./,
      );
      return true;
    });
    await sleep(0);
    assert.equal(exits.length, 1);
    await assert.rejects(client.request(overviewRequest, { path: mnist('model.onnx') }), ViewerEndedError);
    const next = await start();
    assert.equal((await next.request(overviewRequest, { path: mnist('model.onnx') })).opset, 13);
  });

  it('ends when its input does, and writes nothing but the channel to its output', async () => {
    const child = spawn(process.execPath, [program, 'view'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    connection.listen();
    await connection.sendRequest(overviewRequest, { path: mnist('model.onnx') });
    const ended = once(child, 'exit');
    child.stdin.end();
    assert.deepEqual(await ended, [0, null]);
    assert.match(Buffer.concat(output).toString(), /^Content-Length: \d+\r\n\r\n\{/);
    connection.dispose();
  });

  it('is not told of when its client ends it', async () => {
    const client = await start();
    const exits: string[] = [];
    client.onExit(sentence => exits.push(sentence));
    const pid = client.processId!;
    client.dispose();
    await assert.rejects(client.request(overviewRequest, { path: mnist('model.onnx') }), ViewerEndedError);
    const alive = (): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    for (let waited = 0; waited < 10_000 && alive(); waited += 20) await sleep(20);
    assert.equal(alive(), false);
    assert.deepEqual(exits, []);
  });

  it('is missed with a sentence', async () => {
    await assert.rejects(
      ViewerClient.start(join(folder, 'none.js'), () => undefined),
      (error: unknown) =>
        error instanceof ViewerEndedError && /none\.js is missing.*Install Lethe again/.test(error.message),
    );
  });

  it('sends failures over any pair of streams', async () => {
    const [there, back] = [new PassThrough(), new PassThrough()];
    const served = serveViewer(there, back);
    const connection = createMessageConnection(new StreamMessageReader(back), new StreamMessageWriter(there));
    connection.listen();
    await assert.rejects(connection.sendRequest(overviewRequest, { path: folder }), (error: unknown) => {
      assert.ok(error instanceof ResponseError);
      const failure = error.data as ViewerFailure;
      assert.equal(failure.kind, 'failed');
      assert.match(failure.message, /This is a folder, not a file\./);
      return true;
    });
    there.end();
    there.destroy();
    await served;
    connection.dispose();
  });
});
