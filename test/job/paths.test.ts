import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireNoneOf } from '../../src/job/overwrite';
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

  it('refuses outputs that need the same place', () => {
    for (const [output, report] of [
      ['rep/report.json', 'rep'],
      ['rep/receipt.json/model.onnx', 'rep'],
      ['out.onnx', 'out.onnx/rep'],
      ['out.onnx', 'out.onnx.data'],
      ['out.onnx', 'out.onnx.data/rep'],
      ['rep/../x/report.html', './x'],
    ]) {
      assert.throws(() => check({ output, report }), UsageError, `${output} and ${report}`);
    }
    check({ output: 'rep/model.onnx', report: 'rep' });
  });

  it('refuses what is no regular file, and a way that leads through a file', () => {
    mkdirSync(join(folder, 'rep', 'report.html'), { recursive: true });
    writeFileSync(join(folder, 'some.txt'), 'text');
    const refused = (changes: object, message: RegExp): void =>
      assert.throws(
        () => check(changes),
        (error: unknown) => error instanceof UsageError && message.test(error.message),
        message.source,
      );
    refused({ report: 'rep' }, /report\.html is a folder, but a file is to be written there/);
    refused({ report: 'some.txt' }, /some\.txt is a file, but the report becomes a folder/);
    refused({ report: 'some.txt/rep' }, /some\.txt is a file and no folder/);
    refused({ output: 'some.txt/out.onnx', report: 'new' }, /some\.txt is a file and no folder/);
    check({ output: 'some.txt', report: 'new' });
    if (process.platform === 'win32') return;
    for (const name of ['pipe', 'pipe2.data', 'pipe3']) execFileSync('mkfifo', [join(folder, name)]);
    refused({ output: 'pipe' }, /pipe is a named pipe, but a file .* "output"/);
    refused({ output: 'pipe2' }, /pipe2\.data is a named pipe/);
    refused({ report: 'pipe3' }, /pipe3 is a named pipe, but the report becomes a folder/);
  });

  it('refuses to write over one of very many files, by any of its names', () => {
    mkdirSync(join(folder, 'class'));
    const images = Array.from({ length: 50 }, (_, index) => join(folder, 'class', `${index}.png`));
    for (const image of images) writeFileSync(image, image);
    linkSync(images[7]!, join(folder, 'linked.onnx'));
    const at = (name: string): { path: string; key: string }[] => [
      { path: join(folder, name), key: '"output"' },
    ];
    for (const name of ['class/3.png', 'class/../class/49.png', 'linked.onnx']) {
      assert.throws(() => requireNoneOf(at(name), images, 'an image of the training data'), UsageError, name);
    }
    requireNoneOf(at('class/50.png'), images, 'an image of the training data');
    requireNoneOf(at('model.onnx'), images, 'an image of the training data');
  });
});
