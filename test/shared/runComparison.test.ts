import assert from 'node:assert/strict';
import type { ModelMetrics } from '../../src/shared/report';
import { closeness, metricPairs, tradeOff } from '../../src/shared/runComparison';

function classifier(forget: number, retain: number, test: number | null): ModelMetrics {
  return {
    forget: { count: 100, loss: 1, accuracy: forget },
    retain: { count: 1900, loss: 0.5, accuracy: retain },
    test: test === null ? null : { count: 1000, loss: 0.25, accuracy: test },
    membershipAuc: test === null ? null : 0.25,
    confidenceAuc: null,
  };
}

const regressor: ModelMetrics = {
  forget: { count: 5, loss: 1, maxError: 1.5 },
  retain: { count: 50, loss: 0.1, maxError: 0.3 },
  test: null,
  membershipAuc: null,
  confidenceAuc: null,
};

describe('runs beside one another', () => {
  it('sets what is still fitted against held-out samples, or retained ones where there are none', () => {
    assert.deepEqual(tradeOff(classifier(0.03, 0.99, 0.95)), {
      forgotten: { kind: 'accuracy', value: 0.03, count: 100 },
      others: { kind: 'accuracy', value: 0.95, count: 1000 },
      heldOut: true,
    });
    assert.deepEqual(tradeOff(regressor), {
      forgotten: { kind: 'error', value: 1.5, count: 5 },
      others: { kind: 'error', value: 0.3, count: 50 },
      heldOut: false,
    });
  });

  it('says how close a model is to a retrained one', () => {
    const retrained = classifier(0.01, 1, 0.95);
    assert.equal(closeness(retrained, retrained), 1);
    const other = closeness(classifier(0.11, 0.9, 0.85), retrained);
    assert.ok(Math.abs(other! - 0.9 ** 3) < 1e-12);
    assert.equal(closeness(regressor, regressor), null);
  });

  it('compares metric by metric, and leaves out what neither has', () => {
    const pairs = metricPairs(classifier(0.96, 1, 0.91), classifier(0.03, 1, 0.953));
    assert.deepEqual(
      pairs.map(({ name, a, b, delta }) => [name, a, b, delta]),
      [
        ['held-out accuracy, %', '91.0', '95.3', '+4.3'],
        ['held-out loss', '0.250', '0.250', '0'],
        ['retained accuracy, %', '100.0', '100.0', '0.0'],
        ['retained loss', '0.500', '0.500', '0'],
        ['forgotten accuracy, %', '96.0', '3.0', '−93.0'],
        ['forgotten loss', '1.00', '1.00', '0'],
        ['membership AUC', '0.250', '0.250', '0.000'],
      ],
    );
    assert.equal(pairs[0]!.tip, '1\u202f000 held-out samples');
    assert.deepEqual(
      metricPairs(classifier(0.9, 1, null), classifier(0.1, 1, 0.9)).find(
        ({ name }) => name === 'held-out loss',
      ),
      { name: 'held-out loss', a: '–', b: '0.250', delta: '', tip: '1\u202f000 held-out samples' },
    );
  });
});
