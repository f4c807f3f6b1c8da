// NPO: the forgotten samples as answers that should be less likely than the original model found them.
import { withDefaults } from '../shared/recipe';
import { addScaled, descend, lossGradient } from './descent';
import type { Method } from './method';
import { ShuffledCycle } from './sampler';
import { forwardCost, lossesOf } from './teacher';

/** Defaults: the forgotten term beside the retained one. */
export const npoDefaults = {
  epochs: 20,
  epochOver: 'forget',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.0005,
  weightDecay: 0.01,
  beta: 0.5,
  lambda: 1,
} as const;

/**
 * NPO, negative preference optimisation (Zhang et al., *Negative Preference Optimization*, COLM 2024): descends
 * (2/β) mean log(1 + (π_θ/π_θ*)^β) on a forgotten batch plus λ J(B_r), where π is the probability of the given label
 * (the exponential of minus the sample's loss, for other losses than cross-entropy too). Its gradient is that of the
 * loss with the weight −2 r^β/(1 + r^β) a sample: gradient ascent that fades once a sample is unlikely. Cost: a
 * retained and a forgotten batch a step, and two thirds of a batch for the two likelihoods. λ = 0 forgets without the
 * retained data. Choose it over ga and ngp: it does not run away.
 */
export const npo: Method = {
  name: 'npo',
  needsLabels: 'it acts on the labels that were given to the forgotten samples',
  async run(context) {
    const settings = withDefaults(context.settings, npoDefaults);
    const { engine, heads, train } = context;
    const original = engine.initialValues();
    const forgotten = new ShuffledCycle(context.forgotten, context.random);
    await descend(
      context,
      settings,
      async step => {
        const batch = await train.read(forgotten.next(settings.batchSize));
        const [now, then] = [
          await lossesOf(engine, context.values, batch, heads),
          await lossesOf(engine, original, batch, heads),
        ];
        context.addCost(2 * forwardCost(now.length));
        // log r = log π_θ − log π_θ*; σ(β log r) is the weight, and the value follows from the same number.
        let value = 0;
        const weights = Float64Array.from(now, (loss, sample) => {
          const scaled = settings.beta * (then[sample]! - loss);
          value += Math.max(scaled, 0) + Math.log1p(Math.exp(-Math.abs(scaled)));
          return -2 / (1 + Math.exp(-scaled));
        });
        const away = await engine.lossGradient(context.values, batch, heads, weights);
        context.addCost(now.length);
        if (settings.lambda > 0) {
          const kept = await lossGradient(context, step.batch);
          addScaled(away.gradients, kept.gradients, settings.lambda);
          return { loss: kept.loss, gradients: away.gradients };
        }
        return { loss: (2 / settings.beta) * (value / now.length), gradients: away.gradients };
      },
      { parts: { forgotten } },
    );
  },
};
