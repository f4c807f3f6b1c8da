// GA: climbs the loss of the forgotten samples.
import { withDefaults } from '../shared/recipe';
import { descend, lossGradient } from './descent';
import type { Method } from './method';

/** Defaults: few small steps, since nothing bounds the loss that is climbed. */
export const gaDefaults = {
  epochs: 5,
  epochOver: 'forget',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.0001,
  weightDecay: 0,
} as const;

/**
 * GA, gradient ascent (Thudi et al., *Unrolling SGD*, 2022, and others): descends −J(B_f). Cost: one sample gradient a
 * forgotten sample and epoch; needs no retained data. At an interpolating model its gradient is zero (T1), and once
 * it moves nothing holds the retained samples. Choose it only where no retained data is at hand, and look at the result.
 */
export const ga: Method = {
  name: 'ga',
  needsLabels: 'it acts on the labels that were given to the forgotten samples',
  async run(context) {
    const settings = withDefaults(context.settings, gaDefaults);
    await descend(
      context,
      settings,
      async step => {
        const found = await lossGradient(context, step.batch);
        for (const gradient of found.gradients.values())
          for (let index = 0; index < gradient.length; index++) gradient[index] = -gradient[index]!;
        return { loss: -found.loss, gradients: found.gradients };
      },
      { pool: context.forgotten },
    );
  },
};
