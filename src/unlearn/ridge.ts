// Ridge: fine-tuning with a fading penalty on the square norm.
import { withDefaults } from '../shared/recipe';
import { addScaled, descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: ten passes; the penalty halves from epoch to epoch. */
export const ridgeDefaults = {
  epochs: 10,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0,
  lambda: 0.01,
  lambdaDecay: 0.5,
} as const;

/**
 * Ridge (a baseline of Block, Mokhtari & Shakkottai, 2025): descends J(B_r) + λ‖θ‖², λ ← γλ after every epoch
 * (γ = `lambdaDecay`). Cost: one sample gradient a retained sample and epoch. It lowers the norm as MinNorm-OG does,
 * but the penalty pulls against the fit instead of around it. Choose it where projections are out of reach.
 */
export const ridge: Method = {
  name: 'ridge',
  async run(context) {
    const settings = withDefaults(context.settings, ridgeDefaults);
    await descend(context, settings, async step => {
      const found = await lossGradient(context, step.batch);
      const lambda = settings.lambda * settings.lambdaDecay ** step.epoch;
      addScaled(found.gradients, context.values, 2 * lambda);
      return found;
    });
  },
};
