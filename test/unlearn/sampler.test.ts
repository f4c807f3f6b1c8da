// Constraint samples are spread evenly over classes, cycles visit everything, and epochs have the right steps.
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { Random } from '../../src/tensor/random';
import { ShuffledCycle, balancedSample, stepsPerEpoch } from '../../src/unlearn/sampler';

describe('balanced constraint samples', () => {
  it('give each class ⌊m/C⌋ or ⌈m/C⌉ where every class has enough', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(),
        (classes, count, seed) => {
          const labels = Array.from({ length: classes * 60 }, (_, index) => index % classes);
          const chosen = balancedSample(labels, labels.length, count, new Random(seed));
          assert.equal(new Set(chosen).size, count);
          const counts = Array.from(
            { length: classes },
            (_, label) => chosen.filter(at => labels[at] === label).length,
          );
          for (const each of counts) {
            assert.ok(each >= Math.floor(count / classes), `${counts.join()}`);
            assert.ok(each <= Math.ceil(count / classes), `${counts.join()}`);
          }
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });

  it('fill up from other classes when one runs out, and take the whole pool when asked for more', () => {
    const labels = [0, 0, 0, 0, 0, 0, 1];
    const chosen = balancedSample(labels, labels.length, 5, new Random(2));
    assert.equal(chosen.length, 5);
    assert.ok(chosen.includes(6));
    assert.deepEqual(
      balancedSample(labels, labels.length, 99, new Random(2)).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6],
    );
  });

  it('are never empty, and without classes drawn from everywhere', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed++)
      for (const at of balancedSample(null, 10, 2, new Random(seed))) seen.add(at);
    assert.equal(seen.size, 10);
    assert.equal(balancedSample([3, 1, 2], 3, 1, new Random(0)).length, 1);
  });
});

describe('shuffled cycles', () => {
  it('visit every index once before any comes again', () => {
    const cycle = new ShuffledCycle([5, 6, 7, 8, 9], new Random(4));
    const drawn = Array.from({ length: 10 }, () => cycle.next(3)).flat();
    for (let pass = 0; pass < 6; pass++)
      assert.deepEqual(drawn.slice(pass * 5, pass * 5 + 5).sort(), [5, 6, 7, 8, 9]);
    assert.equal(cycle.next(50).length, 5);
  });

  it('an epoch over the forget set has as many steps as it has batches', () => {
    assert.equal(stepsPerEpoch('forget', { forgotten: 100, retained: 1900 }, 256), 1);
    assert.equal(stepsPerEpoch('forget', { forgotten: 257, retained: 1900 }, 256), 2);
    assert.equal(stepsPerEpoch('retain', { forgotten: 100, retained: 1900 }, 256), 8);
  });
});
