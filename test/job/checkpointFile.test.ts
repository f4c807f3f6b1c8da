import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointFile } from '../../src/job/checkpointFile';
import { checkpointName } from '../../src/shared/solverProtocol';
import type { FloatArray } from '../../src/tensor/dtype';

describe('a checkpoint file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'lethe-checkpoint-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const arrays = new Map<string, FloatArray>([
    ['values/a', Float32Array.of(0.1, -0, 3e38)],
    ['values/b', Float64Array.of(0.1, -1e-300, 1e300)],
    ['moments/none', new Float64Array(0)],
    ['moments/last', Float32Array.of(7)],
  ]);

  it('gives back every bit of float32 and float64 arrays', () => {
    new CheckpointFile(folder, 'print').save({ state: { step: 3 }, arrays });
    const saved = new CheckpointFile(folder, 'print', folder).load();
    assert.deepEqual(saved, { state: { step: 3 }, arrays });
  });

  it('is refused where another run left it, and where it is damaged', () => {
    new CheckpointFile(folder, 'print').save({ state: {}, arrays });
    assert.throws(() => new CheckpointFile(folder, 'other', folder).load(), /belongs to another run/);
    const file = join(folder, checkpointName);
    writeFileSync(file, readFileSync(file).subarray(0, -1));
    assert.throws(() => new CheckpointFile(folder, 'print', folder).load(), /is damaged/);
  });
});
