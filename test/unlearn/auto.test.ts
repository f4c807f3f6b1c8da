// auto on a task made here: what it reaches, that its seed decides, and that an interrupted run ends as a whole one.
import { strict as assert } from 'node:assert';
import type { BoundDataset } from '../../src/data/dataset';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { CancelledError } from '../../src/shared/errors';
import type { SearchRecord } from '../../src/shared/report';
import { Random } from '../../src/tensor/random';
import { float32 } from '../../src/tensor/tensor';
import type { Checkpoint, CheckpointStore } from '../../src/unlearn/checkpoint';
import { foldsOf } from '../../src/unlearn/search/folds';
import { certaintyDistance, kolmogorov, qualityOn, type SetQuality } from '../../src/unlearn/search/quality';
import { inMemory, layer, ModelFolder, runMethod, type Ran } from './tiny';

const [features, classes, size] = [8, 3, 240];
const heads: HeadLoss[] = [{ output: 'y', loss: 'cross-entropy', weight: 1 }];

describe('auto', () => {
  let folder: ModelFolder;
  let engine: Engine;
  let data: BoundDataset;
  const truths = new Map<number, number>();
  const forgotten = Array.from({ length: 20 }, (_, at) => 11 * at + 3);
  const retained = [...Array(size).keys()].filter(index => !forgotten.includes(index));

  before(async () => {
    folder = new ModelFolder();
    const random = new Random(2);
    const centres = Array.from({ length: classes }, () =>
      Array.from({ length: features }, () => 1.4 * random.normal()),
    );
    const labels = Int32Array.from({ length: size }, () => random.integer(classes));
    const rows = Array.from(labels, label => centres[label]!.map(centre => centre + random.normal()));
    for (const index of forgotten) {
      truths.set(index, labels[index]!);
      labels[index] = (labels[index]! + 1 + random.integer(classes - 1)) % classes;
    }
    data = inMemory(float32([size, features], rows.flat()), [{ dtype: 'int32', dims: [size], data: labels }]);
    const layers = [layer('a', 48, features, random), layer('b', classes, 48, random)];
    const fresh = await folder.engine(layers, 'Tanh');
    const training = { name: 'retrain', epochs: 250, batchSize: 32, learningRate: 0.01, weightDecay: 0 };
    const everything = { retained: [...Array(size).keys()], forgotten: [0] };
    const { values } = await runMethod(fresh, data, heads, everything, training);
    engine = await folder.engine(
      layers.map(each => ({
        ...each,
        weight: values.get(`${each.name}.weight`)!,
        bias: values.get(`${each.name}.bias`)!,
      })),
      'Tanh',
    );
  });
  after(() => folder.remove());

  interface Searched extends Ran {
    search: SearchRecord;
  }

  async function auto(seed: number, more: Parameters<typeof runMethod>[5] = {}): Promise<Searched> {
    let search: SearchRecord | null = null;
    const ran = await runMethod(
      engine,
      data,
      heads,
      { retained, forgotten },
      { name: 'auto' },
      {
        seed,
        allowance: 3000,
        recordSearch: record => (search = record),
        ...more,
      },
    );
    return { ...ran, search: search! };
  }

  /** The share of samples that get a label. */
  async function share(
    values: ParameterValues,
    indices: readonly number[],
    labels: Map<number, number>,
  ): Promise<number> {
    const { inputs } = await data.read(indices);
    const [logits] = await engine.predict(values, inputs);
    const right = indices.filter((index, row) => {
      const own = (logits!.data as Float32Array).subarray(row * classes, (row + 1) * classes);
      return own.indexOf(Math.max(...own)) === labels.get(index);
    });
    return right.length / indices.length;
  }

  it('forgets wrong labels, keeps the fit and the allowance, and records what it tried', async () => {
    const before = await qualityOn(engine, engine.initialValues(), data, forgotten, heads);
    assert.ok(before.heads[0]! > 0.9, `the original fits ${before.heads[0]} of the wrong labels`);
    const { values, cost, search, notes } = await auto(0);
    const fitted = await qualityOn(engine, values, data, forgotten, heads);
    const kept = await qualityOn(engine, values, data, retained, heads);
    assert.ok(fitted.heads[0]! <= 0.25, `${fitted.heads[0]} of the wrong labels are fitted`);
    assert.ok((await share(values, forgotten, truths)) >= 0.75);
    assert.ok(kept.heads[0]! >= 0.98, `${kept.heads[0]} of the retained`);
    assert.ok(cost <= 3000, `${cost} sample gradients`);
    assert.ok(search.trials.length >= 6);
    assert.ok(search.cost > cost);
    assert.equal(search.trials.filter(({ verdict }) => verdict === 'chosen').length, 1);
    assert.match(search.judgedOn, /retained samples treated as forgotten too/);
    assert.match(notes.at(-1)!, /^Chosen: /);
    // What was chosen is a `method` that a recipe can name.
    const again = await runMethod(engine, data, heads, { retained, forgotten }, search.chosen as never, {
      random: new Random(new Random(0).nextUint32()),
    });
    assert.deepEqual(again.values, values);
  });

  it('gives the same bits for the same seed', async () => {
    const [first, second] = [await auto(4), await auto(4)];
    assert.deepEqual(second.values, first.values);
    assert.deepEqual(second.search, first.search);
  });

  it('ends as a whole run does after interruptions in the search and in the run', async () => {
    const whole = await auto(1);
    let kept: Checkpoint | null = null;
    let interrupted = 0;
    for (const stop of [800, 800, 800, 800, 120, Infinity]) {
      let steps = 0;
      const from: Checkpoint | null = kept;
      let since = 0;
      const checkpoint: CheckpointStore = {
        load: () => from,
        due: () => ++since % 2 === 0,
        save: ({ state, arrays }) =>
          void (kept = {
            state: JSON.parse(JSON.stringify(state)) as Checkpoint['state'],
            arrays: new Map([...arrays].map(([name, values]) => [name, values.slice()])),
          }),
      };
      const abort = new AbortController();
      const progress = (): void => {
        if (++steps >= stop) abort.abort();
      };
      try {
        const resumed = await auto(1, { checkpoint, progress, signal: abort.signal });
        assert.deepEqual(resumed.values, whole.values);
        assert.deepEqual(resumed.search, whole.search);
        assert.ok(interrupted >= 3, `${interrupted} interruptions`);
      } catch (error) {
        assert.ok(error instanceof CancelledError, String(error));
        if (kept !== null) interrupted++;
      }
    }
  });

  it('judges by data.validation where there is some', async () => {
    const { search } = await auto(0, { validation: data });
    assert.equal(search.judgedOn, `${size} samples of data.validation`);
  });

  it('stops its search where its budget ends and still chooses', async () => {
    const { search } = await auto(0, { searchAllowance: 5000 });
    assert.ok(search.trials.length >= 1 && search.trials.length <= 3, `${search.trials.length}`);
  });

  it('serves few retained samples, fewer than there are classes, and a single forgotten one', async () => {
    for (const few of [retained.slice(0, 1), retained.slice(0, 2), retained.slice(0, 9)]) {
      const ran = await runMethod(
        engine,
        data,
        heads,
        { retained: few, forgotten: forgotten.slice(0, 1) },
        { name: 'auto' },
        { allowance: 400, access: few.length / size },
      );
      for (const values of ran.values.values()) assert.ok(values.every(Number.isFinite));
    }
  });
});

