// Optimisers against PyTorch's numbers for the same gradients.
import { strict as assert } from 'node:assert';
import { createOptimizer, type OptimizerSettings } from '../../src/unlearn/optimizer';

/** Three steps from θ = (0.5, −1, 2) with the gradients g_t = (0.1 t, −0.2, 0.3 − 0.2 t), t = 1, 2, 3. */
function threeSteps(
  optimizer: OptimizerSettings['optimizer'],
  more: Partial<OptimizerSettings> = {},
): number[] {
  const values = new Map([['w', Float32Array.from([0.5, -1, 2])]]);
  const optimiser = createOptimizer({ optimizer, learningRate: 0.01, weightDecay: 0.1, ...more });
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

  it('Adam takes the steps that PyTorch takes, its decay a penalty', () => {
    // torch.optim.Adam(lr=0.01, weight_decay=0.1) in float64.
    assertNear(threeSteps('adam'), [0.4703945842, -0.9700032449, 1.9768695538]);
  });

  it('SGD with momentum takes the steps that PyTorch takes', () => {
    // torch.optim.SGD(lr=0.01, momentum=0.9) in float64.
    assertNear(threeSteps('sgd', { momentum: 0.9, weightDecay: 0 }), [0.49049, -0.98878, 2.00219]);
  });

  it('what a mask closes stays as it is, decay included', () => {
    for (const optimizer of ['adamw', 'adam', 'sgd'] as const) {
      const free = threeSteps(optimizer, { momentum: 0.9 });
      const mask = new Map([['w', Uint8Array.from([1, 0, 1])]]);
      assertNear(threeSteps(optimizer, { momentum: 0.9, mask }), [free[0]!, -1, free[2]!]);
    }
  });

  it('go on after a restore as if nothing had happened', () => {
    for (const optimizer of ['adamw', 'adam', 'sgd'] as const) {
      const settings = { optimizer, learningRate: 0.1, weightDecay: 0.1, momentum: 0.9 };
      const gradients = [0.3, -0.1, 0.7, 0.2].map(g => new Map([['w', Float32Array.from([g])]]));
      const [whole, halved] = [0, 1].map(() => new Map([['w', Float32Array.from([1])]]));
      const through = createOptimizer(settings);
      for (const gradient of gradients) through.update(whole!, gradient);
      const first = createOptimizer(settings);
      for (const gradient of gradients.slice(0, 2)) first.update(halved!, gradient);
      const second = createOptimizer(settings);
      const { step, moments } = first.save();
      second.restore(step, moments);
      for (const gradient of gradients.slice(2)) second.update(halved!, gradient);
      assert.deepEqual(halved, whole);
    }
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
