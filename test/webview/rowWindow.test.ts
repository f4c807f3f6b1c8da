import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareValues, leastWidth, rowWindow } from '../../webview/kit/rowWindow';

describe('rows in sight', () => {
  it('cover the view wherever it is scrolled to, and hardly more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 0, max: 2000 }),
        fc.integer({ min: 8, max: 64 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (total, view, height, share) => {
          const top = share * Math.max(0, total * height - view);
          const { first, last } = rowWindow(top, view, height, total);
          assert.ok(first >= 0 && last <= total && first <= last);
          assert.ok(first * height <= top || first === total);
          assert.ok(last === total || last * height >= top + view);
          assert.ok(last - first <= view / height + 14);
        },
      ),
      { seed: 5 },
    );
  });

  it('stay within the rows when these become fewer than the place scrolled to', () => {
    assert.deepEqual(rowWindow(26_000, 500, 26, 3), { first: 3, last: 3 });
  });
});

describe('the order of values', () => {
  it('takes words naturally and puts what is missing last in either direction', () => {
    const names = ['conv10', null, 'conv2', 'bias'];
    assert.deepEqual(
      [...names].sort((a, b) => compareValues(a, b)),
      ['bias', 'conv2', 'conv10', null],
    );
    assert.deepEqual(
      [...names].sort((a, b) => compareValues(a, b, -1)),
      ['conv10', 'conv2', 'bias', null],
    );
    assert.deepEqual(
      [3, Number.NaN, -1].sort((a, b) => compareValues(a, b, -1)),
      [3, -1, Number.NaN],
    );
  });
});

describe('the least width of a row', () => {
  it('adds the least of each track, the gaps and the ends', () => {
    assert.equal(
      leastWidth(['minmax(112px, 1.6fr)', '64px', 'minmax(72px, 0.7fr)']),
      112 + 64 + 72 + 2 * 16 + 32,
    );
  });
});
