// NGP: descends the retained loss and climbs the forgotten one at the same time.
import { withDefaults } from '../shared/recipe';
import { addScaled, descend, lossGradient } from './descent';
import type { Method } from './method';
import { ShuffledCycle } from './sampler';

/** Defaults: few steps, and a small weight on the forgotten loss, which has no bound. */
export const ngpDefaults = {
  epochs: 20,
  epochOver: 'forget',
  batchSize: 256,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
  lambda: 0.01,
} as const;

/**
 * NGP (NegGrad+; Kurmanji et al., *Towards Unbounded Machine Unlearning*, 2023): descends J(B_r) − λ J(B_f) with
 * retained and forgotten batches. Cost: two batches of sample gradients a step. Like every loss-gradient method it
 * cannot move an interpolating model at first (T1), and diverges for large λ.
 */
export const ngp: Method = {
  name: 'ngp',
  needsLabels: 'it acts on the labels that were given to the forgotten samples',
  async run(context) {
    const settings = withDefaults(context.settings, ngpDefaults);
    const forgotten = new ShuffledCycle(context.forgotten, context.random);
    await descend(
      context,
      settings,
      async step => {
        const retained = await lossGradient(context, step.batch);
        const batch = await context.train.read(forgotten.next(settings.batchSize));
        const climbed = await lossGradient(context, batch);
        addScaled(retained.gradients, climbed.gradients, -settings.lambda);
        return retained;
      },
      { parts: { forgotten } },
    );
  },
};
