// Optimisers against PyTorch's numbers for the same gradients.
import { strict as assert } from 'node:assert';
import { createOptimizer } from '../../src/unlearn/optimizer';

/** Three steps from θ = (0.5, −1, 2) with the gradients g_t = (0.1 t, −0.2, 0.3 − 0.2 t), t = 1, 2, 3. */
function threeSteps(optimizer: 'adamw' | 'sgd'): number[] {
  const values = new Map([['w', Float32Array.from([0.5, -1, 2])]]);
  const optimiser = createOptimizer({ optimizer, learningRate: 0.01, weightDecay: 0.1 });
  for (let t = 1; t <= 3; t++)
    optimiser.update(values, new Map([['w', Float32Array.from([0.1 * t, -0.2, 0.3 - 0.2 * t])]]));
  return [...values.get('w')!];
}

function assertNear(got: readonly number[], want: readonly number[]): void {
  got.forEach((value, index) =>
    assert.ok(Math.abs(value - want[index]!) < 1e-6, `${value} is not ${want[index]}`),
  );
}

describe('optimisers', () => {
  it('AdamW takes the steps that PyTorch takes', () => {
    // torch.optim.AdamW(lr=0.01, weight_decay=0.1) in float64.
    assertNear(threeSteps('adamw'), [0.4692993109, -0.9670329905, 1.9905042246]);
  });

  it('SGD decays and descends', () => {
    let theta = [0.5, -1, 2];
    for (let t = 1; t <= 3; t++) {
      const gradient = [0.1 * t, -0.2, 0.3 - 0.2 * t];
      theta = theta.map((value, index) => value * (1 - 0.01 * 0.1) - 0.01 * gradient[index]!);
    }
    assertNear(threeSteps('sgd'), theta);
  });

  it('a parameter that stops being finite is named with its step', () => {
    const optimiser = createOptimizer({ optimizer: 'sgd', learningRate: 1, weightDecay: 0 });
    const values = new Map([['fc.weight', new Float32Array(2)]]);
    optimiser.update(values, new Map([['fc.weight', new Float32Array(2)]]));
    assert.throws(
      () => optimiser.update(values, new Map([['fc.weight', Float32Array.from([0, NaN])]])),
      /in optimiser step 2 the parameter fc\.weight stopped being finite/,
    );
  });
});
