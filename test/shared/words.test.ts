import assert from 'node:assert/strict';
import { metricRows } from '../../src/shared/metricRows';
import { nearestName } from '../../src/shared/nearest';
import { duration, progressText } from '../../src/shared/progressText';
import type { ModelMetrics } from '../../src/shared/report';

describe('words for people', () => {
  it('says where a job stands', () => {
    const update = {
      phase: 'unlearning',
      epoch: 7,
      epochs: 20,
      step: 7,
      steps: 20,
      loss: 0.0213,
      secondsLeft: 5.2,
    } as const;
    assert.equal(progressText(update), 'Epoch 7 of 20 · loss 0.021 · about 6 s left');
    assert.equal(progressText({ phase: 'saving' }), 'Saving');
    const projection = { iteration: 12, most: 200, residual: 0.0312, target: 1e-3 };
    assert.equal(
      progressText({ phase: 'unlearning', projection }),
      'Unlearning · projection, iteration 12: residual 3.1e-2',
    );
    assert.equal(
      progressText({ ...update, projection }),
      'Epoch 7 of 20 · projection, iteration 12: residual 3.1e-2 · about 6 s left',
    );
    assert.equal(duration(600), '10 min');
    assert.equal(duration(7200), '2.0 h');
  });

  it('suggests only names that are near', () => {
    assert.equal(nearestName('epoch', ['epochs', 'batchSize']), 'epochs');
    assert.equal(nearestName('BATCHSIZE', ['epochs', 'batchSize']), 'batchSize');
    assert.equal(nearestName('colour', ['epochs', 'batchSize']), null);
  });

  it('compares models in rows and leaves out what none has', () => {
    const metrics = (accuracy: number): ModelMetrics => ({
      retain: { count: 3, loss: 0.5, accuracy },
      forget: { count: 1, loss: 0.00001, accuracy: 0 },
      test: null,
      membershipAuc: null,
      confidenceAuc: null,
    });
    assert.deepEqual(
      metricRows([
        { name: 'a', metrics: metrics(1) },
        { name: 'b', metrics: metrics(0.125), cost: '5 %' },
      ]),
      [
        ['', 'a', 'b'],
        ['retained accuracy', '100.0 %', '12.5 %'],
        ['forgotten accuracy', '0.0 %', '0.0 %'],
        ['retained loss', '0.5', '0.5'],
        ['forgotten loss', '1.0e-5', '1.0e-5'],
        ['cost of retraining', '–', '5 %'],
      ],
    );
  });
});
