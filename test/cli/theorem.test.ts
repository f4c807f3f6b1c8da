// A theorem of the paper, through the whole job on a model file.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { emitModel } from '../../src/onnx/emit';
import { isStored, type Graph } from '../../src/onnx/model';
import { readTensor } from '../../src/onnx/readTensor';
import { readModel } from '../../src/onnx/reader';
import type { RunResult } from '../../src/shared/report';
import { encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import type { FloatArray, FloatType } from '../../src/tensor/dtype';
import { allocateFloats, floats, toFloat64 } from '../../src/tensor/tensor';
import { Workplace } from './harness';

const [retained, width, condition] = [12, 40, 100];

describe('the projection, through the whole job', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace()));
  afterEach(() => place.remove());

  for (const [type, bounds] of Object.entries({
    float32: { residual: 1e-6, error: 1e-5 },
    float64: { residual: 1e-13, error: 1e-11 },
  }))
    it(`gives the least-norm solution X⁺y of a linear model exactly (T2), in ${type}`, () =>
      leastNormRun(type as FloatType, bounds));

  async function leastNormRun(
    type: FloatType,
    bounds: { readonly residual: number; readonly error: number },
  ): Promise<void> {
    const random = new Random(7);
    const theta = allocateFloats(type, width).map(() => random.normal());
    const rows = conditionedRows(random, type);
    const forgotten = allocateFloats(type, width).map(() => random.normal());
    // The trained model interpolates: labels are what it gives.
    const labels = [...rows, forgotten].map(row => dot(row, theta));

    writeFileSync(place.at('linear.onnx'), emitModel(linear(type, theta), { opsets: new Map([['', 17]]) }));
    const inputs = floats(
      type,
      [retained + 1, width],
      [...rows, forgotten].flatMap(row => [...row]),
    );
    const arrays = new Map([
      ['x', inputs],
      ['labels', floats(type, [retained + 1, 1], labels)],
    ]);
    writeFileSync(place.at('data.npz'), encodeNpz(arrays));
    const recipe = {
      model: 'linear.onnx',
      output: 'least.onnx',
      data: { train: 'data.npz' },
      forget: { indices: [retained] },
      loss: 'mse',
      method: {
        name: 'minnorm-og',
        epochs: 1,
        descentEpochs: 0,
        learningRate: 0,
        weightDecay: 0,
        projectionStrength: 1,
        constraintPool: 'retain',
        constraintKind: 'all-outputs',
        constraintSamples: retained,
      },
    };
    writeFileSync(place.at('recipe.json'), JSON.stringify(recipe));
    const { code, stdout, stderr } = await place.lethe('run', 'recipe.json', '--json');
    assert.equal(code, 0, stderr);
    const { projections } = JSON.parse(stdout) as RunResult;
    assert.equal(projections.length, 1);
    assert.deepEqual([projections[0]!.columns, projections[0]!.rank], [retained, retained]);
    assert.ok(projections[0]!.residual < bounds.residual);

    const expected = leastNorm(rows, labels.slice(0, retained));
    const stored = readModel(place.at('least.onnx')).graph.initializers.get('w')!;
    assert.ok(isStored(stored));
    const found = toFloat64(readTensor(stored));
    const error = Math.sqrt(found.reduce((sum, value, index) => sum + (value - expected[index]!) ** 2, 0));
    const norm = Math.sqrt(dot(expected, expected));
    assert.ok(error <= bounds.error * norm, `relative error ${error / norm}`);
    // The test means something only where the model was not that solution before.
    const before = [...theta].reduce((sum, value, index) => sum + (value - expected[index]!) ** 2, 0);
    assert.ok(Math.sqrt(before) > 0.5 * norm);
    assert.ok(readFileSync(place.at('least.onnx')).length === readFileSync(place.at('linear.onnx')).length);
  }
});

/** y = x w, with w of shape [width, 1]. */
function linear(type: FloatType, theta: FloatArray): Graph {
  const value = (name: string, dims: (number | string)[]) => ({ name, dtype: type, dims }) as const;
  const product = { name: 'product', opType: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['y'] };
  return {
    name: 'linear',
    nodes: [{ ...product, attributes: new Map() }],
    inputs: [value('x', ['batch', width])],
    outputs: [value('y', ['batch', 1])],
    initializers: new Map([['w', floats(type, [width, 1], theta)]]),
    valueInfo: [],
  };
}

/** Rows U diag(σ) Vᵀ with σ from 1 down to 1/condition. */
function conditionedRows(random: Random, type: FloatType): FloatArray[] {
  const left = orthonormal(retained, retained, random);
  const right = orthonormal(retained, width, random);
  return Array.from({ length: retained }, (_, row) =>
    allocateFloats(type, width).map((__, column) => {
      let sum = 0;
      for (let rank = 0; rank < retained; rank++) {
        sum += left[row]![rank]! * condition ** (-rank / (retained - 1)) * right[rank]![column]!;
      }
      return sum;
    }),
  );
}

/** `count` orthonormal vectors, by Gram and Schmidt, twice. */
function orthonormal(count: number, length: number, random: Random): number[][] {
  const vectors: number[][] = [];
  while (vectors.length < count) {
    let vector = Array.from({ length }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const share = dot(vector, other);
        vector = vector.map((value, index) => value - share * other[index]!);
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map(value => value / norm));
  }
  return vectors;
}

/** Xᵀ(XXᵀ)⁻¹y for independent rows, by elimination with pivots in float64. */
function leastNorm(rows: readonly ArrayLike<number>[], labels: readonly number[]): number[] {
  const system = rows.map((row, index) => [...rows.map(other => dot(row, other)), labels[index]!]);
  const size = rows.length;
  for (let step = 0; step < size; step++) {
    let pivot = step;
    for (let row = step; row < size; row++) {
      if (Math.abs(system[row]![step]!) > Math.abs(system[pivot]![step]!)) pivot = row;
    }
    [system[step], system[pivot]] = [system[pivot]!, system[step]!];
    for (let row = 0; row < size; row++) {
      if (row === step) continue;
      const factor = system[row]![step]! / system[step]![step]!;
      for (let column = step; column <= size; column++)
        system[row]![column]! -= factor * system[step]![column]!;
    }
  }
  const weights = system.map((row, index) => row[size]! / row[index]!);
  return Array.from({ length: width }, (_, column) =>
    rows.reduce((sum, row, index) => sum + weights[index]! * row[column]!, 0),
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
