// What evaluations say beyond the basic metrics, against values worked out by hand.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alignments } from '../../src/evaluate/alignment';
import { averageGap, tugOfWar } from '../../src/evaluate/closeness';
import { compareModels } from '../../src/evaluate/compareModels';
import { agreementOnPlanes } from '../../src/evaluate/decisionRegions';
import { keptShare } from '../../src/shared/regionMaps';
import { evaluateFurther, type MeasuredModel } from '../../src/evaluate/evaluation';
import { logisticRegression } from '../../src/evaluate/logisticRegression';
import { attackFeatures, attackMembership } from '../../src/evaluate/membershipAttack';
import { evaluateModel, type EvaluationData } from '../../src/evaluate/metrics';
import type { SampleFeatures } from '../../src/evaluate/sampleFeatures';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { CancelledError } from '../../src/shared/errors';
import type { ModelMetrics } from '../../src/shared/report';
import { Random } from '../../src/tensor/random';
import { float32, int64 } from '../../src/tensor/tensor';
import { linearEngine, memoryDataset } from './support';

const classifier: HeadLoss = { output: 'y', loss: 'cross-entropy', weight: 1 };
const near = (got: number | null | undefined, want: number, within = 1e-6): void =>
  assert.ok(Math.abs((got ?? NaN) - want) <= within, `${got} is not ${want}`);

function features(losses: readonly number[], classifies = true): SampleFeatures {
  const loss = Float64Array.from(losses);
  const other = loss.map(value => -value);
  return { loss, confidence: other, margin: other, entropy: loss, classifies };
}

