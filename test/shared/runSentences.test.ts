import * as assert from 'node:assert/strict';
import { methodChoices } from '../../src/shared/methods';
import { countText, numberText, samplesText, shareText } from '../../src/shared/numberText';
import { parameterGroups, relativeChange } from '../../src/shared/parameterGroups';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import { runFigures, runSentence } from '../../src/shared/runSentences';
import { methods } from '../../src/unlearn/registry';

function result(before: ModelMetrics, after: ModelMetrics, reference: ModelMetrics | null): RunResult {
  return {
    output: 'model.onnx',
    report: 'report',
    receipt: 'receipt.json',
    seconds: 1,
    method: 'gd',
    cost: { sampleGradients: 1, share: 0.1 },
    before,
    after,
    reference,
    projections: [],
  };
}

function classified(retain: number, forget: number, test: number | null): ModelMetrics {
  const set = (count: number, accuracy: number): ModelMetrics['retain'] => ({ count, loss: 0.1, accuracy });
  return {
    retain: set(1900, retain),
    forget: set(100, forget),
    test: test === null ? null : set(1000, test),
    membershipAuc: null,
    confidenceAuc: null,
  };
}

function valued(error: number): ModelMetrics {
  const set = (count: number): ModelMetrics['retain'] => ({ count, loss: 1, maxError: error });
  return { retain: set(50), forget: set(1), test: set(200), membershipAuc: null, confidenceAuc: null };
}

describe('what a run did, in words', () => {
  it('names the forgotten, the retrained model and the held-out samples', () => {
    const run = result(classified(1, 0.96, 0.911), classified(1, 0.03, 0.953), classified(1, 0.01, 0.951));
    assert.equal(
      runSentence(run),
      'On 100 forgotten samples the model fits 3 of the labels to forget (96 before, a model retrained without them fits 1). ' +
        'Test accuracy 91.1 % → 95.3 %.',
    );
    assert.equal(runFigures(run), '3.0 % · 95.3 %');
  });

  it('falls back to the retained samples without test data', () => {
    const run = result(classified(1, 0.96, null), classified(0.995, 0.03, null), null);
    assert.equal(
      runSentence(run),
      'On 100 forgotten samples the model fits 3 of the labels to forget (96 before). Retained accuracy 100 % → 99.5 %.',
    );
    assert.equal(runFigures(run), '3.0 % · 99.5 %');
  });

  it('speaks of errors where the model gives values', () => {
    const run = result(valued(44.123), valued(1.4567), valued(0.5));
    assert.equal(
      runSentence(run),
      'On 1 forgotten sample the largest error is 1.46 (44.1 before, 0.5 when retrained without them). Test, largest error 44.1 → 1.46.',
    );
  });
});

describe('numbers of the side bar', () => {
  it('have thin thousands separators and few digits', () => {
    assert.equal(countText(200832), '200\u2009832');
    assert.equal(countText(999), '999');
    assert.equal(samplesText(1), '1 sample');
    assert.equal(samplesText(2000), '2\u2009000 samples');
    assert.equal(shareText(0.0644), '6.4 %');
    assert.equal(shareText(1), '100 %');
    assert.equal(shareText(0), '0.0 %');
    assert.equal(numberText(0.02137), '0.0214');
    assert.equal(numberText(1.2e-7), '1.2e-7');
  });
});

describe('the methods on offer', () => {
  it('are those that there are, auto first', () => {
    assert.deepEqual(methodChoices.map(({ name }) => name).sort(), methods.map(({ name }) => name).sort());
    assert.equal(methodChoices[0].name, 'auto');
  });
});

describe('parameters by module', () => {
  const parameter = (name: string, count: number): Parameters<typeof parameterGroups>[0][number] => ({
    name,
    dtype: 'float32',
    dims: [count],
    count,
    trainable: true,
    reason: '',
  });

  it('are grouped by what stands before the last dot or slash, in stored order', () => {
    const groups = parameterGroups([
      parameter('conv1.weight', 144),
      parameter('fc/w', 10),
      parameter('conv1.bias', 16),
      parameter('scale', 1),
    ]);
    assert.deepEqual(
      groups.map(({ prefix, count, parameters }) => [prefix, count, parameters.length]),
      [
        ['conv1', 160, 2],
        ['fc', 10, 1],
        ['', 1, 1],
      ],
    );
  });

  it('move together by the norms of their tensors', () => {
    const moved = new Map([
      ['a', { name: 'a', normA: 3, delta: 0.3 }],
      ['b', { name: 'b', normA: 4, delta: 0.4 }],
      ['zero', { name: 'zero', normA: 0, delta: 1 }],
    ]);
    assert.ok(Math.abs(relativeChange(['a', 'b'], moved)! - 0.1) < 1e-12);
    assert.equal(relativeChange(['zero'], moved), null);
    assert.equal(relativeChange(['unknown'], moved), null);
  });
});
