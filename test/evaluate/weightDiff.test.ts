import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiffError, diffModels } from '../../src/evaluate/weightDiff';
import { emitModel } from '../../src/onnx/emit';
import type { Graph, OnnxModel, OnnxNode } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { Random } from '../../src/tensor/random';
import { castTensor, float32, int64, type Tensor } from '../../src/tensor/tensor';

const samples = join(__dirname, '../../../samples');
const fixtures = join(__dirname, '../../../test/fixtures/gradients');

describe('diffModels', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-diff-'));
  after(() => rmSync(folder, { recursive: true }));
  let files = 0;

  /** A model file that holds the tensors as initializers and in Constant nodes. */
  function model(initializers: Record<string, Tensor>, constants: Record<string, Tensor> = {}): OnnxModel {
    const constant = ([name, value]: [string, Tensor]): OnnxNode => {
      const attributes = new Map([['value', { type: 'tensor', value } as const]]);
      return { name: '', opType: 'Constant', domain: '', inputs: [], outputs: [name], attributes };
    };
    const graph: Graph = {
      name: 'g',
      nodes: Object.entries(constants).map(constant),
      inputs: [],
      outputs: [{ name: 'w', dtype: 'float32', dims: null }],
      initializers: new Map(Object.entries(initializers)),
      valueInfo: [],
    };
    const path = join(folder, `${files++}.onnx`);
    writeFileSync(path, emitModel(graph, { opsets: new Map([['', 13]]) }));
    return readModel(path);
  }

  it('gives norms and distances of every floating tensor and of all together', () => {
    const a = model({ w: float32([2], [3, 4]), n: int64([1], [7]) }, { c: float32([2], [0, 12]) });
    const b = model({ w: float32([2], [3, 1]), n: int64([1], [9]) }, { c: float32([2], [4, 12]) });
    const { tensors, total } = diffModels(a, b);
    assert.deepEqual(tensors, [
      { name: 'w', normA: 5, normB: Math.sqrt(10), delta: 3, relative: 0.6, maxAbs: 3 },
      { name: 'c', normA: 12, normB: Math.sqrt(160), delta: 4, relative: 1 / 3, maxAbs: 4 },
    ]);
    assert.deepEqual(total, { normA: 13, normB: Math.sqrt(170), delta: 5, relative: 5 / 13, maxAbs: 4 });
  });

  it('has no relative distance from zero but to itself', () => {
    const zero = model({ w: float32([2], [0, 0]) });
    assert.equal(diffModels(zero, zero).total.relative, 0);
    assert.equal(diffModels(zero, model({ w: float32([2], [0, 1]) })).total.relative, null);
  });

  it('compares tensors longer than a chunk, of different types', () => {
    const random = new Random(4);
    const values = Float32Array.from({ length: 150_001 }, () => Math.round(random.normal() * 64) / 64);
    const single = float32([150_001], values);
    const double = castTensor(single, 'float64');
    (double.data as Float64Array)[150_000]! += 0.5;
    const half = castTensor(single, 'float16');
    assert.equal(diffModels(model({ w: single }), model({ w: half })).total.delta, 0);
    const { delta, maxAbs, normA } = diffModels(model({ w: single }), model({ w: double })).total;
    assert.deepEqual([delta, maxAbs], [0.5, 0.5]);
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    assert.ok(Math.abs(normA - norm) < 1e-9 * norm);
  });

  it('reads the same numbers from external data and from Constant nodes', () => {
    const plain = readModel(join(fixtures, 'cnn-opset13.onnx'));
    const external = readModel(join(fixtures, 'cnn-external-data.onnx'));
    const own = diffModels(plain, external);
    assert.equal(own.tensors.length, 8);
    assert.deepEqual([own.total.delta, own.total.maxAbs], [0, 0]);
    const nodes = readModel(join(fixtures, 'mlp-constant-nodes.onnx'));
    const dense = diffModels(readModel(join(fixtures, 'mlp-tanh.onnx')), nodes);
    assert.equal(dense.tensors.length, 6);
    assert.equal(dense.total.delta, 0);
  });

  it('agrees with NumPy on the MNIST sample and its retrained model', () => {
    const sample = join(samples, 'mnist-mislabelled');
    const { total } = diffModels(
      readModel(join(sample, 'model.onnx')),
      readModel(join(sample, 'retrained.onnx')),
    );
    const near = (got: number, want: number): void => assert.ok(Math.abs(got / want - 1) < 1e-9, `${got}`);
    near(total.normA, 19.722302316228298);
    near(total.normB, 14.774629531362862);
    near(total.delta, 24.61584929527761);
    near(total.relative!, 1.2481225011454522);
    near(total.maxAbs, 1.0073253810405731);
  });

  it('lists the first differences of models that do not match', () => {
    const a = model({ w: float32([2], [1, 2]), x: float32([1], [1]), y: float32([1], [1]) });
    const b = model({ w: float32([1, 2], [1, 2]), z: float32([1], [1]), q: float32([1], [1]) });
    assert.throws(
      () => diffModels(a, b),
      (error: unknown) =>
        error instanceof DiffError &&
        error.message.startsWith(`${a.path} and ${b.path} do not hold the same tensors: `) &&
        error.message.includes(
          'w is [2] in the first and [1, 2] in the second; x is only in the first; y is only in the first; and 2 more. ',
        ),
    );
  });
});
