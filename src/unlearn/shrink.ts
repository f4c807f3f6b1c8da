// Shrink-and-tune: all parameters a little smaller, then fine-tuning.
import { withDefaults } from '../shared/recipe';
import { descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: 30 % off, then four passes over the retained data. */
export const shrinkDefaults = {
  shrink: 0.3,
  epochs: 4,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
  noise: 0,
} as const;

/**
 * Shrink-and-tune: θ ← (1 − s)θ once, plus N(0, σ²) in units of each tensor's root mean square if `noise` is given,
 * then descent on J(B_r) (after Ash & Adams' shrink-and-perturb, *On Warm-Starting Neural Network Training*, 2020). Cost:
 * one sample gradient a retained sample and epoch. Choose it when much of the retained data is at hand.
 */
export const shrink: Method = {
  name: 'shrink',
  async run(context) {
    const settings = withDefaults(context.settings, shrinkDefaults);
    const keep = 1 - settings.shrink;
    for (const data of context.values.values()) {
      let squares = 0;
      for (const value of data) squares += value * value;
      const deviation = settings.noise * Math.sqrt(squares / Math.max(1, data.length));
      for (let index = 0; index < data.length; index++) {
        data[index]! *= keep;
        if (deviation > 0) data[index]! += deviation * context.random.normal();
      }
    }
    await descend(context, settings, step => lossGradient(context, step.batch));
  },
};
