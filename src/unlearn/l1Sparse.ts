// ℓ1-sparse: fine-tuning with a fading penalty on the absolute values.
import { withDefaults } from '../shared/recipe';
import type { FloatArray } from '../tensor/dtype';
import { descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: ten passes. */
export const l1SparseDefaults = {
  epochs: 10,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0,
  lambda: 0.0005,
} as const;

/**
 * ℓ1-sparse (Jia et al., *Model Sparsity Can Simplify Machine Unlearning*, NeurIPS 2023): descends J(B_r) + λ_t‖θ‖₁ with
 * λ_t = 2λ(1 − t/T) over the steps. Cost: one sample gradient a retained sample and epoch. Choose it where a sparser
 * model is wanted anyway.
 */
export const l1Sparse: Method = {
  name: 'l1-sparse',
  async run(context) {
    const settings = withDefaults(context.settings, l1SparseDefaults);
    await descend(context, settings, async step => {
      const found = await lossGradient(context, step.batch);
      const lambda = 2 * settings.lambda * (1 - step.step / step.steps);
      for (const [name, gradient] of found.gradients) {
        const theta = context.values.get(name) as FloatArray;
        for (let index = 0; index < gradient.length; index++)
          gradient[index]! += lambda * Math.sign(theta[index]!);
      }
      return found;
    });
  },
};
