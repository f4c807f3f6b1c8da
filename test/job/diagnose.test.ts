// The diagnosis before a run: gradients against closed forms, and what T1 says of each method.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnoseRecipe } from '../../src/job/diagnose';
import { judgedMethods } from '../../src/job/methodReach';
import { diagnoseView } from '../../src/job/viewDiagnose';
import { openViewDataset } from '../../src/job/viewDataset';
import { EnginePool } from '../../src/job/viewEngines';
import { emitModel } from '../../src/onnx/emit';
import type { Diagnosis } from '../../src/shared/diagnosis';
import { LetheError } from '../../src/shared/errors';
import { encodeNpz } from '../../src/tensor/npz';
import { float32 } from '../../src/tensor/tensor';
import { methods } from '../../src/unlearn/registry';

/** Three samples of four features; the last one is to be forgotten. */
const x = [
  [1, 2, 0, -1],
  [0, 1, 1, 2],
  [2, 0, -1, 1],
];
const fitting = [0.5, -1, 2, 0.25];
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);

describe('diagnosis before a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-diagnose-'));
  after(() => rmSync(folder, { recursive: true }));
  const recipe = join(folder, 'r.unlearn.json');
  const linear = (name: string, w: readonly number[]): string => {
    const bytes = emitModel(
      {
        name: 'linear',
        nodes: [
          {
            name: '',
            opType: 'MatMul',
            domain: '',
            inputs: ['x', 'w'],
            outputs: ['y'],
            attributes: new Map(),
          },
        ],
        inputs: [{ name: 'x', dtype: 'float32', dims: ['n', 4] }],
        outputs: [{ name: 'y', dtype: 'float32', dims: ['n', 1] }],
        initializers: new Map([['w', float32([4, 1], w)]]),
        valueInfo: [],
      },
      { opsets: new Map([['', 13]]) },
    );
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  before(() => {
    const y = x.map(row => dot(row, fitting));
    const arrays = new Map([
      ['x', float32([3, 4], x.flat())],
      ['labels', float32([3], y)],
    ]);
    writeFileSync(join(folder, 'd.npz'), encodeNpz(arrays));
    writeFileSync(
      recipe,
      JSON.stringify({
        ...{ version: 1, model: 'm.onnx', output: 'out.onnx', loss: 'mse' },
        ...{ data: { train: 'd.npz' }, forget: { indices: [2] }, method: 'gd' },
      }),
    );
  });
  const moving = (diagnosis: Diagnosis, moves: 'yes' | 'barely'): string[] =>
    diagnosis.methods.filter(reach => reach.moves === moves).map(({ method }) => method);

  it('finds no gradient at an interpolating model: loss-gradient methods hardly move it', async () => {
    const { diagnosis } = await diagnoseRecipe(linear('m.onnx', fitting), recipe, []);
    assert.deepEqual(diagnosis.samples, { train: 3, retained: 2, accessible: 2, forgotten: 1 });
    assert.deepEqual([diagnosis.parameters, diagnosis.equations], [4, 3]);
    assert.equal(diagnosis.overparameterized, true);
    assert.equal(diagnosis.interpolates, true);
    assert.ok(diagnosis.retained.gradientNorm < 1e-5 && diagnosis.forgotten.gradientNorm < 1e-5);
    assert.ok(diagnosis.retained.shuffledGradientNorm > 0.1);
    const barely = moving(diagnosis, 'barely');
    assert.ok(barely.includes('gd') && barely.includes('ngp'));
    const able = moving(diagnosis, 'yes');
    assert.ok(able.includes('minnorm-og') && able.includes('shrink'));
    assert.ok(diagnosis.summary.some(sentence => /overparameterized/.test(sentence)));
  });

  it('measures gradients as their closed form is', async () => {
    const w = [1, 1, 1, 1];
    const { diagnosis } = await diagnoseRecipe(linear('off.onnx', w), recipe, []);
    // ∇ of the mean of (x·w − y)² is 2/n Σ (x·w − y) x.
    const residuals = x.map(row => dot(row, w) - dot(row, fitting));
    const norm = (rows: readonly number[]): number =>
      Math.hypot(
        ...[0, 1, 2, 3].map(
          column =>
            (2 / rows.length) * rows.reduce((sum, row) => sum + residuals[row]! * x[row]![column]!, 0),
        ),
      );
    const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-5 * b, `${a} ${b}`);
    near(diagnosis.retained.gradientNorm, norm([0, 1]));
    near(diagnosis.forgotten.gradientNorm, norm([2]));
    near(diagnosis.retained.loss, (residuals[0]! ** 2 + residuals[1]! ** 2) / 2);
    assert.equal(diagnosis.interpolates, false);
    assert.ok(moving(diagnosis, 'yes').includes('gd'));
  });

  it('judges every method there is', () => {
    for (const { name } of methods) assert.ok(judgedMethods.includes(name), name);
  });

  it('refuses what cannot be diagnosed', async () => {
    const model = linear('m.onnx', fitting);
    const engines = new EnginePool();
    const hooks = { signal: new AbortController().signal, progress: () => undefined };
    const open = (labels?: string[]): ReturnType<typeof openViewDataset> => {
      const source = { path: join(folder, 'd.npz'), ...(labels ? { labels } : {}), inputs: ['x'] };
      return openViewDataset({ source, classes: null, model, preprocess: null });
    };
    const says = (sentence: RegExp) => (error: unknown) =>
      error instanceof LetheError && sentence.test(error.message);
    const view = await open();
    await assert.rejects(
      diagnoseView(engines, view, { model, forgotten: [] }, hooks),
      says(/No sample is chosen/),
    );
    await assert.rejects(
      diagnoseView(engines, view, { model, forgotten: [0, 1, 2] }, hooks),
      says(/nothing is left/),
    );
    await assert.rejects(diagnoseView(engines, view, { model, forgotten: [9] }, hooks), says(/9/));
    const bare = await open([]);
    await assert.rejects(
      diagnoseView(engines, bare, { model, forgotten: [1] }, hooks),
      says(/has no labels/),
    );
  });
});
