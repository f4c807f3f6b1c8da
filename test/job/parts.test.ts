import assert from 'node:assert/strict';
import { inferLoss } from '../../src/job/heads';
import { statistics } from '../../src/job/inspect';
import { accessibleRetained, requireFinite } from '../../src/job/openJob';
import { ProgressMeter } from '../../src/job/progressMeter';
import { canonicalJson } from '../../src/job/recipeFile';
import { escape } from '../../src/job/plots/svg';
import { roundToStored } from '../../src/job/storedPrecision';
import { compareMetrics } from '../../src/job/verify';
import type { ModelMetrics } from '../../src/shared/report';
import { float32, int64 } from '../../src/tensor/tensor';

describe('parts of a job', () => {
  it('infers the loss from labels and output', () => {
    const ints = int64([4], [0, 1, 1, 0]);
    assert.equal(inferLoss([1, 10], ints, null), 'cross-entropy');
    assert.equal(inferLoss([1, 1], ints, 'sigmoid'), 'binary-cross-entropy');
    assert.equal(inferLoss([1, 1], ints, null), 'binary-cross-entropy');
    assert.equal(inferLoss([1, 1], int64([4], [0, 3, 1, 7]), null), 'mse');
    assert.equal(inferLoss([1, 1], float32([4], [0.5, 1, -2, 0]), null), 'mse');
    assert.equal(inferLoss([1, 1], float32([4], [0, 1, 1, 0]), 'sigmoid'), 'binary-cross-entropy');
    assert.equal(inferLoss([1, 2], float32([2, 2], [0, 1, 1, 0]), 'softmax'), 'cross-entropy');
    assert.equal(
      inferLoss(
        [1, 5, 8, 8],
        int64(
          [1, 8, 8],
          Array.from({ length: 64 }, () => 4),
        ),
        null,
      ),
      'cross-entropy',
    );
    assert.equal(inferLoss([1, 3], int64([2, 3], [0, 1, 1, 0, 0, 1]), null), 'binary-cross-entropy');
  });

  it('streams statistics', () => {
    const { norm, min, max, mean, std } = statistics([
      Float64Array.of(1, 2),
      Float64Array.of(),
      Float64Array.of(3, -6),
    ]);
    assert.equal(norm, Math.sqrt(50));
    assert.deepEqual([min, max, mean], [-6, 3, 0]);
    assert.ok(Math.abs(std - Math.sqrt(12.5)) < 1e-12);
    assert.ok(Number.isNaN(statistics([Float64Array.of(1, NaN)]).max));
  });

  it('limits the retained data to a share that depends on the seed only', () => {
    const all = Array.from({ length: 1000 }, (_, index) => 2 * index);
    const some = accessibleRetained(all, 0.1, 3);
    assert.equal(some.length, 100);
    assert.deepEqual(some, accessibleRetained(all, 0.1, 3));
    assert.notDeepEqual(some, accessibleRetained(all, 0.1, 4));
    assert.ok(some.every(index => all.includes(index)));
    assert.equal(new Set(some).size, 100);
    assert.deepEqual(accessibleRetained([5, 6], 0.001, 0).length, 1);
    assert.deepEqual(accessibleRetained(all, 1, 0), all);
  });

  it('names the tensor and the element that is not finite', () => {
    const values = new Map([
      ['w', Float32Array.of(1, 2)],
      ['b', Float32Array.of(0, Infinity)],
    ]);
    assert.throws(
      () => requireFinite(values, 'm.onnx cannot be used'),
      /element 1 of the parameter b is Infinity/,
    );
  });

  it('estimates the time left', () => {
    let now = 0;
    const meter = new ProgressMeter(() => now);
    const update = { epoch: 1, epochs: 10, step: 1, steps: 10, loss: 1 };
    assert.equal(meter.measure(update).secondsLeft, undefined);
    now = 4000;
    assert.equal(meter.measure({ ...update, step: 3 }).secondsLeft, 14);
    assert.equal(meter.measure({ ...update, step: 10 }).secondsLeft, undefined);
  });

  it('writes the same JSON for the same value', () => {
    assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: null }), '{"a":null,"b":[{"c":2,"d":1}]}');
  });

  it('escapes what came from files', () => {
    assert.equal(
      escape(`<img src=x onerror='a("b")'>&`),
      '&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;',
    );
  });

  it('rounds to what a half-precision file holds', () => {
    const values = new Map([
      ['h', Float32Array.of(1 / 3, 1)],
      ['f', Float32Array.of(1 / 3, 1)],
    ]);
    const of = (name: string, dtype: 'float16' | 'float32') =>
      ({ name, dtype, dims: [2], count: 2, trainable: true, reason: '' }) as const;
    roundToStored([of('h', 'float16'), of('f', 'float32')], values);
    assert.deepEqual([...values.get('h')!], [0.333251953125, 1]);
    assert.deepEqual([...values.get('f')!], [Math.fround(1 / 3), 1]);
  });

  it('rounds what was computed in float64 to each type once', () => {
    const third = 1 / 3;
    const types = ['float64', 'float32', 'float16', 'bfloat16'] as const;
    const values = new Map(types.map(name => [name, Float64Array.of(third, 1 + 2 ** -8 + 2 ** -40)]));
    roundToStored(
      types.map(name => ({ name, dtype: name, dims: [2], count: 2, trainable: true, reason: '' })),
      values,
    );
    assert.deepEqual([...values.get('float64')!], [third, 1 + 2 ** -8 + 2 ** -40]);
    assert.deepEqual([...values.get('float32')!], [Math.fround(third), 1 + 2 ** -8]);
    assert.deepEqual([...values.get('float16')!], [0.333251953125, 1 + 2 ** -8]);
    assert.deepEqual([...values.get('bfloat16')!], [0.333984375, 1 + 2 ** -7]);
  });

  it('compares metrics exactly on the same machine and closely elsewhere', () => {
    const metrics = (loss: number): ModelMetrics => ({
      retain: { count: 1, loss, accuracy: 1 },
      forget: { count: 1, loss: 2 },
      test: null,
      membershipAuc: null,
      confidenceAuc: 0.5,
    });
    assert.match(compareMetrics(metrics(1), metrics(1), true), /equal/);
    assert.match(compareMetrics(metrics(1.00005), metrics(1), false), /agree within/);
    assert.throws(
      () => compareMetrics(metrics(1.00005), metrics(1), true),
      /retain\.loss is 1\.00005, but the receipt says 1\./,
    );
    assert.throws(() => compareMetrics(metrics(1.01), metrics(1), false), /retain\.loss/);
    assert.throws(
      () => compareMetrics({ ...metrics(1), membershipAuc: 0.5 }, metrics(1), false),
      /membershipAuc/,
    );
  });
});
