import assert from 'node:assert/strict';
import fc from 'fast-check';
import { areaUnderCurve } from '../../src/evaluate/auc';

describe('areaUnderCurve', () => {
  it('is the share of pairs in which the first is higher, ties a half', () => {
    const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(values, values, (higher, lower) => {
        let twice = 0;
        for (const a of higher) for (const b of lower) twice += a > b ? 2 : a === b ? 1 : 0;
        assert.equal(areaUnderCurve(higher, lower), twice / 2 / higher.length / lower.length);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('orders negative and tiny values as numbers', () => {
    assert.equal(areaUnderCurve([-1, 1e-300], [-10, 0]), 0.75);
  });

  it('is null without samples', () => {
    assert.equal(areaUnderCurve([], [1]), null);
    assert.equal(areaUnderCurve([1], []), null);
  });

  it('takes 200,000 values in well under a second', () => {
    const higher = Float64Array.from({ length: 100_000 }, (_, index) => index);
    const start = performance.now();
    assert.equal(areaUnderCurve(higher, higher), 0.5);
    assert.ok(performance.now() - start < 1000);
  });
});
