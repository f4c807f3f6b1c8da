// Outputs that would take the place of something else: refused before anything is computed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { Workplace } from './harness';

const sine = 'sine-poisoned/recipe.unlearn.json';
const mnist = 'mnist-mislabelled/recipe.unlearn.json';

describe('where lethe writes', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('sine-poisoned', 'mnist-mislabelled')));
  afterEach(() => place.remove());

  /** Exit code 2, one sentence that matches, and every file as it was. */
  async function refused(message: RegExp, ...args: readonly string[]): Promise<void> {
    const before = place.snapshot();
    const ended = await place.lethe(...args);
    assert.equal(ended.code, 2, ended.stderr);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, message);
    assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
    assert.deepEqual(place.snapshot(), before);
  }

  it('never over an image that a manifest names', async () => {
    const lines: string[] = [];
    const folder = place.at('mnist-mislabelled', 'pictures');
    mkdirSync(folder);
    for (let index = 0; index < 6; index++) {
      const pixels = Buffer.alloc(28 * 28, index * 40);
      await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).toFile(`${folder}/${index}.png`);
      lines.push(`pictures/${index}.png,${index}`);
    }
    writeFileSync(place.at('mnist-mislabelled', 'man.csv'), ['path,label', ...lines, ''].join('\n'));
    const json = lines.map(line =>
      JSON.stringify({ image: line.split(',')[0], label: Number(line.split(',')[1]) }),
    );
    writeFileSync(place.at('mnist-mislabelled', 'man.jsonl'), json.join('\n'));
    const over = ['output=pictures/3.png', 'forget={"indices":[1]}'];
    await refused(
      /pictures.3\.png is an image of the training data/,
      'run',
      mnist,
      '--set',
      'data.train=man.csv',
      ...over,
    );
    await refused(/is an image of the test data/, 'run', mnist, '--set', 'data.test=man.jsonl', ...over);
    await refused(
      /is an image of the validation data/,
      'run',
      mnist,
      '--set',
      'data.validation=man.csv',
      ...over,
    );
  });

  it('never onto a pipe', async function () {
    if (process.platform === 'win32') return this.skip();
    const pipe = place.at('sine-poisoned', 'pipe.npy');
    execFileSync('mkfifo', [pipe]);
    await refused(/pipe\.npy is a named pipe/, 'run', sine, '--set', 'output=pipe.npy');
    const model = 'sine-poisoned/model.onnx';
    const out = ['--out', 'sine-poisoned/pipe.npy'];
    await refused(/pipe\.npy is a named pipe/, 'predict', model, '--data', 'sine-poisoned/test.csv', ...out);
    assert.ok(lstatSync(pipe).isFIFO());
  });

  it('never the report over the model, nor both in one place', async () => {
    writeFileSync(place.at('sine-poisoned', 'notes.txt'), 'text');
    await refused(/report/, 'run', sine, '--set', 'output=unlearned.report/report.json');
    await refused(/report/, 'run', sine, '--set', 'report=unlearned.onnx');
    await refused(/report/, 'run', sine, '--set', 'report=unlearned.onnx.data');
    await refused(
      /notes\.txt is a file, but the report becomes a folder/,
      'run',
      sine,
      '--set',
      'report=notes.txt',
    );
    assert.ok(!existsSync(place.at('sine-poisoned', 'unlearned.report')));
  });

  it('never an array into a folder of data or over what it is made from', async () => {
    mkdirSync(place.at('images', 'a'), { recursive: true });
    await sharp(Buffer.alloc(28 * 28), { raw: { width: 28, height: 28, channels: 1 } }).toFile(
      place.at('images', 'a', '0.png'),
    );
    const model = 'mnist-mislabelled/model.onnx';
    await refused(/lies inside/, 'predict', model, '--data', 'images', '--out', 'images/a/p.npy');
    const data = 'mnist-mislabelled/test.npz';
    await refused(/never replaces/, 'predict', model, '--data', data, '--out', data);
  });
});
