// A TensorFlow.js model through every command.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Workplace } from './harness';

const recipe = 'mnist-tfjs/recipe.unlearn.json';
const short = ['--set', 'method.epochs=2', '--set', 'data.test=null', '--set', 'reference=null'];

describe('lethe with a TensorFlow.js model', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('mnist-mislabelled', 'mnist-tfjs')));
  afterEach(() => place.remove());

  async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
    const ended = await place.lethe(...args, '--json');
    assert.equal(ended.code, 0, ended.stderr);
    return JSON.parse(ended.stdout) as Record<string, unknown>;
  }

  it('unlearns, compares and verifies; a second run takes the place of the first', async () => {
    const inspected = await json('inspect', 'mnist-tfjs/model');
    assert.equal(inspected['format'], 'tfjs-layers');
    assert.deepEqual(inspected['unsupported'], []);
    const before = place.snapshot();
    for (const epochs of [1, 2]) {
      const ran = await json('run', recipe, ...short, '--set', `method.epochs=${epochs}`);
      assert.equal(ran['output'], place.at('mnist-tfjs', 'unlearned'));
    }
    const after = place.snapshot();
    for (const [name, sha256] of before) assert.equal(after.get(name), sha256, name);
    assert.deepEqual(readdirSync(place.at('mnist-tfjs', 'unlearned')).sort(), [
      '.lethe-model.json',
      'group1-shard1of1.bin',
      'model.json',
    ]);
    assert.deepEqual(
      readFileSync(place.at('mnist-tfjs', 'unlearned', 'model.json')),
      readFileSync(place.at('mnist-tfjs', 'model', 'model.json')),
    );
    const { total } = await json('diff', 'mnist-tfjs/model', 'mnist-tfjs/unlearned');
    assert.ok((total as { delta: number }).delta > 0);
    const verified = await json('verify', 'mnist-tfjs/unlearned.report/receipt.json', '--replay');
    assert.equal(verified['ok'], true, JSON.stringify(verified));
    const { metrics } = await json('evaluate', 'mnist-tfjs/unlearned/model.json', '--recipe', recipe);
    assert.ok((metrics as { retain: { accuracy: number } }).retain.accuracy > 0.9);
  });

  it('gives the numbers of the same model as an ONNX file', async () => {
    const accuracies = [];
    for (const [model, task] of [
      ['mnist-tfjs/model', recipe],
      ['mnist-mislabelled/model.onnx', 'mnist-mislabelled/recipe.unlearn.json'],
    ] as const) {
      const { metrics } = await json('evaluate', model, '--recipe', task);
      const { retain, test } = metrics as Record<string, { accuracy: number; loss: number }>;
      accuracies.push([retain!.accuracy, test!.accuracy, retain!.loss.toFixed(5)]);
    }
    assert.deepEqual(accuracies[0], accuracies[1]);
  });

  it('writes into no folder but an empty one or one of its own', async () => {
    mkdirSync(place.at('mine'));
    writeFileSync(place.at('mine', 'notes.txt'), 'mine');
    cpSync(place.at('mnist-tfjs', 'model'), place.at('copy'), { recursive: true });
    const before = place.snapshot();
    for (const [output, message] of [
      ['model', /model\.json is the model, which a run never replaces/],
      ['../mine', /mine is a folder with files that Lethe did not write/],
      ['../copy', /copy is a folder with files that Lethe did not write/],
      ['new.json', /new\.json ends like a file, but a TensorFlow\.js model is written as a folder/],
      ['recipe.unlearn.json', /recipe\.unlearn\.json/],
      ['../mnist-mislabelled', /mnist-mislabelled is a folder with files that Lethe did not write/],
    ] as const) {
      const ended = await place.lethe('run', recipe, ...short, '--set', `output=${output}`);
      assert.equal(ended.code, 2, `${output}: ${ended.stderr}`);
      assert.match(ended.stderr, message);
      assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
    }
    const inside = await place.lethe('run', recipe, ...short, '--set', 'report=unlearned/report');
    assert.equal(inside.code, 2);
    assert.match(inside.stderr, /lies inside .*unlearned, the folder of the model/);
    assert.deepEqual(place.snapshot(), before);
  });
});
