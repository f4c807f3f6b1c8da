// Models whose outputs are not one result a sample, or where samples influence each other.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import type { OnnxNode } from '../../src/onnx/model';
import { Engine } from '../../src/runtime/engine';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';
import { node } from '../autodiff/harness';

const folder = mkdtempSync(join(tmpdir(), 'lethe-batch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const weights = float32([2, 3], [0.3, -0.5, 0.2, 0.7, 0.1, -0.4]);
const inputs = [float32([3, 2], [1, 2, -1, 0.5, 0.3, -2])];
const heads = [{ output: 'y', loss: 'mse', weight: 1 }] as const;

async function open(
  name: string,
  nodes: OnnxNode[],
  constants: Record<string, Tensor> = {},
): Promise<Engine> {
  const path = join(folder, `${name}.onnx`);
  const graph = {
    name,
    nodes: [node('MatMul', ['x', 'w'], ['a']), ...nodes],
    inputs: [{ name: 'x', dtype: 'float32' as const, dims: ['n', 2] }],
    outputs: [{ name: 'y', dtype: 'float32' as const, dims: null }],
    initializers: new Map(Object.entries({ w: weights, ...constants })),
    valueInfo: [],
  };
  writeFileSync(path, emitModel(graph, { opsets: new Map([['', 18]]), irVersion: 8 }));
  return Engine.open(path);
}

describe('batches', () => {
  it('gives each sample its gradient in the whole batch where samples influence each other', async () => {
    const engine = await open('mixed', [node('Softmax', ['a'], ['y'], { axis: 0 })]);
    try {
      const values = engine.initialValues();
      const found = (await engine.perSampleGradients(values, inputs)).get('w')!;
      const largest = async (shift: Float32Array): Promise<number[]> => {
        const [y] = await engine.predict(new Map([['w', shift]]), inputs);
        const [original] = await engine.predict(values, inputs);
        return [0, 1, 2].map(sample => {
          const rows = Array.from(original!.data.subarray(sample * 3, sample * 3 + 3) as Float32Array);
          return Number(y!.data[sample * 3 + rows.indexOf(Math.max(...rows))]);
        });
      };
      for (let element = 0; element < 6; element++) {
        const moved = (by: number): Float32Array =>
          (weights.data as Float32Array).map((value, at) => value + (at === element ? by : 0));
        const [up, down] = [await largest(moved(0.01)), await largest(moved(-0.01))];
        for (let sample = 0; sample < 3; sample++) {
          const want = (up[sample]! - down[sample]!) / 0.02;
          assert.ok(Math.abs(Number(found.data[sample * 6 + element]) - want) < 1e-3);
        }
      }
      await assert.rejects(
        engine.project(
          values,
          { inputs, labels: [float32([3, 3], Array(9).fill(0))] },
          { strength: 1, kind: 'largest-logit', heads, random: Math.random },
        ),
        /computes the outputs of a sample from the whole batch/,
      );
    } finally {
      await engine.close();
    }
  });

  it('refuses outputs of the same shape for any number of samples', async () => {
    const engine = await open('reduced', [node('ReduceMean', ['a'], ['y'])]);
    try {
      await assert.rejects(
        engine.lossGradient(engine.initialValues(), { inputs, labels: [float32([1, 1], [0])] }, heads),
        /outputs of .*reduced\.onnx \(y\) have the same shape for any number of samples/,
      );
    } finally {
      await engine.close();
    }
  });

  it('finds a batch size that a Resize holds', async () => {
    const nodes = [
      node('Unsqueeze', ['a', 'axis'], ['b']),
      node('Resize', ['b', '', '', 'sizes'], ['y'], { mode: 'nearest' }),
    ];
    const engine = await open('resized', nodes, { axis: int64([1], [1]), sizes: int64([3], [3, 1, 6]) });
    try {
      const [y] = await engine.predict(engine.initialValues(), [
        float32([4, 2], [1, 2, -1, 0.5, 0.3, -2, 1, 2]),
      ]);
      assert.deepEqual(y!.dims, [4, 1, 6]);
      assert.equal(y!.data[0], y!.data[18]);
    } finally {
      await engine.close();
    }
  });
});
