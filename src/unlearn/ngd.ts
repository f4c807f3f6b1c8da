// NGD: fine-tuning on the retained data with noise on every gradient.
import { withDefaults } from '../shared/recipe';
import { descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: fine-tuning with noise far below the gradients of an unfitted model. */
export const ngdDefaults = {
  epochs: 10,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
  noise: 0.001,
} as const;

/**
 * NGD, noisy gradient descent (Chourasia & Shah, *Forget Unlearning*, 2023): follows ∇J(B_r) + N(0, σ²), σ = `noise`.
 * Cost: one sample gradient a retained sample and epoch. Where the gradients vanish (T1) it moves by the noise alone,
 * which Adam makes as large as any gradient. Choose it as a baseline of what undirected movement does.
 */
export const ngd: Method = {
  name: 'ngd',
  async run(context) {
    const settings = withDefaults(context.settings, ngdDefaults);
    await descend(context, settings, async step => {
      const found = await lossGradient(context, step.batch);
      for (const gradient of found.gradients.values())
        for (let index = 0; index < gradient.length; index++)
          gradient[index]! += settings.noise * context.random.normal();
      return found;
    });
  },
};
