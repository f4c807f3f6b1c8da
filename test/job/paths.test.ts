import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOutputs, jobPaths } from '../../src/job/paths';
import { UsageError } from '../../src/shared/errors';
import { parseRecipe } from '../../src/shared/recipe';

describe('paths of a job', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lethe-paths-'));
    for (const name of ['model.onnx', 'reference.onnx', 'train.npz', 'forget.csv', 'r.unlearn.json']) {
      writeFileSync(join(folder, name), name);
    }
    mkdirSync(join(folder, 'images'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const check = (changes: object): void => {
    const recipe = parseRecipe(
      {
        model: 'model.onnx',
        output: 'out.onnx',
        reference: 'reference.onnx',
        data: { train: 'train.npz', test: 'images' },
        forget: { file: 'forget.csv' },
        ...changes,
      },
      'r',
    );
    checkOutputs(jobPaths(recipe, folder, join(folder, 'r.unlearn.json')));
  };

  it('puts the report beside the output', () => {
    const recipe = parseRecipe(
      { model: 'm', output: 'sub/out.onnx', data: { train: 't' }, forget: { file: 'f' } },
      'r',
    );
    assert.equal(jobPaths(recipe, folder, null).report, join(folder, 'sub', 'out.report'));
    check({});
  });

  it('refuses an output that the job reads, whatever it is called', () => {
    symlinkSync('model.onnx', join(folder, 'symbolic.onnx'));
    linkSync(join(folder, 'model.onnx'), join(folder, 'hard.onnx'));
    const outputs = ['model.onnx', './images/../model.onnx', 'symbolic.onnx', 'hard.onnx'];
    for (const output of [
      ...outputs,
      'reference.onnx',
      'train.npz',
      'forget.csv',
      'r.unlearn.json',
      'images/new.onnx',
      'images',
    ]) {
      assert.throws(() => check({ output }), UsageError, output);
    }
  });

  it('refuses a report where a file or the data is', () => {
    for (const report of ['train.npz', 'images', 'images/report', 'out.onnx']) {
      assert.throws(() => check({ report }), UsageError, report);
    }
    mkdirSync(join(folder, 'rep'));
    assert.throws(() => check({ report: 'rep', data: { train: 'rep/report.json' } }), /is the training data/);
  });
});
