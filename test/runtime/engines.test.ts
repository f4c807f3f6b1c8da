// The same questions to every engine: ONNX Runtime and plain TensorFlow.js. Without the latter this fails; it is not skipped.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ConstraintKind, HeadLoss, ModelEngine, ParameterValues } from '../../src/runtime/contracts';
import { LossError } from '../../src/runtime/loss';
import { openEngine, type EngineName } from '../../src/runtime/openEngine';
import { RuntimeFailure } from '../../src/runtime/session';
import { TfjsEngine } from '../../src/runtime/tfjsEngine';
import { loadTfjs } from '../../src/runtime/tfjsLibrary';
import { Random } from '../../src/tensor/random';
import { float32, type Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { GraphFixture } from '../tfjs/graphs';
import { dataFor, engineModels, type EngineModel } from './engineModels';

const engines: readonly EngineName[] = ['onnxruntime', 'tfjs'];

/** Writes a model and asks every one of some engines. */
function withEngines(
  model: EngineModel,
  names: readonly EngineName[],
  action: (engine: ModelEngine) => Promise<void>,
): Promise<void> {
  return inFolder(async folder => {
    const { tf } = await loadTfjs('tfjs');
    const path = await model.write(tf, join(folder, 'model'));
    for (const name of names) {
      const engine = await openEngine(path, { engine: name, threads: 1 });
      try {
        await action(engine);
      } finally {
        await engine.close();
      }
    }
  });
}

function headsOf(model: EngineModel, engine: ModelEngine): HeadLoss[] {
  return model.heads.map(({ loss }, index) => ({
    output: engine.model.graph.outputs[index]!.name,
    loss,
    weight: 1 + 0.5 * index,
  }));
}

/** Equal to 1e-4 of the largest element. */
function near(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  assert.equal(found.length, wanted.length, what);
  const most = Math.max(1e-3, ...Array.from(wanted, Math.abs));
  Array.from(wanted).forEach((value, index) => {
    const error = Math.abs(found[index]! - value);
    assert.ok(error <= 1e-4 * most, `${what}: element ${index} is ${found[index]}, not ${value}`);
  });
}

function nearValues(
  found: ReadonlyMap<string, { length: number } & ArrayLike<number>>,
  wanted: typeof found,
): void {
  assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort());
  for (const [name, values] of wanted) near(found.get(name)!, values, name);
}

/** Everything that an engine answers about a model. */
async function answers(model: EngineModel, engine: ModelEngine): Promise<Answers> {
  const data = dataFor(model);
  const heads = headsOf(model, engine);
  const values = engine.initialValues();
  const weights = Float32Array.from({ length: model.samples }, (_, index) => (index % 3) - 0.5);
  const projected = new Map<ConstraintKind, ParameterValues>();
  const ranks: number[] = [];
  for (const kind of ['largest-logit', 'given-label', 'random-combination', 'all-outputs'] as const) {
    const own = engine.initialValues();
    const random = new Random(4);
    const found = await engine.project(own, data, {
      strength: 0.5,
      kind,
      heads,
      random: () => random.normal(),
    });
    ranks.push(found.rank ?? -1);
    projected.set(kind, own);
  }
  return {
    parameters: engine.parameters.map(({ name, dims, trainable, reason }) => ({
      name,
      dims,
      trainable,
      reason,
    })),
    activations: engine.model.graph.outputs.map(({ name }) => engine.finalActivation(name)),
    predictions: await engine.predict(values, data.inputs),
    logits: await engine.predict(values, data.inputs, { logits: true }),
    plain: await engine.lossGradient(values, data, heads),
    weighted: await engine.lossGradient(values, data, heads, weights),
    perSample: await engine.perSampleGradients(values, data.inputs),
    projected,
    ranks,
  };
}

interface Answers {
  readonly parameters: unknown;
  readonly activations: unknown;
  readonly predictions: readonly Tensor[];
  readonly logits: readonly Tensor[];
  readonly plain: Awaited<ReturnType<ModelEngine['lossGradient']>>;
  readonly weighted: Awaited<ReturnType<ModelEngine['lossGradient']>>;
  readonly perSample: ReadonlyMap<string, Tensor>;
  readonly projected: ReadonlyMap<ConstraintKind, ParameterValues>;
  readonly ranks: readonly number[];
}

describe('engines agree', () => {
  for (const model of engineModels)
    it(model.name, async () => {
      const found: Answers[] = [];
      await withEngines(model, engines, async engine => void found.push(await answers(model, engine)));
      const [ours, theirs] = found as [Answers, Answers];
      assert.deepEqual(theirs.parameters, ours.parameters);
      assert.deepEqual(theirs.activations, ours.activations);
      assert.deepEqual(theirs.ranks, ours.ranks);
      for (const kind of ['predictions', 'logits'] as const)
        ours[kind].forEach((output, index) => {
          assert.deepEqual(theirs[kind][index]!.dims, output.dims);
          near(theirs[kind][index]!.data as Float32Array, output.data as Float32Array, `${kind} ${index}`);
        });
      for (const kind of ['plain', 'weighted'] as const) {
        near([theirs[kind].loss], [ours[kind].loss], `the ${kind} loss`);
        nearValues(theirs[kind].gradients, ours[kind].gradients);
      }
      const flat = (found: ReadonlyMap<string, Tensor>): Map<string, Float32Array> =>
        new Map([...found].map(([name, tensor]) => [name, tensor.data as Float32Array]));
      nearValues(flat(theirs.perSample), flat(ours.perSample));
      for (const [kind, values] of ours.projected) nearValues(theirs.projected.get(kind)!, values);
    });
});

