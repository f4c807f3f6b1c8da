// Retrain: a fresh model on the retained data, which every other method is measured by.
import { withDefaults } from '../shared/recipe';
import type { FloatArray } from '../tensor/dtype';
import { descend, lossGradient } from './descent';
import { initialise } from './initialise';
import type { Method } from './method';

/** Defaults: forty passes of Adam, as the samples were trained. */
export const retrainDefaults = {
  epochs: 40,
  epochOver: 'retain',
  batchSize: 64,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
  rateSchedule: 'constant',
  biases: 'zeros',
} as const;

/**
 * Retrain: θ drawn anew (`initialise`), then descent on J(B_r). The definition of exact unlearning. Cost: one sample
 * gradient a retained sample and epoch; `retrainEpochs` of the recipe says what it is compared with. Choose it when it
 * can be paid for, the architecture trains from scratch, and all retained data is at hand. Batch normalisation keeps the
 * trained model's mean and variance (see `initialise`), so a network that needs batch statistics to train may end below
 * what its framework reaches.
 */
export const retrain: Method = {
  name: 'retrain',
  needsLabels:
    'its result is to owe nothing to the forgotten samples, which predictions of the original would bring back',
  async run(context) {
    const settings = withDefaults(context.settings, retrainDefaults);
    const fresh = initialise(context.engine, context.random, settings.biases);
    for (const [name, data] of context.values) data.set(fresh.get(name) as FloatArray);
    await descend(context, settings, step => lossGradient(context, step.batch));
  },
};
