import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModel } from '../../src/onnx/reader';
import { isStored } from '../../src/onnx/model';
import type { ModelInspection } from '../../src/shared/inspection';
import type { Evaluation } from '../../src/shared/evaluation';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy';
import { decodeNpz } from '../../src/tensor/npz';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';
import { root, Workplace } from './harness';

describe('lethe', () => {
  let place: Workplace;
  before(() => (place = new Workplace('mnist-mislabelled', 'sine-poisoned')));
  after(() => place.remove());
  const mnist = (name: string): string => `mnist-mislabelled/${name}`;
  const sine = (name: string): string => `sine-poisoned/${name}`;

  async function json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await place.lethe(...args, '--json');
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
    return JSON.parse(stdout) as T;
  }

  it('inspect describes a model', async () => {
    const plain = await json<ModelInspection>('inspect', mnist('model.onnx'));
    assert.equal(plain.format, 'onnx');
    assert.equal(plain.opset, 13);
    assert.deepEqual(plain.inputs, [{ name: 'image', dtype: 'float32', dims: ['batch', 1, 28, 28] }]);
    assert.deepEqual(plain.outputs, [{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }]);
    assert.deepEqual(plain.unsupported, []);
    assert.equal(
      plain.parameters.reduce((sum, { count }) => sum + count, 0),
      206922,
    );
    assert.ok(
      plain.parameters.every(
        ({ trainable, reason, norm }) => trainable && reason !== '' && norm === undefined,
      ),
    );
    const { parameters } = await json<ModelInspection>('inspect', mnist('model.onnx'), '--stats');
    for (const { norm, min, max, mean, std, count } of parameters) {
      assert.ok(min! <= mean! && mean! <= max!);
      // ‖x‖² = n (mean² + std²)
      assert.ok(Math.abs(norm! ** 2 - count * (mean! ** 2 + std! ** 2)) < 1e-6 * norm! ** 2);
    }
    const table = await place.lethe('inspect', mnist('model.onnx'));
    assert.match(table.stdout, /conv1\.weight +float32 +\[16, 1, 3, 3\] +144 +yes/);
  });

  it('predict writes what the model gives, by recipe and by data', async () => {
    const byRecipe = await place.lethe(
      'predict',
      mnist('model.onnx'),
      '--recipe',
      mnist('recipe.unlearn.json'),
      '--out',
      'p.npy',
    );
    assert.equal(byRecipe.code, 0, byRecipe.stderr);
    const logits = decodeNpy(readFileSync(place.at('p.npy')));
    assert.deepEqual(logits.dims, [1000, 10]);
    const labels = decodeNpz(readFileSync(place.at(mnist('test.npz')))).get('labels') as Tensor;
    let right = 0;
    for (let sample = 0; sample < 1000; sample++) {
      const row = logits.data.subarray(sample * 10, sample * 10 + 10) as Float32Array;
      if (row.indexOf(Math.max(...row)) === Number(labels.data[sample])) right++;
    }
    assert.equal(right, 911);
    const scale = '{"scale": 0.00392156862745098}';
    const byData = await place.lethe(
      'predict',
      mnist('model.onnx'),
      '--data',
      mnist('test.npz'),
      '--preprocess',
      scale,
      '--out',
      'q.npz',
    );
    assert.equal(byData.code, 0, byData.stderr);
    assert.deepEqual((decodeNpz(readFileSync(place.at('q.npz'))).get('logits') as Tensor).data, logits.data);
  });

  it('predict takes data that holds nothing but inputs', async () => {
    const lines = readFileSync(place.at(sine('test.csv')), 'utf8')
      .trim()
      .split(/\r?\n/);
    writeFileSync(place.at('inputs.csv'), lines.map(line => line.split(',')[0]).join('\n'));
    const labelled = await place.lethe(
      'predict',
      sine('model.onnx'),
      '--data',
      sine('test.csv'),
      '--out',
      'a.npy',
    );
    const bare = await place.lethe('predict', sine('model.onnx'), '--data', 'inputs.csv', '--out', 'b.npy');
    assert.equal(bare.code, 0, labelled.stderr + bare.stderr);
    assert.deepEqual(readFileSync(place.at('b.npy')), readFileSync(place.at('a.npy')));
  });

  it('gradients writes the gradient of a loss that finite differences confirm', async () => {
    writeFileSync(place.at('x.npy'), encodeNpy(float32([4, 1], [-3, -1, 0.5, 2])));
    writeFileSync(place.at('y.npy'), encodeNpy(float32([4, 1], [0.1, -0.4, 1, 0.2])));
    const { code, stderr } = await place.lethe(
      ...[
        'gradients',
        sine('model.onnx'),
        '--inputs',
        'x.npy',
        '--labels',
        'y.npy',
        '--loss',
        'mse',
        '--out',
        'g.npz',
      ],
    );
    assert.equal(code, 0, stderr);
    const gradients = decodeNpz(readFileSync(place.at('g.npz')));
    const inspection = await json<ModelInspection>('inspect', sine('model.onnx'));
    assert.deepEqual([...gradients.keys()].sort(), inspection.parameters.map(({ name }) => name).sort());
    const predict = async (model: string): Promise<number> => {
      await place.lethe('predict', model, '--data', 'x.npy', '--out', 'out.npy');
      const out = decodeNpy(readFileSync(place.at('out.npy'))).data as Float32Array;
      return [0.1, -0.4, 1, 0.2].reduce((sum, label, index) => sum + (out[index]! - label) ** 2, 0) / 4;
    };
    // The loss is quadratic in the bias of the last layer, so a central difference is exact but for rounding.
    const last = inspection.parameters.find(({ dims }) => dims.length === 1 && dims[0] === 1)!;
    const shifted = async (step: number): Promise<number> => {
      const bytes = readFileSync(place.at(sine('model.onnx')));
      const stored = readModel(place.at(sine('model.onnx'))).graph.initializers.get(last.name)!;
      assert.ok(isStored(stored));
      const { offset } = stored.ranges[0]!;
      bytes.writeFloatLE(bytes.readFloatLE(offset) + step, offset);
      writeFileSync(place.at('shifted.onnx'), bytes);
      return predict('shifted.onnx');
    };
    const difference = (await shifted(0.5)) - (await shifted(-0.5));
    const gradient = (gradients.get(last.name) as Tensor).data[0] as number;
    assert.ok(
      Math.abs(difference - gradient) < 1e-3 * Math.max(1, Math.abs(gradient)),
      `${difference} ${gradient}`,
    );
  });

  it('gradients --per-sample needs neither labels nor a loss', async () => {
    writeFileSync(place.at('x.npy'), encodeNpy(float32([3, 1], [-3, -1, 0.5])));
    const { code, stderr } = await place.lethe(
      ...['gradients', sine('model.onnx'), '--inputs', 'x.npy', '--per-sample', '--out', 's.npz'],
    );
    assert.equal(code, 0, stderr);
    const { parameters } = await json<ModelInspection>('inspect', sine('model.onnx'));
    const gradients = decodeNpz(readFileSync(place.at('s.npz')));
    for (const { name, dims } of parameters)
      assert.deepEqual((gradients.get(name) as Tensor).dims, [3, ...dims]);
    const last = parameters.find(({ dims }) => dims.length === 1 && dims[0] === 1)!;
    assert.deepEqual([...((gradients.get(last.name) as Tensor).data as Float32Array)], [1, 1, 1]);
  });

  it('gradients says which files do not fit', async () => {
    writeFileSync(place.at('wide.npy'), encodeNpy(float32([2, 3], [1, 2, 3, 4, 5, 6])));
    writeFileSync(place.at('three.npy'), encodeNpy(int64([3], [0, 1, 2])));
    writeFileSync(place.at('x.npy'), encodeNpy(float32([4, 1], [1, 2, 3, 4])));
    const run = (...args: string[]) =>
      place.lethe('gradients', sine('model.onnx'), '--out', 'no.npz', ...args);
    const cases: readonly [string[], number, RegExp][] = [
      [
        ['--inputs', 'wide.npy', '--per-sample'],
        1,
        /^wide\.npy has the shape \[2, 3\], but the input x .* takes \[.*, 1\]/,
      ],
      [['--inputs', 'x.npy', '--labels', 'three.npy', '--loss', 'mse'], 1, /3 values .* 4/],
      [['--inputs', 'x.npy', 'x.npy', '--per-sample'], 2, /2 input files were named, but .* has 1 input/],
      [['--inputs', 'x.npy'], 2, /--labels and --loss/],
      [['--inputs', 'x.npy', '--labels', 'x.npy', '--loss', 'hinge'], 2, /hinge/],
      [['--inputs', 'missing.npy', '--per-sample'], 1, /missing\.npy/],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stdout, stderr } = await run(...args);
      assert.equal(code, expected, stderr);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
  });

  it('run does the whole job, changes weight bytes only, and leaves a receipt that holds', async () => {
    const before = place.snapshot();
    const args = [
      'run',
      sine('recipe.unlearn.json'),
      '--set',
      'method.epochs=6',
      'method.descentEpochs=2',
      'method.projectionPeriod=1',
    ];
    const result = await json<RunResult>(...args);
    const keys = 'output report receipt seconds method cost before after reference projections evaluation';
    assert.deepEqual(Object.keys(result).sort(), keys.split(' ').sort());
    assert.equal(result.method, 'minnorm-og');
    assert.equal(result.before.retain.count, 50);
    assert.equal(result.before.forget.count, 5);
    assert.equal(result.before.test!.count, 1000);
    assert.ok(Math.abs(result.before.test!.maxError! - 44.4) < 0.05);
    assert.ok(Math.abs(result.reference!.test!.maxError! - 0.94) < 0.005);
    assert.notDeepEqual(result.after, result.before);
    assert.ok(result.cost.sampleGradients > 0);
    assert.ok(Math.abs(result.cost.share - result.cost.sampleGradients / (50000 * 50)) < 1e-12);
    assert.equal(result.projections.length, 4);
    for (const { columns, rank, residual, strength } of result.projections) {
      assert.ok(rank !== null && rank >= 1 && rank <= columns && strength > 0 && residual < 1e-3);
    }

    const original = readFileSync(place.at(sine('model.onnx')));
    const unlearned = readFileSync(place.at(sine('unlearned.onnx')));
    assert.equal(unlearned.length, original.length);
    const weights = [...readModel(place.at(sine('model.onnx'))).graph.initializers.values()].flatMap(
      tensor => (isStored(tensor) ? tensor.ranges : []),
    );
    let changed = 0;
    for (let at = 0; at < original.length; at++) {
      if (original[at] === unlearned[at]) continue;
      changed++;
      assert.ok(
        weights.some(({ offset, length }) => at >= offset && at < offset + length),
        `byte ${at}`,
      );
    }
    assert.ok(changed > 1000);

    const after = place.snapshot();
    for (const [name, hash] of before) assert.equal(after.get(name), hash, name);
    const added = [...after.keys()].filter(name => !before.has(name)).map(name => name.replaceAll('\\', '/'));
    const report = ['receipt.json', 'report.html', 'report.json'].map(name =>
      sine(`unlearned.report/${name}`),
    );
    assert.deepEqual(added.sort(), [sine('unlearned.onnx'), ...report].sort());
    assert.deepEqual(place.jobs(), []);

    const evaluated = await json<{ metrics: ModelMetrics; evaluation: Evaluation }>(
      'evaluate',
      sine('unlearned.onnx'),
      '--recipe',
      sine('recipe.unlearn.json'),
    );
    assert.deepEqual(evaluated.metrics, result.after);
    assert.deepEqual(
      result.evaluation?.models.map(({ name }) => name),
      ['original', 'unlearned', 'retrained'],
    );
    assert.deepEqual(evaluated.evaluation.models[1]?.toRetrained, result.evaluation.models[1]?.toRetrained);
    assert.match(result.evaluation.notes.join(), /only 5 forgotten samples/);
    const distance = await json<{ tensors: { name: string }[]; total: { delta: number } }>(
      ...['diff', sine('model.onnx'), sine('unlearned.onnx')],
    );
    assert.ok(distance.total.delta > 0);

    const receipt = sine('unlearned.report/receipt.json');
    const verified = await json<{ ok: boolean; checks: { name: string; ok: boolean; detail: string }[] }>(
      ...['verify', receipt, '--replay'],
    );
    assert.ok(verified.ok);
    assert.match(verified.checks.find(({ name }) => name === 'replay')!.detail, /bit by bit/);

    const csv = readFileSync(place.at(sine('train.csv')), 'utf8');
    const end = csv.trimEnd().length;
    assert.ok(csv.slice(0, end).endsWith(',1.5'));
    writeFileSync(place.at(sine('train.csv')), `${csv.slice(0, end - 1)}6${csv.slice(end)}`);
    const tampered = await place.lethe('verify', receipt, '--json');
    assert.equal(tampered.code, 1);
    const failed = (JSON.parse(tampered.stdout) as typeof verified).checks
      .filter(({ ok }) => !ok)
      .map(({ name }) => name);
    assert.ok(failed.includes('forgotten samples'), failed.join());
    assert.ok(!failed.includes('original model'), failed.join());
  });

  it('predict and gradients say in JSON what they wrote', async () => {
    const predicted = await json<{ out: string; outputs: object[] }>(
      ...['predict', mnist('model.onnx'), '--recipe', mnist('recipe.unlearn.json'), '--out', 'p.npz'],
    );
    assert.deepEqual(predicted, {
      out: place.at('p.npz'),
      outputs: [{ name: 'logits', dtype: 'float32', dims: [1000, 10] }],
    });
    writeFileSync(place.at('x.npy'), encodeNpy(float32([2, 1], [-3, 0.5])));
    const args = ['gradients', sine('model.onnx'), '--inputs', 'x.npy', '--out', 'g.npz'];
    interface Written {
      readonly out: string;
      readonly loss: number | null;
      readonly parameters: readonly { name: string; dtype: string; dims: number[] }[];
    }
    const mse = await json<Written>(...args, '--labels', 'x.npy', '--loss', 'mse');
    assert.equal(mse.out, place.at('g.npz'));
    assert.ok(mse.loss! > 0);
    const arrays = decodeNpz(readFileSync(place.at('g.npz')));
    assert.deepEqual(
      mse.parameters.map(({ name, dims }) => [name, dims]),
      [...arrays].map(([name, array]) => [name, array.dims]),
    );
    const each = await json<Written>(...args, '--per-sample');
    assert.equal(each.loss, null);
    assert.deepEqual(
      each.parameters.map(({ name, dims }) => [name, dims]),
      mse.parameters.map(({ name, dims }) => [name, [2, ...dims]]),
    );
  });

  it('gradients --freeze leaves parameters out, and warns of a name that is none', async () => {
    writeFileSync(place.at('x.npy'), encodeNpy(float32([2, 1], [-3, 0.5])));
    const { parameters } = await json<ModelInspection>('inspect', sine('model.onnx'));
    const [first, ...others] = parameters.map(({ name }) => name);
    const args = ['gradients', sine('model.onnx'), '--inputs', 'x.npy', '--per-sample', '--out', 'f.npz'];
    const { code, stderr } = await place.lethe(...args, '--freeze', first!, 'nothing.*');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^--freeze: "nothing\.\*" matches no parameter of the model\..*\n$/);
    assert.deepEqual([...decodeNpz(readFileSync(place.at('f.npz'))).keys()], others);
  });

  it('warns of globs that match nothing and of names of classes that are not the model’s', async () => {
    const sets = ['--set', 'data.classes=["a","b"]', 'parameters={"freeze":["conv*","fc9.*"]}'];
    const { code, stderr } = await place.lethe(
      ...['evaluate', mnist('model.onnx'), '--recipe', mnist('recipe.unlearn.json'), ...sets],
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /parameters\.freeze: "fc9\.\*" matches no parameter/);
    assert.match(stderr, /data\.classes names 2 classes, but the model has 10\./);
    assert.equal(stderr.trimEnd().split('\n').length, 2, stderr);
  });

  it('says in one sentence that a package is missing', async () => {
    // Copies outside the project find no node_modules.
    const programs = place.at('programs');
    cpSync(join(root, 'dist', 'cli.js'), join(programs, 'cli.js'));
    cpSync(join(root, 'dist', 'solver.js'), join(programs, 'solver.js'));
    for (const args of [
      ['predict', sine('model.onnx'), '--data', sine('test.csv'), '--out', 'none.npy'],
      ['run', sine('recipe.unlearn.json')],
    ]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(programs, 'cli.js'), ...args], {
        cwd: place.folder,
        env: { ...process.env, NODE_PATH: '', LETHE_HOME: place.at('home') },
        encoding: 'utf8',
      });
      assert.equal(status, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^The package onnxruntime-node cannot be loaded \(.*\)\. Run npm install .*\n$/);
      assert.doesNotMatch(stderr, /defect/);
    }
  });

  it('says how to use it, with exit code 2', async () => {
    const wrong: readonly [string[], RegExp][] = [
      [[], /Usage: lethe/],
      [['forget'], /unknown command 'forget'/],
      [['run'], /lethe run RECIPE/],
      [['run', 'missing.json'], /There is no recipe at .*missing\.json/],
      [['run', sine('recipe.unlearn.json'), '--set', 'method'], /path=value/],
      [['run', sine('recipe.unlearn.json'), '--colour'], /unknown option '--colour'/],
      [['predict', sine('model.onnx'), '--out', 'p.npy'], /--recipe or --data/],
      [['predict', sine('model.onnx'), '--data', sine('test.csv'), '--out', 'p.txt'], /\.npy/],
      [['inspect'], /missing required argument/],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await place.lethe(...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
    assert.equal((await place.lethe('--help')).code, 0);
  });
});
