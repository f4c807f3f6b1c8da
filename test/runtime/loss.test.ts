import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LossError, resolveLoss, termWeights, type ResolvedLoss } from '../../src/runtime/loss';
import {
  confidences,
  predictedClasses,
  sampleLosses,
  sampleTerms,
  type FinalActivation,
} from '../../src/runtime/sampleLosses';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';

const where = 'Labels of train.npz';

function close(got: ArrayLike<number>, want: readonly number[], tolerance = 1e-12): void {
  assert.equal(got.length, want.length);
  want.forEach((value, index) => {
    assert.ok(
      Math.abs(got[index]! - value) <= tolerance * Math.max(1, Math.abs(value)),
      `${got[index]} is not ${value}`,
    );
  });
}

function classIndices(resolved: ResolvedLoss): { axis: number; classes: number; labels: number[] } {
  assert.equal(resolved.kind, 'class-indices');
  return { axis: resolved.classAxis, classes: resolved.classes, labels: [...resolved.labels] };
}

describe('how labels meet an output', () => {
  const zeros = (...dims: number[]): Tensor =>
    int64(dims, Array<number>(dims.reduce((a, b) => a * b, 1)).fill(0));

  it('puts the classes on axis 1 where the labels lack it, else on the last', () => {
    const axisFor = (output: number[], labels: number[]): number =>
      classIndices(resolveLoss('cross-entropy', output, zeros(...labels), where)).axis;
    assert.equal(axisFor([4, 10], [4]), 1);
    assert.equal(axisFor([4, 10, 6], [4, 6]), 1);
    assert.equal(axisFor([4, 6, 10], [4, 6]), 2);
    assert.equal(axisFor([4, 3, 5, 7], [4, 5, 7]), 1);
    assert.equal(axisFor([4, 5, 7, 3], [4, 5, 7]), 3);
    assert.equal(axisFor([4, 6, 6], [4, 6]), 1, 'axis 1 wins a tie');
  });

  it('speaks of negative labels only where a sample has several', () => {
    const said = (output: number[], labels: Tensor): string => {
      try {
        resolveLoss('cross-entropy', output, labels, where);
      } catch (error) {
        assert(error instanceof LossError);
        return error.message;
      }
      return assert.fail('The labels were taken.');
    };
    assert.match(
      said([2, 3], int64([2], [0, 3])),
      /sample 1 is 3.*Correct the label or remove the sample\.$/,
    );
    assert.doesNotMatch(said([2, 3], int64([2], [0, 3])), /negative/);
    assert.match(said([1, 3, 2], int64([1, 2], [0, 3])), /or make it negative to ignore it\.$/);
  });

  it('reads labels with axes of size one, or flattened', () => {
    assert.deepEqual(
      classIndices(resolveLoss('cross-entropy', [3, 4], int64([3, 1], [1, 2, 3]), where)).labels,
      [1, 2, 3],
    );
    assert.equal(classIndices(resolveLoss('cross-entropy', [2, 3, 4], zeros(6), where)).axis, 2);
  });

  it('ignores negative labels and means over the others', () => {
    const resolved = resolveLoss('cross-entropy', [4, 3], int64([4], [2, -1, 0, -100]), where);
    assert.deepEqual(classIndices(resolved), { axis: 1, classes: 3, labels: [2, -1, 0, -1] });
    assert.deepEqual([...resolved.weights], [0.5, 0, 0.5, 0]);
    assert.deepEqual([...sampleTerms(resolved)], [1, 0, 1, 0]);
    const none = resolveLoss('cross-entropy', [2, 3], int64([2], [-1, -1]), where);
    assert.deepEqual([...none.weights], [0, 0]);
    assert.deepEqual([...sampleLosses(none, float32([2, 3], [1, 2, 3, 4, 5, 6]), null)], [0, 0]);
  });

  it('takes floating labels shaped like the output as class probabilities', () => {
    const plain = resolveLoss('cross-entropy', [2, 2], float32([2, 2], [0.25, 0.75, 1, 0]), where);
    assert.deepEqual([plain.kind, plain.positions], ['class-probabilities', 2]);
    assert.equal(plain.weights[0], 0.5);
    // [1, 2, 3]: sums to one along axis 1 only, then along axis 2 only, then along both.
    const along = (values: number[], dims: number[]): number => {
      const resolved = resolveLoss('cross-entropy', dims, float32(dims, values), where);
      assert.equal(resolved.kind, 'class-probabilities');
      return resolved.classAxis;
    };
    assert.equal(along([0.2, 0.5, 0.9, 0.8, 0.5, 0.1], [1, 2, 3]), 1);
    assert.equal(along([0.2, 0.7, 0.1, 0.3, 0.3, 0.4], [1, 2, 3]), 2);
    assert.equal(along([0.2, 0.8, 0.8, 0.2], [1, 2, 2]), 1);
  });

  it('takes integers, halves and 64-bit floats for the losses over elements, and never broadcasts', () => {
    const half: Tensor = { dtype: 'float16', dims: [2, 1], data: Uint16Array.of(0x3c00, 0x3800) };
    assert.deepEqual([...resolveLoss('mse', [2], half, where).labels], [1, 0.5]);
    assert.deepEqual([...resolveLoss('mse', [2, 1], int64([2], [-7, 7]), where).labels], [-7, 7]);
    assert.throws(
      () => resolveLoss('mse', [4, 3], float32([4], [1, 2, 3, 4]), where),
      (error: unknown) =>
        error instanceof LossError &&
        /Labels of train\.npz hold 4 values \(shape \[4\]\), but the output has 12 \(shape \[4, 3\]\)/.test(
          error.message,
        ),
    );
  });

  const refused: [string, () => ResolvedLoss, RegExp][] = [
    [
      'a label outside the classes',
      () => resolveLoss('cross-entropy', [3, 10], int64([3], [1, 10, 2]), where, [7, 41, 9]),
      /^Labels of train\.npz: the label of sample 41 is 10, but the model has 10 classes \(0 to 9\)\. Correct/,
    ],
    [
      'a position inside a sample',
      () => resolveLoss('cross-entropy', [1, 3, 2, 2], int64([1, 2, 2], [0, 1, 5, 2]), where),
      /the label of sample 0 at \[1, 0\] is 5, but the model has 3 classes/,
    ],
    [
      'an output with one column',
      () => resolveLoss('cross-entropy', [2, 1], int64([2], [0, 1]), where),
      /has 1 class \(0\).*use the loss binary-cross-entropy/,
    ],
    [
      'a shape that does not fit',
      () => resolveLoss('cross-entropy', [4, 10], int64([5], [1, 2, 3, 4, 5]), where),
      /have the shape \[5\], but an output of shape \[4, 10\] needs class numbers of shape \[4\]/,
    ],
    [
      'one-hot integers',
      () => resolveLoss('cross-entropy', [2, 2], int64([2, 2], [0, 1, 1, 0]), where),
      /floating class probabilities of shape \[2, 2\]/,
    ],
    [
      'a fraction as a class',
      () => resolveLoss('cross-entropy', [2, 3], float32([2], [1, 0.5]), where),
      /the label of sample 1 is 0\.5, which is no class number/,
    ],
    [
      'a binary label above one',
      () => resolveLoss('binary-cross-entropy', [3], int64([3], [0, 1, 2]), where),
      /the label of sample 2 is 2, but the loss binary-cross-entropy takes labels from 0 to 1/,
    ],
    [
      'a label that is NaN',
      () => resolveLoss('mse', [2, 2], float32([4], [0, 1, NaN, 2]), where),
      /the label of sample 2 is NaN/,
    ],
  ];
  for (const [what, action, sentence] of refused) {
    it(`refuses ${what} in a sentence`, () => {
      assert.throws(action, error => error instanceof LossError && sentence.test(error.message));
    });
  }

  it('weighs the terms of each sample', () => {
    const resolved = resolveLoss('cross-entropy', [2, 3, 2], int64([2, 2], [0, -1, 2, 1]), where);
    const third = Math.fround(1 / 3);
    close(termWeights(resolved, 2, [1, -2]), [third, 0, -2 * third, -2 * third], 1e-7);
    assert.equal(termWeights(resolved, 2), resolved.weights);
    assert.throws(() => termWeights(resolved, 2, [1]), RangeError);
  });
});

