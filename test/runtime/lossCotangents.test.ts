// The closed forms of the losses' cotangents against central differences of the losses themselves.
import assert from 'node:assert/strict';
import { resolveLoss, termWeights, type ResolvedLoss } from '../../src/runtime/loss';
import { lossCotangent } from '../../src/runtime/lossCotangents';
import { lossTerms, type FinalActivation } from '../../src/runtime/sampleLosses';
import { Random } from '../../src/tensor/random';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';

const random = new Random(3);
const normal = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
const uniform = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform()),
  );

const cases: { name: string; resolved: ResolvedLoss; activations: FinalActivation[] }[] = [
  {
    name: 'cross-entropy of class numbers',
    resolved: resolveLoss('cross-entropy', [4, 3], int64([4], [0, 2, 1, -1]), 'Labels'),
    activations: [null, 'softmax', 'log-softmax', 'sigmoid'],
  },
  {
    name: 'cross-entropy of pixels, classes on axis 1',
    resolved: resolveLoss('cross-entropy', [2, 3, 2], int64([2, 2], [0, 2, -1, 1]), 'Labels'),
    activations: [null],
  },
  {
    name: 'cross-entropy of class probabilities',
    resolved: resolveLoss('cross-entropy', [4, 3], uniform([4, 3]), 'Labels'),
    activations: [null, 'sigmoid'],
  },
  {
    name: 'binary cross-entropy',
    resolved: resolveLoss('binary-cross-entropy', [4, 3], uniform([4, 3]), 'Labels'),
    activations: [null, 'sigmoid', 'softmax'],
  },
  {
    name: 'mean squared error',
    resolved: resolveLoss('mse', [4, 3], normal([4, 3]), 'Labels'),
    activations: [null],
  },
];

describe('cotangents of losses', () => {
  for (const { name, resolved, activations } of cases)
    for (const activation of activations)
      it(`${name}, ${activation ?? 'no activation'}`, () => {
        const output = normal(resolved.dims);
        const weights = termWeights(
          resolved,
          resolved.dims[0]!,
          Float32Array.from({ length: resolved.dims[0]! }, (_, index) => index - 0.5),
        );
        const loss = (data: Float64Array): number =>
          lossTerms(resolved, { ...output, dtype: 'float64', data }, activation).reduce(
            (sum, term, index) => sum + term * weights[index]!,
            0,
          );
        const found = lossCotangent(resolved, output, activation, weights);
        const step = 1e-5;
        found.forEach((value, index) => {
          const [up, down] = [1, -1].map(sign => {
            const data = Float64Array.from(output.data as Float32Array);
            data[index]! += sign * step;
            return loss(data);
          });
          const slope = (up! - down!) / (2 * step);
          assert.ok(
            Math.abs(slope - value) <= 1e-5 * (1 + Math.abs(slope)),
            `${index}: ${value}, not ${slope}`,
          );
        });
      });

  it('keeps its digits where probabilities saturate', () => {
    const resolved = resolveLoss('binary-cross-entropy', [1, 2], float32([1, 2], [0, 1]), 'Labels');
    const weights = Float64Array.of(1, 1);
    const [first, second] = lossCotangent(resolved, float32([1, 2], [80, -80]), 'softmax', weights);
    assert.ok(Math.abs(first! - 2) < 1e-6 && Math.abs(second! + 2) < 1e-6, `${first}, ${second}`);
  });
});
