// SCRUB: away from the original model on the forgotten samples, close to it on the retained ones.
import { withDefaults } from '../shared/recipe';
import { addScaled, descend, lossGradient } from './descent';
import type { Method, MethodContext } from './method';
import { ShuffledCycle } from './sampler';
import { forwardCost, teacherLabels } from './teacher';
import type { SampleBatch } from '../data/dataset';
import type { ParameterValues } from '../runtime/contracts';

/** Defaults: half the epochs climb, the rest heal. */
export const scrubDefaults = {
  epochs: 6,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.0005,
  weightDecay: 0,
  lambda: 1,
  forgetWeight: 0.3,
  descentEpochs: 3,
} as const;

/**
 * SCRUB (Kurmanji et al., *Towards Unbounded Machine Unlearning*, NeurIPS 2023): each step first climbs
 * λ' KL(π_θ* ‖ π_θ) on a forgotten batch, then descends J(B_r) + λ KL(π_θ* ‖ π_θ) on a retained one; the last
 * `descentEpochs` epochs only descend. λ = `lambda`, λ' = `forgetWeight`. For regression the mean squared difference of
 * the outputs stands in for KL. Cost: a retained and a forgotten batch a step, and a third of that for the teacher.
 * KL is zero at the start, so what first moves it is J and the noise of the steps. Choose it where the
 * original's predictions on the retained samples should be kept, not only its labels.
 */
export const scrub: Method = {
  name: 'scrub',
  async run(context) {
    const settings = withDefaults(context.settings, scrubDefaults);
    const teacher = context.engine.initialValues();
    const forgotten = new ShuffledCycle(context.forgotten, context.random);
    const climbing = settings.epochs - settings.descentEpochs;
    await descend(
      context,
      settings,
      async step => {
        if (step.epoch < climbing) {
          const batch = await context.train.read(forgotten.next(settings.batchSize));
          const away = await divergence(context, teacher, batch);
          for (const gradient of away.gradients.values())
            for (let index = 0; index < gradient.length; index++) gradient[index]! *= -settings.forgetWeight;
          step.update(away.gradients);
        }
        const found = await lossGradient(context, step.batch);
        const near = await divergence(context, teacher, step.batch);
        addScaled(found.gradients, near.gradients, settings.lambda);
        return { loss: found.loss + settings.lambda * near.value, gradients: found.gradients };
      },
      { parts: { forgotten } },
    );
  },
};

/** KL(teacher ‖ θ) on a batch and its gradient. */
async function divergence(
  context: MethodContext,
  teacher: ParameterValues,
  batch: SampleBatch,
): Promise<{ value: number; gradients: ParameterValues }> {
  const { labels, entropy } = await teacherLabels(context.engine, teacher, batch, context.heads);
  context.addCost(forwardCost(batch.inputs[0]?.dims[0] ?? 0));
  const found = await lossGradient(context, { inputs: batch.inputs, labels });
  return { value: found.loss - entropy, gradients: found.gradients };
}
