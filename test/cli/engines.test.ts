// A whole job on a TensorFlow.js model by either engine: the same steps, the same model, and a receipt that says which.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '../../src/tfjs/openModel';
import { readTensor } from '../../src/onnx/readTensor';
import { isStored } from '../../src/onnx/model';
import { encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import { GraphFixture } from '../tfjs/graphs';
import { Workplace } from './harness';

/** Two layers, with Atan2 (x, 1) for an activation where it should have no translation. */
function writeModel(folder: string, untranslated: boolean): void {
  const g = new GraphFixture();
  const hidden = g.node('MatMul', [g.input('x', [null, 4]), g.weight('w', [4, 6])]);
  const active = untranslated
    ? g.node('Atan2', [hidden, g.node('OnesLike', [hidden])])
    : g.node('Atan', [hidden]);
  const logits = g.node('_FusedMatMul', [active, g.weight('v', [6, 3]), g.weight('b', [3])], {
    fused_ops: ['BiasAdd'],
    num_args: 1,
    transpose_a: false,
    transpose_b: false,
  });
  g.output(g.node('Softmax', [logits])).write(folder);
}

function weightsOf(folder: string): Map<string, Float32Array> {
  const { initializers } = openModel(folder).graph;
  return new Map(
    ['w', 'v', 'b'].map(name => {
      const stored = initializers.get(name)!;
      return [name, (isStored(stored) ? readTensor(stored) : stored).data as Float32Array];
    }),
  );
}

describe('a job on a TensorFlow.js model', () => {
  const place = new Workplace();
  after(() => place.remove());

  before(() => {
    writeModel(place.at('model'), false);
    writeModel(place.at('odd'), true);
    const random = new Random(3);
    const count = 36;
    const x = Float32Array.from({ length: 4 * count }, () => random.normal());
    const y = BigInt64Array.from({ length: count }, (_, index) => BigInt(index % 3));
    const arrays = new Map([
      ['x', { dtype: 'float32' as const, dims: [count, 4], data: x }],
      ['y', { dtype: 'int64' as const, dims: [count], data: y }],
    ]);
    writeFileSync(place.at('data.npz'), encodeNpz(arrays));
    const recipe = {
      model: 'model',
      output: 'auto-out',
      data: { train: 'data.npz' },
      forget: { indices: [0, 4, 9] },
      method: { name: 'minnorm-og', epochs: 3, descentEpochs: 1, constraintSamples: 6, batchSize: 12 },
      threads: 1,
    };
    writeFileSync(place.at('recipe.unlearn.json'), JSON.stringify(recipe));
  });

  const run = async (...set: string[]): Promise<{ engine: string; stderr: string; output: string }> => {
    const args = set.flatMap(each => ['--set', each]);
    const { code, stdout, stderr } = await place.lethe('run', 'recipe.unlearn.json', '--json', ...args);
    assert.equal(code, 0, stderr);
    const { receipt, output } = JSON.parse(stdout) as { receipt: string; output: string };
    const { engine } = JSON.parse(readFileSync(receipt, 'utf8')) as { engine: string };
    return { engine, stderr, output };
  };

  it('is the same by ONNX Runtime and by TensorFlow.js', async () => {
    const ours = await run();
    const theirs = await run('engine=tfjs', 'output=tfjs-out');
    assert.deepEqual([ours.engine, theirs.engine], ['onnxruntime', 'tfjs']);
    assert.match(theirs.stderr, /TensorFlow\.js computes in plain JavaScript, as asked\./);
    const [mine, other] = [weightsOf(ours.output), weightsOf(theirs.output)];
    const original = weightsOf(place.at('model'));
    for (const [name, values] of mine) {
      const moved = Math.max(...values.map((value, at) => Math.abs(value - original.get(name)![at]!)));
      const apart = Math.max(...values.map((value, at) => Math.abs(value - other.get(name)![at]!)));
      assert.ok(moved > 1e-3 && apart <= 1e-3 * moved + 1e-5, `${name}: moved by ${moved}, ${apart} apart`);
    }
    const verified = await place.lethe('verify', join(place.at('tfjs-out.report'), 'receipt.json'), '--json');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });

  it('is done by TensorFlow.js where there is no translation', async () => {
    const found = await run('model=odd', 'output=odd-out');
    assert.equal(found.engine, 'tfjs');
    assert.match(found.stderr, /Atan2 Atan2_\d has no translation, so TensorFlow\.js computes\./);
    const plain = await run('output=plain-out');
    const [mine, other] = [weightsOf(found.output), weightsOf(plain.output)];
    for (const [name, values] of mine)
      values.forEach((value, at) =>
        assert.ok(Math.abs(value - other.get(name)![at]!) < 1e-3, `${name} ${at}`),
      );
  });

  it('refuses an engine that does not suit, and writes nothing', async () => {
    const before = place.snapshot();
    for (const [set, says] of [
      [
        ['model=odd', 'engine=onnxruntime'],
        /Atan2 \(Atan2_\d\) has no translation, so the model cannot be run/,
      ],
      [['engine=tfjs-node'], /@tensorflow\/tfjs-node cannot be used: .* choose the engine auto or tfjs/],
      [['engine=abacus'], /engine must be one of "auto", "onnxruntime", "tfjs", "tfjs-node"/],
    ] as const) {
      const args = [...set, 'output=none'].flatMap(each => ['--set', each]);
      const { code, stderr } = await place.lethe('run', 'recipe.unlearn.json', ...args);
      // Where tfjs-node is installed and works, it may run.
      if (code === 0 && set[0] === 'engine=tfjs-node') continue;
      assert.notEqual(code, 0);
      assert.match(stderr, says);
      assert.deepEqual(place.snapshot(), before);
    }
  });
});
