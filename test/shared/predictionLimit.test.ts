import assert from 'node:assert/strict';
import type { PredictionRow } from '../../src/shared/modelViewProtocol';
import { limitRows } from '../../src/shared/predictionLimit';

function rowsOf(count: number, forgotten: ReadonlySet<number>): PredictionRow[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    set: forgotten.has(index) ? 'forgotten' : 'retained',
    label: 'a',
    before: 'a',
    after: 'b',
    lossBefore: 0,
    lossAfter: 1,
    flipped: true,
  }));
}

describe('rows of predictions where there are too many', () => {
  it('are all there up to the limit', () => {
    const rows = rowsOf(10, new Set([2]));
    assert.equal(limitRows(rows, 10), rows);
  });

  it('keep every forgotten sample, and take the others evenly in their order', () => {
    const rows = limitRows(rowsOf(1000, new Set([1, 500, 999])), 103);
    assert.equal(rows.length, 103);
    assert.deepEqual(
      rows.filter(({ set }) => set === 'forgotten').map(({ index }) => index),
      [1, 500, 999],
    );
    const others = rows.filter(({ set }) => set === 'retained').map(({ index }) => index);
    assert.deepEqual(
      others,
      [...others].sort((a, b) => a - b),
    );
    assert.ok(others[0]! < 10 && others.at(-1)! > 980);
  });

  it('are thinned even where all are forgotten', () => {
    assert.equal(limitRows(rowsOf(100, new Set(Array(100).keys())), 7).length, 7);
  });
});
