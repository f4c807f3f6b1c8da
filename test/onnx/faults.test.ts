// Disks that fill up, refuse and stop in the middle of a save: every file is as it was, or the save is completed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync, existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { realFiles, type FileOperations } from '../../src/onnx/fileOperations';
import { journalPath, recoverSave } from '../../src/onnx/journal';
import { readModel } from '../../src/onnx/reader';
import { saveModel } from '../../src/onnx/writer';
import { copyTo, inFolder, valuesOf } from './support';

class PowerCut extends Error {}

/** The file system, failing at the `at`-th call: once with a system error, or for good as if the power went. */
function failing(at: number, code: string | null): { files: FileOperations; calls: () => number } {
  let calls = 0;
  const guard = <A extends unknown[], R>(call: (...args: A) => R) => {
    return (...args: A): R => {
      calls++;
      if (code === null && calls >= at) throw new PowerCut();
      if (code !== null && calls === at) throw Object.assign(new Error(`${code}: no`), { code });
      return call(...args);
    };
  };
  const files: FileOperations = {
    create: guard(realFiles.create),
    write: guard((descriptor, bytes) => realFiles.write(descriptor, bytes.subarray(0, 4000))),
    sync: guard(realFiles.sync),
    close: descriptor => realFiles.close(descriptor),
    rename: guard(realFiles.rename),
    remove: guard(realFiles.remove),
  };
  return { files, calls: () => calls };
}

function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map(name => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

interface Case {
  readonly name: string;
  readonly target: string;
}
const cases: readonly Case[] = [
  { name: 'in place', target: 'cnn-external.onnx' },
  { name: 'under a new name', target: 'new.onnx' },
  { name: 'over another model with data', target: 'old.onnx' },
];

/** The model with external data, and an older save beside it. */
function prepare(folder: string): string {
  const path = copyTo(folder, 'cnn-external.onnx', 'cnn-external.bin');
  saveModel(readModel(path), new Map(), join(folder, 'old.onnx'));
  return path;
}

function newValues(path: string): Map<string, Float64Array> {
  const model = readModel(path);
  return new Map(
    ['conv.weight', 'fc.bias'].map(name => [
      name,
      valuesOf(model, name).map(value => Math.fround(value + 1)),
    ]),
  );
}

describe('saving on a failing disk', () => {
  for (const { name, target } of cases) {
    it(`leaves every file as it was when a call fails (${name})`, async () => {
      let sawFailures = 0;
      for (let at = 1; ; at++) {
        let done = false;
        await inFolder(folder => {
          const path = prepare(folder);
          const values = newValues(path);
          const before = snapshot(folder);
          const { files, calls } = failing(at, at % 2 ? 'ENOSPC' : 'EACCES');
          try {
            saveModel(readModel(path), values, join(folder, target), files);
          } catch (error) {
            sawFailures++;
            assert.equal((error as Error).name, 'ModelError');
            assert.match((error as Error).message, at % 2 ? /disk is full/ : /may not be written/);
            assert.deepEqual(snapshot(folder), before);
            return;
          }
          // Failures after everything is in place do not count against the save.
          for (const [key, wanted] of values)
            assert.deepEqual(valuesOf(readModel(join(folder, target)), key), wanted);
          done = calls() < at;
        });
        if (done) break;
      }
      assert.ok(sawFailures > 10);
    });

    it(`is completed or rolled back after a power cut (${name})`, async () => {
      const outcomes = new Set<string>();
      for (let at = 1; ; at++) {
        let done = false;
        await inFolder(folder => {
          const path = prepare(folder);
          const values = newValues(path);
          const before = snapshot(folder);
          const { files } = failing(at, null);
          try {
            saveModel(readModel(path), values, join(folder, target), files);
            done = true;
          } catch (error) {
            assert.ok(error instanceof PowerCut);
          }
          const journal = existsSync(journalPath(join(folder, target)));
          assert.equal(recoverSave(join(folder, target)), journal);
          const after = snapshot(folder);
          const kept = Object.fromEntries(
            Object.entries(after).filter(([file]) => !/\.lethe-(new|old)$/.test(file)),
          );
          if (JSON.stringify(kept) === JSON.stringify(before)) outcomes.add('old');
          else {
            for (const [key, wanted] of values)
              assert.deepEqual(valuesOf(readModel(join(folder, target)), key), wanted);
            outcomes.add('new');
          }
          // The next save cleans up and works.
          const again = readModel(path);
          saveModel(again, values, join(folder, target));
          assert.deepEqual(
            readdirSync(folder).filter(file => file.endsWith('.lethe-new')),
            [],
          );
        });
        if (done) break;
      }
      assert.deepEqual([...outcomes].sort(), ['new', 'old']);
    });
  }

  it('reads no model whose journal is damaged, and moves nothing out of the folder', async () => {
    await inFolder(folder => {
      const path = prepare(folder);
      const entry = { temporary: 'cnn-external.bin', target: '../stolen', backup: 'b' };
      for (const text of ['{', '{}', '{"files": [1]}', JSON.stringify({ process: 0, files: [entry] })]) {
        writeFileSync(journalPath(path), text);
        assert.throws(() => readModel(path), {
          name: 'ModelError',
          message: /interrupted save, but it is damaged/,
        });
      }
      assert.ok(existsSync(join(folder, 'cnn-external.bin')));
    });
  });

  it('waits for a save of another process, but not for one whose process is gone', async () => {
    await inFolder(folder => {
      const path = prepare(folder);
      const journal = (owner: number): void =>
        writeFileSync(journalPath(path), JSON.stringify({ process: owner, files: [] }));
      journal(process.ppid);
      assert.throws(() => readModel(path), { name: 'ModelError', message: /Another process is saving/ });
      const hourAgo = new Date(Date.now() - 3600_000);
      utimesSync(journalPath(path), hourAgo, hourAgo);
      readModel(path);
      assert.ok(!existsSync(journalPath(path)));
      journal(spawnSync(process.execPath, ['--version']).pid);
      readModel(path);
      assert.ok(!existsSync(journalPath(path)));
    });
  });
});
