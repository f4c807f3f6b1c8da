// How results on data without labels are put in words and rows.
import { strict as assert } from 'node:assert';
import { metricRows } from '../../src/shared/metricRows';
import { filterPredictions, predictionFields } from '../../src/shared/predictionFilter';
import { summarizePredictions } from '../../src/shared/predictionSummary';
import { predictionTable } from '../../src/shared/predictionTable';
import { proposalFigures, proposalSentence } from '../../src/shared/proposalText';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import { closeness, fitOf, metricPairs, tradeOff } from '../../src/shared/runComparison';
import { runFigures, runSentence } from '../../src/shared/runSentences';

const classifier = (forget: number): ModelMetrics => ({
  retain: { count: 900, loss: 0.01, agreement: 0.99 },
  forget: { count: 100, loss: 1, agreement: forget },
  test: { count: 500, loss: 0.2, accuracy: 0.95 },
  membershipAuc: null,
  confidenceAuc: 0.5,
});
const regressor: ModelMetrics = {
  retain: { count: 50, loss: 0.01, maxDifference: 0.1 },
  forget: { count: 5, loss: 2, maxDifference: 2.5 },
  test: null,
  membershipAuc: null,
  confidenceAuc: null,
};

function result(before: ModelMetrics, after: ModelMetrics): RunResult {
  return {
    ...{
      output: 'o',
      report: 'r',
      receipt: 'c',
      seconds: 1,
      method: 'auto',
      reference: null,
      projections: [],
    },
    ...{ cost: { sampleGradients: 10, share: 0.1 }, before, after },
  };
}

describe('results without labels', () => {
  it('are rows that say what they are measured against', () => {
    const rows = metricRows([{ name: 'unlearned', metrics: classifier(0.03) }]).map(([name]) => name);
    assert.ok(rows.includes('forgotten, as the original predicts') && rows.includes('test accuracy'));
    assert.ok(rows.includes('retained loss against the original') && rows.includes('test loss'));
    assert.ok(!rows.includes('forgotten accuracy') && !rows.includes('membership AUC'));
    const names = metricPairs(regressor, regressor).map(({ name }) => name);
    assert.ok(names.includes('forgotten largest difference to the original'));
  });

  it('are sentences about the original, never about labels', () => {
    const run = result(classifier(1), classifier(0.03));
    for (const sentence of [runSentence(run), proposalSentence(run)]) {
      assert.match(sentence, /On 100 forgotten samples the model predicts 3 as the original does\./);
      assert.doesNotMatch(sentence, /label/);
    }
    assert.match(runSentence(run), /Test accuracy 95\.0 % → 95\.0 %\./);
    assert.equal(runFigures(run), '3.0 % · 95.0 %');
    const values = result(regressor, regressor);
    assert.match(
      runSentence(values),
      /On 5 forgotten samples the largest difference to the original is 2\.5\./,
    );
    const titles = proposalFigures(run).map(({ title }) => title);
    assert.deepEqual(titles, [
      'Held-out accuracy',
      'Retained, as the original predicts',
      'Forgotten, as the original predicts',
    ]);
  });

  it('are compared by agreement, and give no closeness', () => {
    assert.equal(closeness(classifier(0.1), classifier(0.2)), null);
    assert.deepEqual(fitOf(classifier(0.03).forget), {
      kind: 'accuracy',
      value: 0.03,
      count: 100,
      againstOriginal: true,
    });
    assert.equal(tradeOff(regressor)!.others.againstOriginal, true);
  });

  it('are predictions before and after without label and loss', () => {
    const says = (predicted: number[], confidence: number[] | null) => ({
      predicted,
      confidence,
      loss: null,
    });
    const overview = { size: 3, labels: 'none', classes: null } as const;
    const rows = predictionTable({
      ...{ overview, labels: null, forgotten: new Set([1]) },
      ...{ before: says([2, 1, 0], [1, 1, 1]), after: says([2, 0, 0], [1, 1, 1]) },
    });
    assert.deepEqual(rows[1], {
      ...{ index: 1, set: 'forgotten', label: null, before: '1', after: '0' },
      ...{ lossBefore: null, lossAfter: null, flipped: true },
    });
    const [forgotten, retained] = summarizePredictions(rows);
    assert.deepEqual(forgotten, {
      ...{ set: 'forgotten', count: 1, flipped: 1 },
      ...{ fittedBefore: null, fittedAfter: null, lossBefore: null, lossAfter: null },
    });
    assert.equal(retained!.flipped, 0);
    const fields = predictionFields(rows, 'classes');
    assert.equal(filterPredictions('pred:0', rows, fields).length, 2);
    assert.throws(
      () => filterPredictions('loss>1', rows, fields),
      /loss needs labels; this dataset has none/,
    );
    // The channel drops what is no finite number.
    assert.deepEqual(JSON.parse(JSON.stringify(rows)), rows);
    const values = predictionTable({
      ...{ overview, labels: null, forgotten: null },
      ...{ before: says([0.123456, 1, 2], null), after: says([0.2, 1, 2], null) },
    });
    assert.deepEqual([values[0]!.before, values[0]!.flipped, values[0]!.set], ['0.1235', false, 'held-out']);
  });
});
