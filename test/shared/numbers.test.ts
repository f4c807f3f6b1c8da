import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  bytes,
  count,
  percent,
  percentValue,
  ratioPercent,
  shape,
  signed,
  significant,
  things,
} from '../../src/shared/numbers';

/** A text with its typography taken back, as a number. */
function asNumber(text: string): number {
  return Number(text.replaceAll('\u202f', '').replaceAll('\u2212', '-'));
}

describe('numbers for people', () => {
  it('groups thousands with narrow spaces', () => {
    assert.equal(count(206922), '206\u202f922');
    assert.equal(count(-1234567), '\u22121\u202f234\u202f567');
    assert.equal(count(999), '999');
  });

  it('keeps three significant digits', () => {
    assert.equal(significant(0.0213456), '0.0213');
    assert.equal(significant(12.3456), '12.3');
    assert.equal(significant(123456), '123\u202f000');
    assert.equal(significant(999.96), '1\u202f000');
    assert.equal(significant(0.00012345), '1.23e\u22124');
    assert.equal(significant(-12345678), '\u22121.23e7');
    assert.equal(significant(0), '0');
    assert.equal(significant(Number.NEGATIVE_INFINITY), '\u2212∞');
    assert.equal(significant(Number.NaN), 'NaN');
  });

  it('is never off by more than half of the last digit it shows', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e12, max: 1e12, noNaN: true }),
        fc.integer({ min: 1, max: 6 }),
        (value, digits) => {
          fc.pre(Math.abs(value) > 1e-200);
          const shown = asNumber(significant(value, digits));
          const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - digits + 1);
          assert.ok(Math.abs(shown - value) <= 0.5 * unit * (1 + 1e-9), `${value} is shown as ${shown}`);
        },
      ),
      { seed: 3 },
    );
  });

  it('shows shares with and without their unit', () => {
    assert.equal(percent(0.953), '95.3\u202f%');
    assert.equal(percentValue(-0.0001), '0.0');
    assert.equal(percentValue(-0.91), '\u221291.0');
    assert.equal(ratioPercent(0.000213), '0.0213\u202f%');
  });

  it('gives a sign to what is more, and none to what shows as nothing', () => {
    assert.equal(signed('4.3', 4.3), '+4.3');
    assert.equal(signed('0.0', 0.0001), '0.0');
    assert.equal(signed('\u22121.0', -1), '\u22121.0');
  });

  it('names bytes, things and shapes', () => {
    assert.equal(bytes(999), '999\u202fB');
    assert.equal(bytes(828_540), '829\u202fkB');
    assert.equal(bytes(999_600), '1.00\u202fMB');
    assert.equal(bytes(45_200_000), '45.2\u202fMB');
    assert.equal(things(1, 'sample'), '1 sample');
    assert.equal(things(2000, 'sample'), '2\u202f000 samples');
    assert.equal(shape(['batch', 1, 28, null]), 'batch × 1 × 28 × ?');
    assert.equal(shape([]), 'scalar');
    assert.equal(shape(null), 'unknown shape');
  });
});