describe('logistic regression', () => {
  it('stands where the gradient of its objective is zero', () => {
    const random = new Random(3);
    const rows = Array.from({ length: 60 }, () => [random.normal(), 5 * random.normal() + 2]);
    const kinds = rows.map(([a, b]) => (a! + b! / 5 + random.normal() > 0.4 ? 1 : 0));
    const score = logisticRegression(rows, kinds);
    // The intercept has no ridge: the residuals sum to zero.
    const residuals = rows.map((row, index) => 1 / (1 + Math.exp(-score(row))) - kinds[index]!);
    near(
      residuals.reduce((sum, value) => sum + value, 0),
      0,
      1e-6,
    );
    // Along each standardised feature they balance the ridge, 0.01·w.
    for (const column of [0, 1]) {
      const values = rows.map(row => row[column]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const deviation = Math.sqrt(
        values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length,
      );
      const step = column === 0 ? [deviation, 0] : [0, deviation];
      const w = score([1 + step[0]!, 1 + step[1]!]) - score([1, 1]);
      const pull = residuals.reduce((sum, r, index) => sum + (r * (values[index]! - mean)) / deviation, 0);
      near(pull, -0.01 * w, 1e-6);
    }
  });

  it('stays finite on separable and on constant features', () => {
    const score = logisticRegression(
      [
        [0, 7],
        [1, 7],
        [10, 7],
        [11, 7],
      ],
      [0, 0, 1, 1],
    );
    assert.ok(score([10.5, 7]) > 0 && score([0.5, 7]) < 0 && Number.isFinite(score([1e6, 7])));
  });
});

describe('membership attack', () => {
  const random = new Random(5);
  const draw = (count: number, shift: number): SampleFeatures =>
    features(Array.from({ length: count }, () => random.normal() + shift));

  it('is at chance where both kinds are alike, and near certain where they are far apart', () => {
    const alike = attackMembership(draw(400, 0), draw(300, 0), attackFeatures.all, 0);
    assert.deepEqual([alike?.splits, alike?.samplesPerKind], [10, 300]);
    near(alike?.accuracy, 0.5, 0.06);
    near(alike?.auc, 0.5, 0.08);
    assert.ok(alike!.accuracyDeviation > 0 && alike!.accuracyDeviation < 0.06);
    const apart = attackMembership(draw(100, 6), draw(100, 0), attackFeatures.all, 0);
    assert.ok(apart!.accuracy > 0.98 && apart!.auc > 0.999);
  });

  it('repeats itself for a seed', () => {
    const [members, others] = [draw(50, 1), draw(50, 0)];
    const once = attackMembership(members, others, attackFeatures.all, 7);
    assert.deepEqual(attackMembership(members, others, attackFeatures.all, 7), once);
    assert.notDeepEqual(attackMembership(members, others, attackFeatures.all, 8), once);
  });

  it('needs ten samples of each kind, and confidences for what needs no label', () => {
    assert.equal(attackMembership(draw(9, 0), draw(100, 0), attackFeatures.all, 0), null);
    assert.equal(attackMembership(draw(100, 0), draw(9, 0), attackFeatures.all, 0), null);
    const regressor = features([...Array(20).keys()], false);
    assert.equal(attackMembership(regressor, regressor, attackFeatures.labelFree, 0), null);
    assert.deepEqual(attackMembership(regressor, regressor, attackFeatures.all, 0)?.features, ['loss']);
  });
});

describe('closeness to retraining', () => {
  const model = (retain: number, forget: number, test: number | null): ModelMetrics => ({
    retain: { count: 10, loss: 0, accuracy: retain },
    forget: { count: 10, loss: 0, accuracy: forget },
    test: test === null ? null : { count: 10, loss: 0, accuracy: test },
    membershipAuc: null,
    confidenceAuc: null,
  });

  it('is the product, and the mean, of the differences', () => {
    near(tugOfWar(model(1, 0.5, 0.9), model(0.9, 0.1, 0.95)), 0.9 * 0.6 * 0.95);
    assert.equal(tugOfWar(model(1, 0.5, null), model(0.9, 0.1, 0.95)), null);
    const gap = averageGap(
      { metrics: model(1, 0.5, null), attack: null },
      { metrics: model(0.9, 0.1, 0.95), attack: null },
    );
    near(gap?.value, 0.25);
    assert.deepEqual(gap?.over, ['retained accuracy', 'forgotten accuracy']);
  });
});

describe('comparing models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-further-'));
  const engines: Engine[] = [];
  after(async () => {
    for (const engine of engines) await engine.close();
    rmSync(folder, { recursive: true });
  });
  const open = async (
    w: readonly (readonly number[])[],
  ): Promise<{ engine: Engine; values: ParameterValues }> => {
    const engine = await linearEngine(folder, `${engines.length}.onnx`, w);
    engines.push(engine);
    return { engine, values: engine.initialValues() };
  };
  const identity = [
    [1, 0],
    [0, 1],
  ];
  const swapped = [
    [0, 1],
    [1, 0],
  ];

  it('gives divergences, confusion and features of a classifier', async () => {
    const data = memoryDataset([float32([3, 2], [2, 0, 0, 1, 3, 0])], [int64([3], [0, 0, -1])]);
    const [same, other] = await compareModels(
      [await open(identity), await open(swapped)],
      data,
      [0, 1, 2],
      [classifier],
      [0],
    );
    assert.equal(same!.to.size, 0);
    assert.deepEqual(same!.confusion[0]?.cells, [
      [0, 0, 1],
      [0, 1, 1],
    ]);
    // Two classes with a margin m: KL between p and its mirror image is m·tanh(m/2).
    const { kl, agreement, count } = other!.to.get(0)!;
    near(kl, [2, 1, 3].reduce((sum, m) => sum + m * Math.tanh(m / 2), 0) / 3);
    assert.deepEqual([agreement, count], [0, 3]);
    near(same!.features.margin[0], 2);
    near(same!.features.margin[1], -1);
    assert.equal(same!.features.margin[2], 0);
    near(same!.features.confidence[0], 1 / (1 + Math.exp(-2)));
    const p = 1 / (1 + Math.exp(-1));
    near(same!.features.entropy[1], -p * Math.log(p) - (1 - p) * Math.log(1 - p));
  });

  it('gives mean squared differences of a regressor', async () => {
    const data = memoryDataset([float32([2, 2], [1, 2, 3, -1])], [float32([2, 1], [0, 0])]);
    const head: HeadLoss = { output: 'y', loss: 'mse', weight: 1 };
    const models = [await open([[1], [1]]), await open([[1], [2]])];
    const [first, second] = await compareModels(models, data, [0, 1], [head], [0]);
    assert.deepEqual([first!.confusion, second!.to.get(0)!.kl], [[], null]);
    near(second!.to.get(0)!.squaredDifference, (4 + 1) / 2);
  });

  it('counts labels kept on planes', async () => {
    // In one plane, x1 > x2 decides: at (1, 0) with the others at (1, 2) and (1, −4) the second coordinate goes over
    // a·2 − b·4, a and b from −½ to ½ in tenths.
    const data = memoryDataset([float32([3, 2], [1, 0, 1, 2, 1, -4])], [int64([3], [0, 0, 0])]);
    const models = [
      await open(identity),
      await open(identity),
      await open([
        [1, 0],
        [0, 0.5],
      ]),
    ];
    const found = await agreementOnPlanes(models, data, [classifier], {
      ...{ through: [0], toward: [1, 2], planes: 4, seed: 0 },
    });
    let kept = 0;
    for (let i = 0; i < 11; i++)
      for (let j = 0; j < 11; j++) {
        const y = Math.fround((i / 10 - 0.5) * 2 - (j / 10 - 0.5) * 4);
        if (1 >= y === 1 >= 0.5 * y) kept++;
      }
    const { agreements, maps } = found!;
    assert.deepEqual(agreements[1], { planes: 1, pointsPerPlane: 121, agreement: 1, deviation: 0 });
    // On the boundary itself rounding may decide.
    near(agreements[2]!.agreement, kept / 121, 0.05);
    assert.ok(agreements[2]!.agreement < 1);
    // The one plane is kept point by point: a row is a step toward the first of the two, a column toward the second.
    assert.equal(maps.length, 1);
    const map = { kind: 'forgotten', ...maps[0]! } as const;
    assert.deepEqual([map.sample, map.side, map.output], [0, 11, classifier.output]);
    near(keptShare(map, 2), agreements[2]!.agreement);
    const [u, v] = map.toward.map(index => (index === 1 ? 2 : -4)) as [number, number];
    map.labels[0]!.split(' ').forEach((label, at) => {
      const y = (Math.floor(at / 11) / 10 - 0.5) * u + ((at % 11) / 10 - 0.5) * v;
      if (Math.abs(y - 1) > 1e-6) assert.equal(label, y > 1 ? '1' : '0', `point ${at}`);
    });
    const alone = { through: [0], toward: [0], planes: 1, seed: 0 };
    assert.equal(await agreementOnPlanes(models, data, [classifier], alone), null);
  });

  it('measures how orthogonal a change is to the gradients of outputs', async () => {
    const { engine, values } = await open([[3], [1], [2]]);
    const data = memoryDataset([float32([2, 3], [1, 0, 0, 0, 2, 0])], [float32([2, 1], [0, 0])]);
    const moved = (delta: readonly number[]): ParameterValues =>
      new Map([['w', values.get('w')!.map((value, index) => value + delta[index]!)]]);
    const found = await alignments(
      engine,
      values,
      [moved([0, 0, 1]), moved([1, 0, 0]), moved([0, 0, 0])],
      data,
      [0, 1],
      0,
    );
    assert.deepEqual(found[0], { samples: 2, residual: 0, cosine: 0 });
    // G = [e1, 2·e2]: λ_max is 4, Gᵀe1 = (1, 0).
    near(found[1]?.residual, 1 / 2);
    near(found[1]?.cosine, Math.SQRT1_2);
    assert.equal(found[2], null);
  });

  describe('as a whole', () => {
    const sizes = { retain: 40, forget: 20 };
    const random = new Random(11);
    const count = sizes.retain + sizes.forget;
    const x = Array.from({ length: 2 * count }, () => random.normal());
    const labels = Array.from({ length: count }, (_, index) => (x[2 * index]! > x[2 * index + 1]! ? 0 : 1));
    const train = memoryDataset([float32([count, 2], x)], [int64([count], labels)]);
    const all = [...Array(count).keys()];
    const data: EvaluationData = {
      train,
      retained: all.slice(0, sizes.retain),
      forgotten: all.slice(sizes.retain),
      test: memoryDataset([float32([30, 2], x.slice(0, 60))], [int64([30], labels.slice(0, 30))]),
    };
    const measured = async (
      name: string,
      w: readonly (readonly number[])[],
      on = data,
    ): Promise<MeasuredModel> => {
      const model = await open(w);
      return {
        ...model,
        name,
        path: name,
        metrics: await evaluateModel(model.engine, model.values, on, [classifier]),
      };
    };

    it('compares each model with the original and the first retrained one', async () => {
      const original = await measured('original', identity);
      const unlearned = await measured('unlearned', [
        [1, 0],
        [0.5, 1],
      ]);
      const retrained = [await measured('retrained', identity), await measured('retrained 2', swapped)];
      const models = { original, unlearned, retrained };
      const found = await evaluateFurther(models, data, [classifier], { level: 'standard', seed: 0 });
      assert.deepEqual(
        found.models.map(({ name }) => name),
        ['original', 'unlearned', 'retrained', 'retrained 2'],
      );
      const [first, second, third, fourth] = found.models;
      assert.equal(first!.toOriginal, null);
      assert.equal(third!.toRetrained, null);
      near(third!.toOriginal?.retain.kl, 0);
      assert.equal(third!.regions?.retained.agreement, 1);
      assert.ok(second!.regions!.retained.agreement < 1);
      near(first!.tow, 1);
      near(fourth!.tow, tugOfWar(fourth!.metrics, third!.metrics)!);
      assert.equal(fourth!.toRetrained?.forget.agreement, 0);
      const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
      for (const model of found.models) {
        assert.equal(sum(model.losses.retain.counts), 40);
        assert.equal(sum(model.confidences!.test!.counts), 30);
        assert.equal(sum(model.confusion!.forget[0]!.cells.map(cell => cell[2])), 20);
        assert.equal(model.attack?.samplesPerKind, 20);
      }
      assert.match(found.notes.join('\n'), /only 20 forgotten samples: one sample is 5 %/);
      assert.deepEqual(
        found.maps?.map(({ kind, labels }) => [kind, labels.length]),
        ['forgotten', 'forgotten', 'forgotten', 'retained', 'retained', 'retained'].map(kind => [kind, 4]),
      );
    });

    it('says what falls away without held-out data, original and reference', async () => {
      const bare = { ...data, test: null };
      const unlearned = await measured('unlearned', identity, bare);
      const found = await evaluateFurther({ original: null, unlearned, retrained: [] }, bare, [classifier], {
        ...{ level: 'standard', seed: 0 },
      });
      const [model] = found.models;
      assert.deepEqual(
        [
          model!.attack,
          model!.toOriginal,
          model!.toRetrained,
          model!.tow,
          model!.regions,
          model!.losses.test,
        ],
        [null, null, null, null, null, null],
      );
      const notes = found.notes.join('\n');
      assert.match(notes, /no held-out data \(data\.test\), so .* membership attacks .* fall away/);
      assert.match(notes, /no retrained model \(reference\)/);
      assert.match(notes, /original model could not be read/);
    });

    it('stops when it is cancelled', async () => {
      const unlearned = await measured('unlearned', identity);
      await assert.rejects(
        evaluateFurther({ original: null, unlearned, retrained: [] }, data, [classifier], {
          ...{ level: 'standard', seed: 0, signal: AbortSignal.abort() },
        }),
        CancelledError,
      );
    });
  });
});
