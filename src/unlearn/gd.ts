// GD: fine-tuning on the retained data alone.
import { withDefaults } from '../shared/recipe';
import { descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: ten passes over the retained data. */
export const gdDefaults = {
  epochs: 10,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
} as const;

/**
 * GD: descends J(B_r), the mean loss of retained batches. Cost: one sample gradient a retained sample and epoch. At
 * an interpolating model its gradient is zero (theorem T1): what moves the model then is weight decay and noise.
 * Choose it as the baseline that every other method must beat.
 */
export const gd: Method = {
  name: 'gd',
  async run(context) {
    const settings = withDefaults(context.settings, gdDefaults);
    await descend(context, settings, step => lossGradient(context, step.batch));
  },
};