describe("each sample's loss", () => {
  const logits = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 12, maxLength: 12 });
  const labels = fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 3, maxLength: 3 });
  const settings = { seed: 7, numRuns: 60 };

  /** −log p straight from the definition, which is accurate while logits are small. */
  function probabilities(z: readonly number[], end: FinalActivation): number[] {
    if (end === 'sigmoid') return z.map(value => 1 / (1 + Math.exp(-value)));
    const sum = z.reduce((total, value) => total + Math.exp(value), 0);
    return z.map(value => Math.exp(value) / sum);
  }

  for (const end of [null, 'softmax', 'log-softmax', 'sigmoid'] as const) {
    it(`is −log p of the label for cross-entropy, ended by ${end ?? 'logits'}`, () => {
      fc.assert(
        fc.property(logits, labels, (z, y) => {
          const output = float32([3, 4], z);
          const resolved = resolveLoss('cross-entropy', [3, 4], int64([3], y), where);
          const want = y.map((label, row) => {
            const p = probabilities([...output.data.subarray(row * 4, row * 4 + 4)].map(Number), end);
            return label < 0 ? 0 : -Math.log(p[label]!);
          });
          close(sampleLosses(resolved, output, end), want, 1e-9);
        }),
        settings,
      );
    });

    it(`is −y log p − (1 − y) log(1 − p) for binary cross-entropy, ended by ${end ?? 'logits'}`, () => {
      fc.assert(
        fc.property(
          logits,
          fc.array(fc.constantFrom(0, 0.25, 1), { minLength: 12, maxLength: 12 }),
          (z, y) => {
            const output = float32([3, 4], z);
            const resolved = resolveLoss('binary-cross-entropy', [3, 4], float32([3, 4], y), where);
            const want = [0, 1, 2].map(row => {
              const p = probabilities(
                [...output.data.subarray(row * 4, row * 4 + 4)].map(Number),
                end ?? 'sigmoid',
              );
              return p.reduce((sum, value, column) => {
                const label = y[row * 4 + column]!;
                return sum - (label * Math.log(value) + (1 - label) * Math.log1p(-value)) / 4;
              }, 0);
            });
            close(sampleLosses(resolved, output, end), want, 1e-6);
          },
        ),
        settings,
      );
    });
  }

  it('stays exact where probabilities round to 0 or 1', () => {
    const far = float32([2, 2], [0, 200, 0, 200]);
    close(
      sampleLosses(resolveLoss('cross-entropy', [2, 2], int64([2], [0, 1]), where), far, 'softmax'),
      [200, Math.exp(-200)],
      1e-15,
    );
    const binary = resolveLoss('binary-cross-entropy', [2, 2], int64([2, 2], [1, 0, 0, 1]), where);
    close(sampleLosses(binary, far, 'sigmoid'), [(Math.LN2 + 200) / 2, Math.LN2 / 2], 1e-15);
    close(sampleLosses(binary, far, 'softmax'), [200, 0], 1e-15);
  });

  it('means over the positions of a sample, on axis 1 or the last', () => {
    // Two classes, two positions: softplus of the difference of the logits.
    const onAxis1 = float32([1, 2, 2], [0, 5, 3, 1]);
    const onLast = float32([1, 2, 2], [0, 3, 5, 1]);
    const softplus = (x: number): number => Math.log1p(Math.exp(x));
    const expected = [(softplus(3) + softplus(4)) / 2];
    const label = int64([1, 2], [0, 1]);
    close(sampleLosses(resolveLoss('cross-entropy', [1, 2, 2], label, where), onAxis1, null), expected);
    const shaped = float32([1, 2, 2], [1, 0, 0, 1]);
    const resolved = resolveLoss('cross-entropy', [1, 2, 2], shaped, where);
    close(sampleLosses(resolved, onAxis1, null), expected);
    const onLastResolved: ResolvedLoss = { ...classLoss(resolved), classAxis: 2 };
    close(sampleLosses(onLastResolved, onLast, null), expected);
  });

  function classLoss(resolved: ResolvedLoss): Exclude<ResolvedLoss, { kind: 'elements' }> {
    assert.notEqual(resolved.kind, 'elements');
    return resolved as Exclude<ResolvedLoss, { kind: 'elements' }>;
  }

  it('is the mean square for mse, and belongs to the right sample when rows hold several positions', () => {
    const resolved = resolveLoss('mse', [2, 2], float32([4], [1, 2, 3, 4]), where);
    close(sampleLosses(resolved, float32([2, 2], [1, 4, 0, 4]), null), [2, 4.5]);
    const rows = resolveLoss('cross-entropy', [4, 2], int64([4], [0, 1, -1, 1]), where);
    const output = float32([4, 2], [1, 0, 0, 0, 9, 9, 0, 0]);
    close(sampleLosses(rows, output, null, 2), [(Math.log1p(Math.exp(-1)) + Math.LN2) / 2, Math.LN2]);
    assert.deepEqual([...sampleTerms(rows, 2)], [2, 1]);
  });

  it('finds the first largest class and its softmax probability along the class axis', () => {
    const output = float32([1, 3, 2], [1, 5, 7, 5, 7, 2]);
    assert.deepEqual([...predictedClasses(output, 1)], [1, 0]);
    close(confidences(output, 1), [1 / (2 + Math.exp(-6)), 1 / (2 + Math.exp(-3))]);
    assert.deepEqual([...predictedClasses(float32([2, 2], [3, 3, 1, 2]), 1)], [0, 1]);
  });
});