for (const name of engines)
  describe(`the engine ${name}`, () => {
    const [classifier] = engineModels as [EngineModel];
    /** Without kinks, where differences say little. */
    const smooth = engineModels.find(({ heads }) => heads.length === 2)!;

    it('computes with what its name says', () =>
      withEngines(classifier, [name], engine => {
        assert.equal(engine instanceof TfjsEngine, name === 'tfjs');
        return Promise.resolve();
      }));

    it('gives a gradient that central differences of its loss confirm', () =>
      withEngines(smooth, [name], async engine => {
        const data = dataFor(smooth);
        const heads = headsOf(smooth, engine);
        const values = engine.initialValues();
        const { gradients } = await engine.lossGradient(values, data, heads);
        const random = new Random(2);
        for (const [parameter, gradient] of gradients) {
          const direction = Float32Array.from(gradient, () => random.normal());
          const along = [...gradient].reduce((sum, value, index) => sum + value * direction[index]!, 0);
          const lossAt = async (step: number): Promise<number> => {
            const moved = values.get(parameter)!.map((value, index) => value + step * direction[index]!);
            return (await engine.lossGradient(new Map(values).set(parameter, moved), data, heads)).loss;
          };
          const slope = ((await lossAt(1e-2)) - (await lossAt(-1e-2))) / 2e-2;
          assert.ok(
            Math.abs(slope - along) <= 2e-3 * Math.max(1, Math.abs(along)),
            `${parameter}: ${along}, not ${slope}`,
          );
        }
      }));

    it('projects a linear model onto the least norm that fits the retained data (theorem T2)', () =>
      inFolder(async folder => {
        const g = new GraphFixture();
        const product = g.node('MatMul', [g.input('x', [null, 4]), g.weight('w', [4, 1], [1, -2, 3, 0.5])]);
        const path = g.output(product).write(folder);
        const engine = await openEngine(path, { engine: name });
        const values = engine.initialValues();
        const inputs = [float32([2, 4], [1, 0, 1, 0, 0, 1, 0, 1])];
        const heads = [{ output: engine.model.graph.outputs[0]!.name, loss: 'mse' as const, weight: 1 }];
        const labels = [float32([2, 1], [4, -1.5])];
        const found = await engine.project(
          values,
          { inputs, labels },
          {
            strength: 1,
            kind: 'largest-logit',
            heads,
            random: Math.random,
          },
        );
        assert.equal(found.rank, 2);
        assert.ok(found.residual < 1e-6);
        near(values.get('w')!, [2, -0.75, 2, -0.75], 'w');
        await engine.close();
      }));

    it('leaves the values and the data that it is given as they are', () =>
      withEngines(classifier, [name], async engine => {
        const data = dataFor(classifier);
        const values = engine.initialValues();
        await engine.lossGradient(values, data, headsOf(classifier, engine));
        assert.deepEqual(values, engine.initialValues());
        const first = await engine.predict(values, data.inputs);
        values.forEach(value => value.fill(0));
        await engine.predict(values, data.inputs);
        assert.deepEqual(await engine.predict(engine.initialValues(), data.inputs), first);
      }));

    it('does not train what is frozen', () =>
      inFolder(async folder => {
        const { tf } = await loadTfjs('tfjs');
        const path = await classifier.write(tf, join(folder, 'model'));
        const engine = await openEngine(path, { engine: name, freeze: ['*bias'] });
        const frozen = engine.parameters.filter(({ reason }) => reason === 'frozen by the recipe');
        assert.ok(
          frozen.length > 0 && frozen.every(({ trainable, name: own }) => !trainable && own.endsWith('bias')),
        );
        assert.ok([...engine.initialValues().keys()].every(own => !own.endsWith('bias')));
        await engine.close();
      }));

    it('refuses what does not fit, with the same sentences', () =>
      withEngines(classifier, [name], async engine => {
        const { inputs, labels } = dataFor(classifier);
        const values = engine.initialValues();
        const heads = headsOf(classifier, engine);
        await assert.rejects(engine.predict(values, []), (error: unknown) => {
          assert.ok(error instanceof RuntimeFailure);
          return /takes 1 inputs \(.*\), but 0 were given/.test(error.message);
        });
        const other = [{ ...heads[0]!, output: 'nothing' }];
        await assert.rejects(
          engine.lossGradient(values, { inputs, labels }, other),
          /has no output nothing\. Its outputs are/,
        );
        await assert.rejects(engine.lossGradient(values, { inputs, labels: [] }, heads), /has no labels/);
        const beyond: Tensor = { dtype: 'int32', dims: [40], data: new Int32Array(40).fill(3) };
        await assert.rejects(
          engine.lossGradient(values, { inputs, labels: [beyond] }, heads),
          (error: unknown) =>
            error instanceof LossError && /is 3, but the model has 3 classes/.test(error.message),
        );
      }));
  });
