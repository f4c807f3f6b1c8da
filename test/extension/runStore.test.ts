import * as assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindingOfPath } from '../../src/extension/dataset/binding';
import { readOrder, writeOrder, type JobOrder } from '../../src/extension/runs/jobFile';
import { RunStore, type RunRecord } from '../../src/extension/runs/runStore';
import type { ModelMetrics, RunResult } from '../../src/shared/report';

const metrics: ModelMetrics = {
  retain: { count: 1, loss: 0 },
  forget: { count: 1, loss: 0 },
  test: null,
  membershipAuc: null,
  confidenceAuc: null,
};
const result: RunResult = {
  output: '/elsewhere/model.onnx',
  report: '/elsewhere/report',
  receipt: '/elsewhere/report/receipt.json',
  seconds: 1,
  method: 'gd',
  cost: { sampleGradients: 1, share: 0.1 },
  before: metrics,
  after: metrics,
  reference: null,
  projections: [],
};

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('the store of runs', () => {
  let root: string;
  let store: RunStore;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'lethe-runs-'));
    store = new RunStore(root);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function addRun(content: string, model = '/models/a.onnx', created = 1): Promise<RunRecord> {
    const pending = await store.newPending();
    writeFileSync(join(pending, 'model.onnx'), content);
    mkdirSync(join(pending, 'report'));
    return store.adopt(
      pending,
      { model, result, forgotten: [3, 5], binding: bindingOfPath('/data/train.npz', model) },
      created,
    );
  }

  it('names a run by the SHA-256 of its model and gives it paths of its own', async () => {
    const record = await addRun('weights');
    assert.equal(record.runId, sha256('weights'));
    assert.equal(readFileSync(store.modelPath(record.runId), 'utf8'), 'weights');
    assert.equal(record.result.output, store.modelPath(record.runId));
    assert.equal(record.result.receipt, join(store.folder(record.runId), 'report', 'receipt.json'));
    await store.verify(record.runId);
  });

  it('hashes external data as the viewer does', async () => {
    const pending = await store.newPending();
    writeFileSync(join(pending, 'model.onnx'), 'graph');
    writeFileSync(join(pending, 'model.onnx.data'), 'weights');
    const expected = sha256(`${sha256('graph')}  model.onnx\n${sha256('weights')}  model.onnx.data\n`);
    assert.equal(await store.adoptOriginal(pending), expected);
    assert.equal(readFileSync(store.snapshotPath(expected), 'utf8'), 'graph');
  });

  it('reads its records again, the newest first, and leaves out what it cannot read', async () => {
    await addRun('old', '/models/a.onnx', 1);
    await addRun('new', '/models/a.onnx', 2);
    await addRun('other', '/models/b.onnx', 3);
    mkdirSync(join(root, 'runs', 'f'.repeat(64)));
    mkdirSync(join(root, 'runs', 'notes'));
    const again = new RunStore(root);
    await again.load();
    assert.deepEqual(
      again.ofModel('/models/a.onnx').map(({ runId }) => runId),
      [sha256('new'), sha256('old')],
    );
    assert.equal(again.get(sha256('other'))?.model, '/models/b.onnx');
  });

  it('keeps one run of equal weights, the later record', async () => {
    await addRun('weights', '/models/a.onnx', 1);
    await addRun('weights', '/models/a.onnx', 2);
    await store.load();
    assert.deepEqual(
      store.ofModel('/models/a.onnx').map(({ created }) => created),
      [2],
    );
  });

  it('refuses a run that is gone or was changed', async () => {
    const { runId } = await addRun('weights');
    writeFileSync(store.modelPath(runId), 'weightz');
    await assert.rejects(store.verify(runId), /was changed/);
    await store.remove(runId);
    await assert.rejects(store.verify(runId), /no longer/);
    assert.equal(store.get(runId), undefined);
  });

  it('takes no name that leads elsewhere', async () => {
    assert.throws(() => store.modelPath('../../etc/passwd'), /names nothing/);
    await assert.rejects(store.dropPending(join(root, 'runs')), /no folder of a pending run/);
  });

  it('remembers which original a run was saved over, as long as it is there', async () => {
    const { runId } = await addRun('weights');
    assert.equal(await store.originalOf(runId), null);
    const pending = await store.newPending();
    writeFileSync(join(pending, 'model.onnx'), 'original');
    const original = await store.adoptOriginal(pending);
    await store.noteOriginal(runId, original);
    assert.equal(await store.originalOf(runId), original);
    rmSync(join(root, 'originals'), { recursive: true });
    assert.equal(await store.originalOf(runId), null);
  });

  it('evicts the oldest first, never what an open document or a backup needs', async () => {
    const runs: string[] = [];
    for (const [index, name] of ['one', 'two', 'three', 'four'].entries()) {
      const { runId } = await addRun(name.padEnd(10_000, '.'));
      utimesSync(store.folder(runId), index + 1, index + 1);
      runs.push(runId);
    }
    const [first, second, third, fourth] = runs as [string, string, string, string];
    await store.refer('document', process.pid, [first]);
    await store.refer('backup', null, [second]);
    assert.deepEqual(await store.evict(35_000), [third]);
    assert.deepEqual(await store.evict(0), [fourth]);
    assert.ok(existsSync(store.folder(first)) && existsSync(store.folder(second)));
    // The backup is dropped; the process that needed the other has ended.
    await store.refer('backup', null, []);
    await store.refer('document', 2 ** 22 + 1, [first]);
    assert.deepEqual((await store.evict(0)).sort(), [first, second].sort());
  });

  it('clears pending folders of jobs that ended long ago, and no others', async () => {
    const [old, fresh] = [await store.newPending(), await store.newPending()];
    const longAgo = Date.now() / 1000 - 40 * 24 * 3600;
    utimesSync(old, longAgo, longAgo);
    await store.evict(0);
    assert.equal(existsSync(old), false);
    assert.equal(existsSync(fresh), true);
  });
});

describe('what a job folder tells a window that was loaded anew', () => {
  const order: JobOrder = {
    version: 1,
    workspace: 'file:///data',
    recipe: '/data/recipe.unlearn.json',
    assignments: ['threads=2'],
    model: '/data/model.onnx',
    method: 'gd',
    samples: 3,
    pending: null,
    binding: bindingOfPath('/data/train.npz', '/data/model.onnx'),
  };
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'lethe-job-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the order, as it was written', () => {
    writeOrder(folder, order);
    assert.deepEqual(readOrder(folder), order);
  });

  it('is nothing for a job of the command line, or for a damaged file', () => {
    assert.equal(readOrder(folder), null);
    writeFileSync(join(folder, 'editor.json'), '{"version":1');
    assert.equal(readOrder(folder), null);
    writeFileSync(join(folder, 'editor.json'), '{"version":2}');
    assert.equal(readOrder(folder), null);
  });
});
