// Every gradient method's step against its formula, put together from plain loss gradients.
import { strict as assert } from 'node:assert';
import type { BoundDataset } from '../../src/data/dataset';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import type { MethodSettings } from '../../src/shared/recipe';
import { Random } from '../../src/tensor/random';
import { float32, type Tensor } from '../../src/tensor/tensor';
import { lossesOf, teacherLabels } from '../../src/unlearn/teacher';
import { inMemory, layer, ModelFolder, runMethod } from './tiny';

const [features, classes] = [5, 3];
const [kept, gone] = [
  [0, 1, 2, 3, 4, 5],
  [6, 7],
];
const sets = { retained: kept, forgotten: gone };

interface Case {
  readonly loss: HeadLoss['loss'];
  labels(random: Random): Tensor;
}

const cases: readonly Case[] = [
  {
    loss: 'cross-entropy',
    labels: random => ({
      dtype: 'int32',
      dims: [8],
      data: Int32Array.from({ length: 8 }, () => random.integer(3)),
    }),
  },
  {
    loss: 'binary-cross-entropy',
    labels: random =>
      float32(
        [8, 3],
        Array.from({ length: 24 }, () => random.integer(2)),
      ),
  },
  {
    loss: 'mse',
    labels: random =>
      float32(
        [8, 3],
        Array.from({ length: 24 }, () => random.normal()),
      ),
  },
];

