import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStored } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { encodeNpy } from '../../src/tensor/npy';
import { encodeNpz } from '../../src/tensor/npz';
import { float32, int64, zeros } from '../../src/tensor/tensor';
import { Workplace } from './harness';

const sine = 'sine-poisoned/recipe.unlearn.json';
const mnist = 'mnist-mislabelled/recipe.unlearn.json';

describe('bad input', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('sine-poisoned', 'mnist-mislabelled')));
  afterEach(() => place.remove());

  /** The job must fail with one sentence that matches, print nothing, and leave every file as it was. */
  async function refused(message: RegExp, args: readonly string[], code = 1, shell?: string): Promise<void> {
    const before = place.snapshot();
    const ended = await place.start(args, shell).ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.equal(ended.stdout, '');
    const said = ended.stderr.split('\n').filter(line => line !== '' && !/^Epoch /.test(line));
    assert.equal(said.length, 1, ended.stderr);
    assert.match(said[0]!, message);
    assert.doesNotMatch(said[0]!, /defect|TypeError|undefined|lethe-partial/);
    assert.deepEqual(place.snapshot(), before);
    assert.deepEqual(place.jobs(), []);
  }

  const model = (): Buffer => readFileSync(place.at('sine-poisoned', 'model.onnx'));
  const bad = (content: Uint8Array | string): string[] => {
    writeFileSync(place.at('sine-poisoned', 'bad.onnx'), content);
    return ['run', sine, '--set', 'model=bad.onnx'];
  };

  it('a truncated model', async () => {
    await refused(/bad\.onnx/, bad(model().subarray(0, 200_000)));
  });

  it('an empty model', async () => {
    await refused(/bad\.onnx.*empty/i, bad(''));
  });

  it('a renamed file', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    await refused(/bad\.onnx.*PNG/i, bad(png));
  });

  it('a model that is not there', async () => {
    await refused(/nowhere\.onnx/, ['run', sine, '--set', 'model=nowhere.onnx']);
  });

  it('a model with an operator that has no gradient', async () => {
    const bytes = model();
    // Field 4 of a node, its operator, with the length of the name before it.
    const at = bytes.indexOf('\x22\x07Sigmoid', 0, 'latin1');
    assert.ok(at > 0);
    bytes.write('Sigmzzz', at + 2);
    await refused(/Sigmzzz/, bad(bytes));
  });

  it('a weight that is not a number', async () => {
    const bytes = model();
    const [name, tensor] = [...readModel(place.at('sine-poisoned', 'model.onnx')).graph.initializers].find(
      ([, candidate]) => isStored(candidate) && candidate.dtype === 'float32' && candidate.dims.length === 2,
    )!;
    assert.ok(isStored(tensor));
    bytes.writeFloatLE(NaN, tensor.ranges[0]!.offset + 4 * 5);
    await refused(
      new RegExp(`bad\\.onnx: The parameter ${name.replaceAll('.', '\\.')} holds NaN at element 5`),
      bad(bytes),
    );
  });

  it('an infinite weight, which gradients can leave out', async () => {
    const bytes = model();
    const [name, tensor] = [...readModel(place.at('sine-poisoned', 'model.onnx')).graph.initializers].find(
      ([, candidate]) => isStored(candidate) && candidate.dtype === 'float32' && candidate.dims.length === 2,
    )!;
    assert.ok(isStored(tensor));
    bytes.writeFloatLE(-Infinity, tensor.ranges[0]!.offset + 4 * 5);
    const run = bad(bytes);
    await refused(
      /parameter .* holds -Infinity at element 5.*"parameters": \{ "freeze": \["[^"]+"\] \}/,
      run,
    );
    assert.ok((await place.lethe(...run)).stderr.includes(JSON.stringify([name])));
    // It is no mask, so what it touches is not finite either: that is said of the results, and with the right name.
    writeFileSync(place.at('x.npy'), encodeNpy(float32([2, 1], [-3, 0.5])));
    const gradients = ['gradients', 'sine-poisoned/bad.onnx', '--inputs', 'x.npy', '--out', 'g.npz'];
    await refused(/The gradient by the parameter .* nothing was written/, [...gradients, '--per-sample']);
  });

  it('an array with values that are not finite', async () => {
    const npy = (file: string, values: readonly number[]): void =>
      writeFileSync(place.at(file), encodeNpy(float32([2, 1], [...values])));
    npy('x.npy', [1, 2]);
    npy('nan.npy', [1, NaN]);
    npy('inf.npy', [-Infinity, 1]);
    npy('huge.npy', [3e38, -3e38]);
    const gradients = (...args: string[]): string[] => [
      'gradients',
      'sine-poisoned/model.onnx',
      '--out',
      'g.npz',
      ...args,
    ];
    await refused(/^nan\.npy: element \[1, 0\] is NaN/, gradients('--inputs', 'nan.npy', '--per-sample'));
    const mse = (inputs: string, labels: string): string[] =>
      gradients('--inputs', inputs, '--labels', labels, '--loss', 'mse');
    await refused(/^inf\.npy: element \[0, 0\] is -Infinity/, mse('inf.npy', 'x.npy'));
    await refused(/^nan\.npy: element \[1, 0\] is NaN/, mse('x.npy', 'nan.npy'));
    await refused(
      /The mse of .* on x\.npy, huge\.npy is Infinity.*nothing was written/,
      mse('x.npy', 'huge.npy'),
    );
  });

  it('a column of numbers with a word in it', async () => {
    writeFileSync(place.at('one.csv'), 'x,y\nsix,0.5\n');
    writeFileSync(place.at('two.csv'), 'a,b,y\n1,six,0.5\n');
    const model = 'sine-poisoned/model.onnx';
    await refused(/one\.csv has no column of numbers/, [
      'predict',
      model,
      '--data',
      'one.csv',
      '--out',
      'p.npy',
    ]);
    // The model takes one value: without the label there would be two, and without the word none too many.
    const two = ['predict', 'mnist-mislabelled/model.onnx', '--data', 'two.csv', '--out', 'p.npy'];
    await refused(/two\.csv.*text and became no input: b \(line 2: 'six'\)/, two);
  });

  it('a label outside the classes', async () => {
    const labels = Array.from({ length: 20 }, (_, index) => (index === 13 ? 10 : index % 10));
    const arrays = new Map([
      ['images', zeros('float32', [20, 28, 28])],
      ['labels', int64([20], labels)],
    ]);
    writeFileSync(place.at('mnist-mislabelled', 'bad.npz'), encodeNpz(arrays));
    const sets = ['--set', 'data.train=bad.npz', 'forget={"indices":[1]}'];
    await refused(/bad\.npz.*sample 13.*10.*0 to 9/, ['run', mnist, ...sets]);
  });

  it('a forget index out of range', async () => {
    await refused(/position 1.*55.*train\.csv.*0 to 54/, ['run', sine, '--set', 'forget={"indices":[3,55]}']);
  });

  it('a forget index given twice', async () => {
    writeFileSync(place.at('sine-poisoned', 'twice.csv'), 'index\n3\n7\n3\n');
    await refused(/twice\.csv, line 4.*sample 3 was already given/, [
      'run',
      sine,
      '--set',
      'forget.file=twice.csv',
    ]);
  });

  it('an empty retain set', async () => {
    const all = JSON.stringify({ indices: Array.from({ length: 55 }, (_, index) => index) });
    await refused(/All 55 training samples/, ['run', sine, '--set', `forget=${all}`]);
  });

  it('a dataset whose shape does not fit', async () => {
    const arrays = new Map([
      [
        'images',
        float32(
          [4, 5],
          Array.from({ length: 20 }, () => 0),
        ),
      ],
      ['labels', int64([4], [0, 1, 2, 3])],
    ]);
    writeFileSync(place.at('mnist-mislabelled', 'bad.npz'), encodeNpz(arrays));
    await refused(/bad\.npz/, ['run', mnist, '--set', 'data.train=bad.npz', 'forget={"indices":[1]}']);
  });

  it('a recipe with a mistake in it', async () => {
    await refused(
      /^recipe\.unlearn\.json: method\.epochs must be a whole number of 1 or more; it is 0\.$/,
      ['run', sine, '--set', 'method.epochs=0'],
      2,
    );
    await refused(/did you mean method\.epochs\?$/, ['run', sine, '--set', 'method.epoch=3'], 2);
    writeFileSync(place.at('broken.json'), '{ "model": ');
    await refused(/^broken\.json is not JSON/, ['run', 'broken.json'], 2);
    await refused(
      /There is no recipe at broken\.json.inside/,
      ['evaluate', 'x.onnx', '--recipe', join('broken.json', 'inside')],
      2,
    );
  });

  it('an unknown method', async () => {
    await refused(/minnorm-og/, ['run', sine, '--set', 'method.name=minnorm'], 2);
  });

  it('an output that is the model, or anything else that is read', async () => {
    for (const output of ['model.onnx', 'retrained.onnx', 'train.csv', 'recipe.unlearn.json']) {
      await refused(/which a run never replaces/, ['run', sine, '--set', `output=${output}`], 2);
    }
  });

  it('a place too small for the model', async function () {
    if (process.platform === 'win32') return this.skip();
    // A limit on the size of files, in blocks of 512 bytes (1024 in some shells), stands for a disk that fills up.
    const sets = ['--set', 'method.epochs=2', 'method.descentEpochs=1'];
    await refused(/unlearned\.onnx/, ['run', sine, ...sets], 1, 'ulimit -f 200');
  });
});