describe('the parts held out of a search', () => {
  const labels = Int32Array.from({ length: 100 }, (_, at) => (at < 80 ? 0 : 1));
  const data = inMemory(float32([100, 1], new Float32Array(100)), [
    { dtype: 'int32', dims: [100], data: labels },
  ]);

  it('are disjoint and have their share of every class', async () => {
    const all = [...Array(100).keys()];
    const folds = await foldsOf(data, all, heads[0], new Random(1), { mostFolds: 4, mostShare: 0.25 });
    assert.equal(folds.length, 4);
    const seen = new Set<number>();
    for (const { held, rest } of folds) {
      assert.equal(held.length + rest.length, 100);
      const rare = held.filter(index => index >= 80).length;
      assert.ok(Math.abs(rare - held.length / 5) <= 1.5, `${rare} of ${held.length}`);
      for (const index of held) {
        assert.ok(!seen.has(index));
        seen.add(index);
      }
    }
  });
});

describe('the distance of certainties', () => {
  it('is the Kolmogorov distance, ties and ends included', () => {
    assert.equal(kolmogorov([1, 2, 3], [1, 2, 3]), 0);
    assert.equal(kolmogorov([1, 2], [3, 4]), 1);
    assert.equal(kolmogorov([1, 1, 2, 2], [1, 2, 2, 2]), 0.25);
  });

  it('does not count what chance alone makes of small samples', () => {
    const set = (values: number[]): SetQuality => ({
      count: values.length,
      heads: [1],
      errors: [0],
      loss: 0,
      certainty: { confidence: values, margin: values, entropy: values },
    });
    const random = new Random(3);
    const draw = (count: number): number[] => Array.from({ length: count }, () => random.uniform());
    let sum = 0;
    for (let round = 0; round < 200; round++) sum += certaintyDistance(set(draw(40)), set(draw(60)))!;
    assert.ok(sum / 200 < 0.035, `${sum / 200}`);
    assert.ok(certaintyDistance(set(draw(40)), set(draw(60).map(value => value + 0.5)))! > 0.25);
  });
});