for (const each of cases)
  describe(`methods on ${each.loss}`, () => {
    let folder: ModelFolder;
    let engine: Engine;
    let data: BoundDataset;
    let heads: HeadLoss[];
    before(async () => {
      folder = new ModelFolder();
      const random = new Random(5);
      engine = await folder.engine([layer('a', 4, features, random), layer('b', classes, 4, random)], 'Tanh');
      const inputs = float32(
        [8, features],
        Array.from({ length: 8 * features }, () => random.normal()),
      );
      data = inMemory(inputs, [each.labels(random)]);
      heads = [{ output: 'y', loss: each.loss, weight: 1 }];
    });
    after(() => folder.remove());

    const step = { epochs: 1, batchSize: 8, optimizer: 'sgd', learningRate: 0.1, weightDecay: 0 } as const;

    /** θ − 0.1 · direction. */
    function stepped(direction: ParameterValues): ParameterValues {
      return new Map(
        [...engine.initialValues()].map(([name, theta]) => [
          name,
          theta.map((value, index) => value - 0.1 * direction.get(name)![index]!),
        ]),
      );
    }

    /** J on samples, at θ*. */
    async function gradient(indices: readonly number[]): Promise<ParameterValues> {
      return (await engine.lossGradient(engine.initialValues(), await data.read(indices), heads)).gradients;
    }

    function assertEqual(got: ParameterValues, want: ParameterValues): void {
      for (const [name, expected] of want)
        expected.forEach((value, index) =>
          assert.ok(
            Math.abs(got.get(name)![index]! - value) < 2e-6,
            `${name}[${index}]: ${got.get(name)![index]} is not ${value}`,
          ),
        );
    }

    const run = async (settings: MethodSettings): Promise<ParameterValues> =>
      (await runMethod(engine, data, heads, sets, { ...step, ...settings })).values;

    it('ga climbs J(B_f)', async () => {
      const up = new Map(
        [...(await gradient(gone))].map(([name, g]) => [name, g.map(value => -value)] as const),
      );
      assertEqual(await run({ name: 'ga' }), stepped(up));
    });

    it('ridge descends J(B_r) + λ‖θ‖², ℓ1-sparse J(B_r) + 2λ‖θ‖₁ in the first step', async () => {
      const theta = engine.initialValues();
      const with_ = async (penalty: (value: number) => number): Promise<ParameterValues> =>
        new Map(
          [...(await gradient(kept))].map(([name, g]) => [
            name,
            g.map((value, index) => value + penalty(theta.get(name)![index]!)),
          ]),
        );
      assertEqual(await run({ name: 'ridge', lambda: 0.2 }), stepped(await with_(value => 0.4 * value)));
      assertEqual(
        await run({ name: 'l1-sparse', lambda: 0.2 }),
        stepped(await with_(value => 0.4 * Math.sign(value))),
      );
    });

    it('ngd adds noise of the given deviation to the gradient', async () => {
      assertEqual(await run({ name: 'ngd', noise: 0 }), await run({ name: 'gd' }));
      const plain = await run({ name: 'gd' });
      const noisy = await run({ name: 'ngd', noise: 2 });
      const moved = [...plain].flatMap(([name, data]) =>
        [...data].map((value, index) => (value - noisy.get(name)![index]!) / 0.1),
      );
      const deviation = Math.sqrt(moved.reduce((sum, value) => sum + value * value, 0) / moved.length);
      assert.ok(deviation > 1.4 && deviation < 2.6, `${deviation} of ${moved.length} numbers`);
    });

    it('npo starts as gradient ascent and fades where a sample has become unlikely', async () => {
      const up = new Map(
        [...(await gradient(gone))].map(([name, g]) => [name, g.map(value => -value)] as const),
      );
      assertEqual(await run({ name: 'npo', lambda: 0 }), stepped(up));
      // From parameters with a large forgotten loss the same step is smaller than ascent's by r^β.
      const far = (await runMethod(engine, data, heads, sets, { name: 'ga', ...step, epochs: 40 })).values;
      const batch = await data.read(gone);
      const [now, then] = [
        await lossesOf(engine, far, batch, heads),
        await lossesOf(engine, engine.initialValues(), batch, heads),
      ];
      const weights = Float32Array.from(now, (loss, at) => {
        const ratio = Math.exp(2 * (then[at]! - loss));
        return (-2 * ratio) / (1 + ratio);
      });
      const expected = await engine.lossGradient(far, batch, heads, weights);
      const before = new Map([...far].map(([name, values]) => [name, values.slice()]));
      const settings = { name: 'npo', lambda: 0, beta: 2, ...step };
      const { values } = await runMethod(engine, data, heads, sets, settings, { values: far });
      for (const [name, g] of expected.gradients)
        g.forEach((value, index) =>
          assert.ok(Math.abs(values.get(name)![index]! - (before.get(name)![index]! - 0.1 * value)) < 2e-6),
        );
    });

    it('scrub stays near the original on retained samples and leaves it on forgotten ones', async () => {
      const start = (await runMethod(engine, data, heads, sets, { name: 'ngd', ...step, noise: 1 })).values;
      const divergence = async (values: ParameterValues, indices: readonly number[]): Promise<number> => {
        const batch = await data.read(indices);
        const { labels, entropy } = await teacherLabels(engine, engine.initialValues(), batch, heads);
        return (await engine.lossGradient(values, { ...batch, labels }, heads)).loss - entropy;
      };
      assert.ok(Math.abs(await divergence(engine.initialValues(), kept)) < 1e-6);
      const from = (): ParameterValues => new Map([...start].map(([name, v]) => [name, v.slice()]));
      const near = from();
      await runMethod(
        engine,
        data,
        heads,
        sets,
        { name: 'scrub', ...step, epochs: 20, descentEpochs: 20, lambda: 20, learningRate: 0.01 },
        { values: near },
      );
      assert.ok((await divergence(near, kept)) < (await divergence(start, kept)));
      const away = from();
      await runMethod(
        engine,
        data,
        heads,
        sets,
        {
          name: 'scrub',
          ...step,
          epochs: 20,
          descentEpochs: 0,
          lambda: 0,
          forgetWeight: 5,
          learningRate: 0.01,
        },
        { values: away },
      );
      assert.ok((await divergence(away, gone)) > (await divergence(start, gone)));
    });

    it('salun leaves half of the weights exactly as they are', async () => {
      const before = engine.initialValues();
      const values = await run({ name: 'salun', lambda: 1 });
      const sizes = [...(await gradient(gone)).values()]
        .flatMap(g => [...g].map(Math.abs))
        .sort((a, b) => a - b);
      const median = sizes[sizes.length >>> 1]!;
      const grads = await gradient(gone);
      let moved = 0;
      for (const [name, data] of values)
        data.forEach((value, index) => {
          const salient = Math.abs(grads.get(name)![index]!) >= median;
          if (!salient) assert.equal(value, before.get(name)![index]);
          else if (value !== before.get(name)![index]) moved++;
        });
      assert.ok(moved > sizes.length / 4, `${moved} of ${sizes.length} weights moved`);
    });

    it('retrain forgets where it started, and its seed decides', async () => {
      const other = new Map([...engine.initialValues()].map(([name, v]) => [name, v.map(x => 3 * x + 1)]));
      const settings = { name: 'retrain', epochs: 3 };
      const first = (await runMethod(engine, data, heads, sets, settings)).values;
      const second = (await runMethod(engine, data, heads, sets, settings, { values: other })).values;
      assert.deepEqual(second, first);
      const third = (await runMethod(engine, data, heads, sets, settings, { seed: 1 })).values;
      assert.notDeepEqual(third, first);
    });
  });
