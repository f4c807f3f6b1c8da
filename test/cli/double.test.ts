// Models with float64 weights through the whole command line.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStored } from '../../src/onnx/model';
import { readTensor } from '../../src/onnx/readTensor';
import { readModel } from '../../src/onnx/reader';
import type { ModelInspection } from '../../src/shared/inspection';
import type { RunResult } from '../../src/shared/report';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import { allocateFloats, elementCount, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { root, Workplace } from './harness';

const fixtures = join(root, 'test', 'fixtures', 'gradients');
const [train, test] = [24, 8];

describe('float64 models on the command line', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace()));
  afterEach(() => place.remove());

  const fixture = (name: string): string => {
    copyFileSync(join(fixtures, `${name}.onnx`), place.at(`${name}.onnx`));
    return `${name}.onnx`;
  };

  /** Random samples and classes in place of what the model was trained on. */
  function writeData(dims: readonly number[], classes: number): void {
    const random = new Random(5);
    for (const [name, count] of Object.entries({ train, test })) {
      const data = allocateFloats('float64', elementCount([count, ...dims])).map(() => random.normal());
      const labels = Int32Array.from({ length: count }, () => random.integer(classes));
      const arrays = new Map<string, Tensor>([
        ['x', { dtype: 'float64', dims: [count, ...dims], data }],
        ['labels', { dtype: 'int32', dims: [count], data: labels }],
      ]);
      writeFileSync(place.at(`${name}.npz`), encodeNpz(arrays));
    }
  }

  async function run(model: string, method: object, more: object = {}): Promise<RunResult> {
    const recipe = {
      model,
      output: 'out.onnx',
      data: { train: 'train.npz', test: 'test.npz' },
      forget: { indices: [0, 5, 7] },
      loss: 'cross-entropy',
      method: { epochs: 2, batchSize: 3, ...method },
      ...more,
    };
    writeFileSync(place.at('recipe.json'), JSON.stringify(recipe));
    const { code, stdout, stderr } = await place.lethe('run', 'recipe.json', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as RunResult;
  }

  function weights(model: string): Map<string, Tensor> {
    const { initializers } = readModel(place.at(model)).graph;
    return new Map(
      [...initializers].map(([name, tensor]) => [name, isStored(tensor) ? readTensor(tensor) : tensor]),
    );
  }

  for (const method of [
    { name: 'minnorm-og', projectionStrength: 0.5, descentEpochs: 1 },
    { name: 'gd', optimizer: 'sgd', learningRate: 0.01 },
  ])
    it(`${method.name} moves and saves all digits`, async () => {
      const model = fixture('double-pieces-opset17');
      writeData([7], 5);
      const result = await run(model, method, { parameters: { freeze: ['7.*'] } });
      for (const { residual } of result.projections) assert.ok(residual < 1e-12, `residual ${residual}`);
      assert.equal(result.projections.length > 0, method.name === 'minnorm-og');
      const [before, after] = [weights(model), weights('out.onnx')];
      let fine = 0;
      for (const [name, tensor] of after) {
        const [old, now] = [toFloat64(before.get(name)!), toFloat64(tensor)];
        if (name.startsWith('7.') || /running|num_batches/.test(name)) assert.deepEqual(now, old, name);
        else if (tensor.dims.length > 0 && /weight|bias/.test(name)) {
          assert.equal(tensor.dtype, 'float64');
          assert.notDeepEqual(now, old, name);
          fine += now.filter(value => Math.fround(value) !== value).length;
        }
      }
      assert.ok(fine > 200, `${fine} values have more digits than float32 holds`);

      // What was measured at the end is what the saved file gives.
      const evaluated = await place.lethe('evaluate', 'out.onnx', '--recipe', 'recipe.json', '--json');
      assert.equal(evaluated.code, 0, evaluated.stderr);
      const { metrics } = JSON.parse(evaluated.stdout) as { metrics: RunResult['after'] };
      assert.deepEqual(metrics, result.after);
      const predicted = await place.lethe('predict', 'out.onnx', '--recipe', 'recipe.json', '--out', 'p.npy');
      assert.equal(predicted.code, 0, predicted.stderr);
      const { dtype, dims } = decodeNpy(readFileSync(place.at('p.npy')), 'p.npy');
      assert.deepEqual({ dtype, dims }, { dtype: 'float64', dims: [test, 5] });
    });

  it('SalUn leaves every bit of the weights outside its mask', async () => {
    const model = fixture('mlp-float64');
    writeData([7], 5);
    await run(model, { name: 'salun', epochs: 1 });
    const [before, after] = [weights(model), weights('out.onnx')];
    const same = [...after].map(([name, tensor]) => {
      const old = toFloat64(before.get(name)!);
      return toFloat64(tensor).filter((value, index) => value === old[index]).length;
    });
    const all = [...after.values()].reduce((sum, { data }) => sum + data.length, 0);
    const kept = same.reduce((sum, count) => sum + count, 0);
    assert.ok(Math.abs(kept - all / 2) <= 2, `${kept} of ${all} kept`);
  });

  it('a CNN is computed in float32, says so, and keeps the digits of what did not move', async () => {
    const model = fixture('double-cnn');
    const inspected = await place.lethe('inspect', model, '--json');
    const { computed } = JSON.parse(inspected.stdout) as ModelInspection;
    assert.equal(computed.dtype, 'float32');
    assert.match(computed.reason ?? '', /no float64 kernel for Conv/);
    assert.ok((await place.lethe('inspect', model)).stdout.includes(computed.reason!));
    writeData([1, 12, 12], 5);
    await run(model, { name: 'salun', epochs: 1 });
    const [before, after] = [weights(model), weights('out.onnx')];
    let [kept, moved] = [0, 0];
    for (const [name, tensor] of after) {
      assert.equal(tensor.dtype, 'float64');
      const old = toFloat64(before.get(name)!);
      toFloat64(tensor).forEach((value, index) => {
        if (value === old[index]) kept++;
        else moved++;
        // What is the same to float32 has the same bits.
        assert.ok(value === old[index] || value !== Math.fround(old[index]!), name);
      });
    }
    assert.ok(kept > 100 && moved > 100, `${kept} kept, ${moved} moved`);
    const report = JSON.parse(readFileSync(place.at('out.report', 'report.json'), 'utf8')) as {
      warnings: string[];
    };
    assert.ok(report.warnings.includes(computed.reason!));
  });

  it('gradients are float64 for float64 parameters alone', async () => {
    const model = fixture('double-and-float');
    const arrays = decodeNpz(readFileSync(join(fixtures, 'double-and-float.npz')), 'f.npz');
    for (const name of ['input.0', 'label.0'])
      writeFileSync(place.at(`${name}.npy`), encodeNpy(arrays.get(name) as Tensor));
    const { code, stderr } = await place.lethe(
      ...['gradients', model, '--inputs', 'input.0.npy', '--labels', 'label.0.npy'],
      ...['--loss', 'cross-entropy', '--out', 'g.npz'],
    );
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    const found = decodeNpz(readFileSync(place.at('g.npz')), 'g.npz');
    assert.equal(found.size, 5);
    for (const [name, gradient] of found as Map<string, Tensor>) {
      assert.equal(gradient.dtype, name === 'table.weight' ? 'float32' : 'float64');
      const want = toFloat64(arrays.get(`gradient:${name}`) as Tensor);
      const scale = Math.max(...want.map(Math.abs));
      const bound = (name === 'table.weight' ? 1e-7 : 1e-12) * scale;
      toFloat64(gradient).forEach((value, index) => assert.ok(Math.abs(value - want[index]!) <= bound, name));
    }
  });
});
