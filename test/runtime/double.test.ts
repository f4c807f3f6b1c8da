// Models with float64 weights, against PyTorch's float64 numbers: fixtures that hold such, and all others once their
// weights are widened.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { readModel } from '../../src/onnx/reader';
import { materialise, upgradeGraph } from '../../src/onnx/upgrade';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { isFloating } from '../../src/tensor/dtype';
import { castTensor, elementCount, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { Arrays, folder, largest, manifest, type Fixture } from './gradientFixtures';

/** Throws where a value is further from what is wanted than `bound` times the largest of its tensor. */
function assertClose(
  got: ReadonlyMap<string, ArrayLike<number>>,
  want: ReadonlyMap<string, Tensor>,
  bound: number,
): void {
  assert.deepEqual([...got.keys()].sort(), [...want.keys()].sort());
  const overall = Math.max(...[...want.values()].map(tensor => largest(toFloat64(tensor))));
  for (const [name, tensor] of want) {
    const expected = toFloat64(tensor);
    const found = got.get(name)!;
    assert.equal(found.length, expected.length, name);
    const error = largest(expected.map((value, index) => value - found[index]!));
    // Where a gradient vanishes, what is left is rounding of the others.
    const limit = bound * largest(expected) + 1e-3 * bound * overall;
    assert.ok(error <= limit, `${name} is off by ${error}, more than ${limit}`);
  }
}

function headsOf(engine: Engine, { losses }: Fixture): HeadLoss[] {
  const { outputs } = engine.model.graph;
  return losses.map((loss, index) => ({ output: outputs[index]!.name, loss, weight: 1 }));
}

function firstRows(tensor: Tensor, count: number): Tensor {
  const dims = [count, ...tensor.dims.slice(1)];
  return { dtype: tensor.dtype, dims, data: tensor.data.slice(0, elementCount(dims)) };
}

async function check(
  engine: Engine,
  arrays: Arrays,
  bounds: { loss: number; gradient: number },
): Promise<void> {
  const { fixture } = arrays;
  const inputs = arrays.numbered('input');
  const batch = { inputs, labels: arrays.numbered('label') };
  const values = engine.initialValues();
  for (const data of values.values()) assert.ok(data instanceof Float64Array);
  const got = await engine.lossGradient(values, batch, headsOf(engine, fixture));
  const loss = Number(arrays.named('loss.0').data[0]);
  const off = Math.abs(got.loss - loss) / Math.abs(loss);
  assert.ok(off <= bounds.loss, `the loss is off by ${off}`);
  assertClose(got.gradients, arrays.keyed('gradient'), bounds.gradient);
  const rows = inputs.map(input => firstRows(input, fixture.samples));
  const found = await engine.perSampleGradients(values, rows);
  const data = new Map([...found].map(([name, tensor]) => [name, toFloat64(tensor)]));
  assertClose(data, arrays.keyed('sample'), bounds.gradient);
}

describe('models with float64 weights', () => {
  const place = mkdtempSync(join(tmpdir(), 'lethe-double-'));
  after(() => rmSync(place, { recursive: true, force: true }));

  /** A model file with all floats of the fixture's widened. */
  function widened(name: string): string {
    const { graph, opsets } = upgradeGraph(readModel(join(folder, `${name}.onnx`)), 'float64');
    const initializers = new Map(
      [...graph.initializers].map(([key, tensor]) => {
        const read = materialise(tensor);
        return [key, isFloating(read.dtype) ? castTensor(read, 'float64') : read];
      }),
    );
    const file = join(place, `${name}.onnx`);
    writeFileSync(file, emitModel({ ...graph, initializers }, { opsets }));
    return file;
  }

  async function withModel(file: string, action: (engine: Engine) => Promise<void>): Promise<void> {
    const engine = await Engine.open(file, { threads: 2 });
    try {
      await action(engine);
    } finally {
      await engine.close();
    }
  }

  const isDouble = (name: string): boolean => name.startsWith('double-') || name === 'mlp-float64';
  /** Files whose numbers (a factor of an activation, an epsilon) were rounded to float32 when they were exported. */
  const rounded = /^(mlp-(celu|selu|gelu|gelu-tanh|hardsigmoid|leaky-relu)|encoder.*|gpt-tied)$/;
  /** What keeps the others from float64. */
  const obstacles: readonly string[] = ['Conv', 'LSTM', 'GRU', 'RNN'];

  for (const fixture of manifest.filter(({ name }) => isDouble(name) && name !== 'double-cnn'))
    it(`${fixture.name} gives PyTorch's numbers to ten digits`, () =>
      withModel(join(folder, `${fixture.name}.onnx`), async engine => {
        assert.equal(engine.float, 'float64');
        assert.deepEqual(engine.notes, []);
        const arrays = new Arrays(fixture);
        await check(engine, arrays, { loss: 1e-13, gradient: 1e-11 });
        const [output] = await engine.predict(engine.initialValues(), arrays.numbered('input'));
        assertClose(new Map([['y', toFloat64(output!)]]), new Map([['y', arrays.named('output.0')]]), 1e-12);
      }));

  it('widened models are computed in float64 where all operators can be', async () => {
    let [inDouble, inSingle] = [0, 0];
    for (const fixture of manifest.filter(({ name }) => !isDouble(name))) {
      await withModel(widened(fixture.name), async engine => {
        if (engine.float === 'float32') {
          inSingle++;
          const [note] = engine.notes;
          assert.match(note ?? '', new RegExp(`no float64 kernel for (${obstacles.join('|')}) \\(node`));
          return;
        }
        inDouble++;
        assert.deepEqual(engine.notes, []);
        // The gradients that these fixtures keep are rounded to float32, their losses are not.
        const loss = rounded.test(fixture.name) ? 1e-7 : 1e-12;
        await check(engine, new Arrays(fixture), { loss, gradient: 2e-7 }).catch((error: unknown) => {
          throw new Error(`${fixture.name}: ${(error as Error).message}`);
        });
      });
    }
    assert.ok(inDouble >= 45 && inSingle >= 50, `${inDouble}, ${inSingle}`);
  });

  it('a CNN falls back to float32 and says so', () =>
    withModel(join(folder, 'double-cnn.onnx'), engine => {
      assert.equal(engine.float, 'float32');
      assert.match(
        engine.notes[0] ?? '',
        /^The weight \S+ is float64, but ONNX Runtime has no float64 kernel for Conv \(node .+\), so the model is computed in float32\.$/,
      );
      for (const data of engine.initialValues().values()) assert.ok(data instanceof Float32Array);
      return Promise.resolve();
    }));

  it('freezing all float64 weights leaves the type', async () => {
    const engine = await Engine.open(join(folder, 'double-and-float.onnx'), { freeze: ['inner.*'] });
    try {
      assert.equal(engine.float, 'float64');
      assert.deepEqual([...engine.initialValues().keys()], ['table.weight']);
    } finally {
      await engine.close();
    }
  });

  for (const kind of ['largest-logit', 'all-outputs'] as const)
    for (const solver of ['direct', 'matrix-free'] as const)
      it(`a ${solver} projection on ${kind} is orthogonal to the gradients`, () =>
        withModel(join(folder, 'double-pieces-opset17.onnx'), async engine => {
          const arrays = new Arrays(manifest.find(({ name }) => name === 'double-pieces-opset17')!);
          const batch = { inputs: arrays.numbered('input'), labels: arrays.numbered('label') };
          const heads = headsOf(engine, arrays.fixture);
          const start = engine.initialValues();
          const moved: ParameterValues = engine.initialValues();
          const options = { strength: 1, kind, heads, random: () => 1, solver };
          const { residual, columns } = await engine.project(moved, batch, options);
          assert.equal(columns, kind === 'all-outputs' ? 30 : 6);
          assert.ok(residual < (solver === 'direct' ? 1e-12 : 1e-3), `residual ${residual}`);
          let change = 0;
          for (const [name, data] of moved)
            data.forEach((value, index) => (change += (value - start.get(name)![index]!) ** 2));
          assert.ok(change > 1e-3);
        }));
});
