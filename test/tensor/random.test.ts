import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Random } from '../../src/tensor/random';

describe('Random', () => {
  it('gives the sequence of xoshiro128** for its state', () => {
    const random = new Random(0);
    // From the state (1, 2, 3, 4) the algorithm gives 2·5 rotated by 7, times 9, first.
    random.restore([1, 2, 3, 4]);
    assert.deepEqual(
      [random.nextUint32(), random.nextUint32(), random.nextUint32()],
      reference([1, 2, 3, 4], 3),
    );
    assert.equal(reference([1, 2, 3, 4], 1)[0], 11520);
  });

  it('repeats itself for the same seed, differs for another, and continues where it was saved', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), seed => {
        const [a, b, c] = [new Random(seed), new Random(seed), new Random((seed + 1) >>> 0)];
        const first = Array.from({ length: 8 }, () => a.nextUint32());
        assert.deepEqual(
          Array.from({ length: 8 }, () => b.nextUint32()),
          first,
        );
        assert.notDeepEqual(
          Array.from({ length: 8 }, () => c.nextUint32()),
          first,
        );
        const state = a.save();
        const next = a.uniform();
        b.restore(state);
        assert.equal(b.uniform(), next);
      }),
      { seed: 1 },
    );
  });

  it('gives uniform numbers with the mean and variance they must have', () => {
    const random = new Random(7);
    const count = 100_000;
    const values = Array.from({ length: count }, () => random.uniform());
    assert.ok(values.every(value => value >= 0 && value < 1));
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
    // Five standard errors.
    assert.ok(Math.abs(mean - 0.5) < 5 * Math.sqrt(1 / 12 / count), `mean ${mean}`);
    assert.ok(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / count), `variance ${variance}`);
  });

  it('gives normal numbers with the moments they must have', () => {
    const random = new Random(11);
    const count = 100_000;
    const values = Array.from({ length: count }, () => random.normal());
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / count;
    assert.ok(values.every(Number.isFinite));
    assert.ok(Math.abs(moment(1)) < 5 / Math.sqrt(count));
    assert.ok(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / count));
    assert.ok(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / count));
  });

  it('shuffles to every order about equally often', () => {
    const random = new Random(3);
    const counts = new Map<string, number>();
    const rounds = 24_000;
    for (let round = 0; round < rounds; round++) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    let chiSquare = 0;
    for (const count of counts.values()) chiSquare += (count - rounds / 24) ** 2 / (rounds / 24);
    // 23 degrees of freedom: above 58 once in 10,000 times.
    assert.ok(chiSquare < 58, `chi-square ${chiSquare}`);
  });
});

/** xoshiro128** written out with BigInt. */
function reference(state: number[], count: number): number[] {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  const s = state.map(BigInt);
  return Array.from({ length: count }, () => {
    const result = (rotate((s[1]! * 5n) & mask, 7n) * 9n) & mask;
    const t = (s[1]! << 9n) & mask;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11n);
    return Number(result);
  });
}
