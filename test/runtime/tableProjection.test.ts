// Projections of models with an embedding table that is too large for a gradient of its own in every sample.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { Engine } from '../../src/runtime/engine';
import type { ParameterValues } from '../../src/runtime/contracts';
import { Random } from '../../src/tensor/random';
import { elementCount, int64, type Tensor } from '../../src/tensor/tensor';
import { node, normals } from '../autodiff/harness';

const [words, width, length, classes] = [3000, 4, 6, 3];

/** Words that are looked up, added to one another within a sample, and classified. */
async function withClassifier(use: (engine: Engine) => Promise<void>): Promise<void> {
  const random = new Random(8);
  const bytes = emitModel(
    {
      name: 'words',
      nodes: [
        node('Gather', ['table', 'ids'], ['rows']),
        node('Tanh', ['rows'], ['turned']),
        node('Flatten', ['turned'], ['flat'], { axis: 1 }),
        node('Gemm', ['flat', 'w', 'b'], ['logits']),
      ],
      inputs: [{ name: 'ids', dtype: 'int64', dims: ['N', length] }],
      outputs: [{ name: 'logits', dtype: 'float32', dims: ['N', classes] }],
      initializers: new Map([
        ['table', normals(random, [words, width])],
        ['w', normals(random, [length * width, classes])],
        ['b', normals(random, [classes])],
      ]),
      valueInfo: [],
    },
    { opsets: new Map([['', 17]]) },
  );
  const folder = mkdtempSync(join(tmpdir(), 'lethe-table-'));
  try {
    const path = join(folder, 'words.onnx');
    writeFileSync(path, bytes);
    const engine = await Engine.open(path);
    try {
      await use(engine);
    } finally {
      await engine.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Ids of few words, so that samples share some and repeat some. */
function sentences(samples: number): Tensor {
  const random = new Random(4);
  const dims = [samples, length];
  return int64(
    dims,
    Array.from(
      { length: elementCount(dims) },
      () => random.integer(9) * 300 - (random.integer(2) ? words : 0),
    ),
  );
}

const options = {
  strength: 1,
  kind: 'largest-logit',
  heads: [{ output: 'logits', loss: 'cross-entropy', weight: 1 }],
  random: Math.random,
} as const;

function flat(values: ParameterValues): number[] {
  return [...values.values()].flatMap(data => [...data]);
}

describe('projections with a large table', () => {
  it('leave the same parameters as explicit gradients', () =>
    withClassifier(async engine => {
      const samples = 5;
      const batch = { inputs: [sentences(samples)], labels: [int64([samples], [0, 1, 2, 0, 1])] };
      const start = engine.initialValues();
      const theta = flat(start);
      const found = await engine.perSampleGradients(start, batch.inputs);
      const rows = Array.from({ length: samples }, (_, sample) =>
        [...start.keys()].flatMap(name => {
          const { data } = found.get(name)!;
          const size = data.length / samples;
          return [...(data as Float32Array).subarray(sample * size, (sample + 1) * size)];
        }),
      );
      const dot = (a: readonly number[], b: readonly number[]): number =>
        a.reduce((sum, value, index) => sum + value * b[index]!, 0);
      // Gram–Schmidt, each row against the basis twice.
      const basis: number[][] = [];
      const without = (vector: readonly number[]): number[] =>
        [...basis, ...basis].reduce<number[]>(
          (rest, unit) => {
            const along = dot(rest, unit);
            return rest.map((value, index) => value - along * unit[index]!);
          },
          [...vector],
        );
      for (const row of rows) {
        const rest = without(row);
        const size = Math.sqrt(dot(rest, rest));
        basis.push(rest.map(value => value / size));
      }
      const want = without(theta).map((value, index) => theta[index]! - value);
      const scale = Math.max(...want.map(Math.abs));
      for (const solver of ['direct', 'matrix-free'] as const) {
        const values = engine.initialValues();
        const { columns } = await engine.project(values, batch, { ...options, solver });
        assert.equal(columns, samples);
        const worst = Math.max(...flat(values).map((value, index) => Math.abs(value - want[index]!)));
        assert.ok(worst < (solver === 'direct' ? 1e-4 : 2e-2) * scale, `${solver}: ${worst} of ${scale}`);
      }
    }));

  it('find a preconditioner in products of rows with the same id', () =>
    withClassifier(async engine => {
      const samples = 80;
      const labels = int64(
        [samples],
        Array.from({ length: samples }, (_, index) => index % classes),
      );
      const batch = { inputs: [sentences(samples)], labels: [labels] };
      const iterations = [];
      for (const precondition of [true, false]) {
        const values = engine.initialValues();
        const found = await engine.project(values, batch, {
          ...options,
          solver: 'matrix-free',
          precondition,
        });
        assert.ok(found.relativeResidual! <= 1.1e-3);
        iterations.push(found.iterations!);
      }
      assert.ok(iterations[0]! < 0.7 * iterations[1]!, `${iterations[0]} and ${iterations[1]} iterations`);
    }));
});
