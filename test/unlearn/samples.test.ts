// The methods on the two samples: what a person may expect of the defaults, over seeds.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { bindDataset } from '../../src/data/bind';
import type { BoundDataset } from '../../src/data/dataset';
import { resolveForget, splitSamples } from '../../src/data/forget';
import { openDataset } from '../../src/data/open';
import { evaluateModel } from '../../src/evaluate/metrics';
import type { HeadLoss } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import type { MethodSettings } from '../../src/shared/recipe';
import type { ModelMetrics, ProjectionRecord } from '../../src/shared/report';
import { Random } from '../../src/tensor/random';
import { methodNamed } from '../../src/unlearn/registry';

const samples = join(__dirname, '../../../samples');

/** A sample with its engine and data, ready for runs. */
class Sample {
  private constructor(
    private readonly engine: Engine,
    private readonly head: HeadLoss,
    private readonly train: BoundDataset,
    private readonly test: BoundDataset,
    private readonly forgotten: number[],
  ) {}

  static async open(
    folder: string,
    extension: string,
    head: HeadLoss,
    preprocess: { scale: number } | null,
  ): Promise<Sample> {
    const base = join(samples, folder);
    const engine = await Engine.open(join(base, 'model.onnx'), { threads: 2 });
    const data = await openDataset(`train.${extension}`, base);
    const bind = async (name: string): Promise<BoundDataset> =>
      bindDataset(await openDataset(name, base), engine.model.graph.inputs, preprocess);
    const forgotten = resolveForget({ file: 'forget.csv' }, data, base);
    const [train, test] = [await bind(`train.${extension}`), await bind(`test.${extension}`)];
    return new Sample(engine, head, train, test, forgotten);
  }

  async run(
    settings: MethodSettings,
    seed: number,
  ): Promise<{ metrics: ModelMetrics; projections: ProjectionRecord[]; cost: number }> {
    const values = this.engine.initialValues();
    const { retained } = splitSamples(this.train.size, this.forgotten);
    const projections: ProjectionRecord[] = [];
    let cost = 0;
    await methodNamed(settings.name).run({
      engine: this.engine,
      values,
      train: this.train,
      retained,
      forgotten: this.forgotten,
      heads: [this.head],
      settings,
      random: new Random(seed),
      signal: new AbortController().signal,
      progress: () => undefined,
      addCost: count => void (cost += count),
      recordProjection: record => void projections.push(record),
    });
    const sets = { train: this.train, retained, forgotten: this.forgotten, test: this.test };
    return { metrics: await evaluateModel(this.engine, values, sets, [this.head]), projections, cost };
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

describe('mislabelled digits', () => {
  let sample: Sample;
  before(async () => {
    const head: HeadLoss = { output: 'logits', loss: 'cross-entropy', weight: 1 };
    sample = await Sample.open('mnist-mislabelled', 'npz', head, { scale: 1 / 255 });
  });
  after(() => sample.close());

  it('are forgotten by MinNorm-OG with its defaults, over seeds 0 to 4', async () => {
    const runs: ModelMetrics[] = [];
    for (let seed = 0; seed < 5; seed++) runs.push((await sample.run({ name: 'minnorm-og' }, seed)).metrics);
    const mean = (pick: (metrics: ModelMetrics) => number): number =>
      runs.reduce((sum, metrics) => sum + pick(metrics), 0) / runs.length;
    const tests = runs.map(metrics => metrics.test!.accuracy!);
    assert.ok(mean(metrics => metrics.test!.accuracy!) >= 0.94, `test ${tests.join(' ')}`);
    assert.ok(Math.min(...tests) >= 0.93, `test ${tests.join(' ')}`);
    assert.ok(mean(metrics => metrics.forget.accuracy!) <= 0.15, 'wrong labels fitted');
    assert.ok(mean(metrics => metrics.retain.accuracy!) >= 0.99, 'retained');
  });

  it('are fitted less by every other method than by the original, at a test accuracy no lower', async () => {
    for (const name of ['gd', 'ngp', 'shrink']) {
      const { metrics, cost, projections } = await sample.run({ name }, 0);
      assert.ok(metrics.forget.accuracy! < 0.9, `${name} fits ${metrics.forget.accuracy}`);
      assert.ok(metrics.test!.accuracy! >= 0.911, `${name} reaches ${metrics.test!.accuracy}`);
      assert.ok(cost > 0);
      assert.deepEqual(projections, []);
    }
  });

  it('project in the epochs that the settings name, weaker every time', async () => {
    const settings = {
      epochs: 7,
      descentEpochs: 2,
      projectionPeriod: 2,
      projectionStrength: 0.2,
      projectionDecay: 0.5,
    };
    const { projections } = await sample.run({ name: 'minnorm-og', ...settings, constraintSamples: 20 }, 1);
    assert.deepEqual(
      projections.map(({ epoch, step, columns }) => [epoch, step, columns]),
      [
        [0, 0, 20],
        [2, 2, 20],
        [4, 4, 20],
      ],
    );
    assert.deepEqual(
      projections.map(({ strength }) => strength),
      [0.2, 0.1, 0.05],
    );
    for (const { rank, residual } of projections) assert.ok(rank === 20 && residual < 1e-6);
  });
});

describe('a poisoned sine', () => {
  it('is a sine again with the settings of the paper’s experiment', async () => {
    const sample = await Sample.open('sine-poisoned', 'csv', { output: 'y', loss: 'mse', weight: 1 }, null);
    try {
      const settings: MethodSettings = {
        name: 'minnorm-og',
        epochs: 100,
        batchSize: 50,
        projectionStrength: 0.1,
        projectionDecay: 0.9,
        projectionPeriod: 2,
        descentEpochs: 50,
        constraintSamples: 50,
      };
      const { metrics, projections } = await sample.run(settings, 0);
      assert.ok(metrics.test!.maxError! <= 1.5, `largest error ${metrics.test!.maxError}`);
      assert.equal(projections.length, 25);
    } finally {
      await sample.close();
    }
  });
});
