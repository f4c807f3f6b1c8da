// Models with float64 weights, against PyTorch's float64 numbers: fixtures that hold such, and all others once their
// weights are widened.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import type { Graph } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { materialise, upgradeGraph } from '../../src/onnx/upgrade';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { isFloating } from '../../src/tensor/dtype';
import { castTensor, elementCount, floats, int64, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { node } from '../autodiff/harness';
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

  it('a classifier as scikit-learn exports it is computed in float64', async () => {
    const weight = floats('float64', [2, 3], [0.1, -0.2, 0.3, 0.4, 0.5, -0.6]);
    const classes = int64([3], [10, 20, 30]);
    const extract = {
      ...node('ArrayFeatureExtractor', ['classes', 'best'], ['picked']),
      domain: 'ai.onnx.ml',
    };
    const graph = {
      name: 'classifier',
      nodes: [
        node('MatMul', ['x', 'w'], ['z']),
        node('Softmax', ['z'], ['p'], { axis: -1 }),
        node('ArgMax', ['p'], ['best'], { axis: 1, keepdims: 0 }),
        extract,
        node('Reshape', ['picked', 'flat'], ['label']),
      ],
      inputs: [{ name: 'x', dtype: 'float64', dims: ['n', 2] } as const],
      outputs: [
        { name: 'label', dtype: 'int64', dims: ['n'] } as const,
        { name: 'p', dtype: 'float64', dims: ['n', 3] } as const,
      ],
      initializers: new Map([
        ['w', weight],
        ['classes', classes],
        ['flat', int64([1], [-1])],
      ]),
      valueInfo: [],
    };
    const file = join(place, 'classifier.onnx');
    const opsets = new Map([
      ['', 17],
      ['ai.onnx.ml', 1],
    ]);
    writeFileSync(file, emitModel(graph, { opsets }));
    await withModel(file, async engine => {
      const [label, p] = await engine.predict(engine.initialValues(), [
        floats('float64', [2, 2], [1, 2, -3, 1]),
      ]);
      assert.equal(engine.float, 'float64');
      assert.deepEqual([...label!.data], [10n, 20n]);
      const powers = [0.1 + 0.8, -0.2 + 1, 0.3 - 1.2].map(Math.exp);
      const sum = powers.reduce((total, value) => total + value, 0);
      powers.forEach((value, index) => assert.ok(Math.abs(Number(p!.data[index]) - value / sum) < 1e-15));
    });
  });

  it('what stands in the branches of an If is computed in float64 too', async () => {
    const branch = (name: string, opType: string, constant: Tensor): Graph => ({
      name,
      nodes: [
        node('Constant', [], [`${name}/c`], { value: { type: 'tensor', value: constant } }),
        node('Cast', [`${name}/c`], [`${name}/d`], { to: 11 }),
        node(opType, ['x', `${name}/d`], [`${name}/r`]),
        node('Softplus', [`${name}/r`], [`${name}/y`]),
      ],
      inputs: [],
      outputs: [{ name: `${name}/y`, dtype: 'float64', dims: null }],
      initializers: new Map(),
      valueInfo: [],
    });
    const graph: Graph = {
      name: 'branches',
      nodes: [
        node('If', ['yes'], ['h'], {
          then_branch: { type: 'graph', value: branch('then', 'Mul', floats('float64', [], [0.1])) },
          else_branch: { type: 'graph', value: branch('else', 'Add', floats('float32', [], [2])) },
        }),
        node('MatMul', ['h', 'w'], ['y']),
      ],
      inputs: [{ name: 'x', dtype: 'float64', dims: ['n', 2] }],
      outputs: [{ name: 'y', dtype: 'float64', dims: ['n', 1] }],
      initializers: new Map<string, Tensor>([
        ['w', floats('float64', [2, 1], [0.3, -0.7])],
        ['yes', { dtype: 'bool', dims: [], data: Uint8Array.of(1) }],
      ]),
      valueInfo: [],
    };
    const file = join(place, 'branches.onnx');
    writeFileSync(file, emitModel(graph, { opsets: new Map([['', 17]]) }));
    await withModel(file, async engine => {
      assert.equal(engine.float, 'float64');
      const inputs = [floats('float64', [1, 2], [1, -2])];
      const hidden = [0.1, -0.2].map(value => Math.log1p(Math.exp(value)));
      const [y] = await engine.predict(engine.initialValues(), inputs);
      assert.ok(Math.abs(Number(y!.data[0]) - (0.3 * hidden[0]! - 0.7 * hidden[1]!)) < 1e-15);
      const labels = [floats('float64', [1, 1], [0])];
      const heads = [{ output: 'y', loss: 'mse', weight: 1 }] as const;
      const { gradients } = await engine.lossGradient(engine.initialValues(), { inputs, labels }, heads);
      hidden.forEach((value, index) =>
        assert.ok(Math.abs(gradients.get('w')![index]! - 2 * Number(y!.data[0]) * value) < 1e-15),
      );
    });
  });

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
