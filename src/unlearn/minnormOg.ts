// MinNorm-OG: the least parameter norm that still fits the retained data, by projections and descent.
import { withDefaults } from '../shared/recipe';
import { classesOf } from './classes';
import { descend, lossGradient, type Step } from './descent';
import type { Method, MethodContext } from './method';
import { balancedSample } from './sampler';

/**
 * Defaults, chosen on several tasks (`bench/STUDY.md`). Ten projecting epochs whose strengths sum up to a shrink of about
 * a quarter, however many steps an epoch has; then descent long enough to fit the retained data again.
 */
export const minnormOgDefaults = {
  epochs: 120,
  epochOver: 'forget',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.001,
  weightDecay: 0.01,
  projectionStrength: 0.12,
  projectionDecay: 0.6,
  projectionPeriod: 1,
  descentEpochs: 110,
  projections: Infinity,
  constraintSamples: 50,
  constraintPool: 'batch',
  constraintKind: 'largest-logit',
} as const;

/**
 * MinNorm-OG (Block, Mokhtari & Shakkottai, *Machine Unlearning under Overparameterization*, NeurIPS 2025,
 * arXiv 2505.22601). Per step: in projecting epochs θ ← θ − ρ (I − G(GᵀG)⁺Gᵀ) θ with G the output gradients of
 * `constraintSamples` retained samples, then ρ ← γρ (at most `projections` times); then one optimiser step on the mean loss of a retained batch,
 * its gradient taken after the projection. Needs no forgotten sample and no label for the projection. Cost: a batch
 * of sample gradients a step and three a constraint column. Choose it when little retained data is at hand.
 */
export const minnormOg: Method = {
  name: 'minnorm-og',
  async run(context) {
    const settings = withDefaults(context.settings, minnormOgDefaults);
    const lastProjecting = settings.epochs - settings.descentEpochs;
    let strength: number = settings.projectionStrength;
    let done = 0;
    const projecting = {
      save: () => ({ strength, done }),
      restore: (saved: unknown) => ({ strength, done } = saved as { strength: number; done: number }),
    };
    await descend(
      context,
      settings,
      async step => {
        let residual: number | undefined;
        if (
          step.epoch % settings.projectionPeriod === 0 &&
          step.epoch < lastProjecting &&
          done < settings.projections
        ) {
          residual = await project(context, step, strength, settings);
          strength *= settings.projectionDecay;
          done++;
        }
        const gradient = await lossGradient(context, step.batch);
        return residual === undefined ? gradient : { ...gradient, residual };
      },
      { parts: { projecting } },
    );
  },
};

/** Settings of a single projection. */
interface ProjectionSettings {
  readonly constraintSamples: number;
  readonly constraintPool: 'batch' | 'retain';
  readonly constraintKind: 'largest-logit' | 'given-label' | 'random-combination' | 'all-outputs';
}

async function project(
  context: MethodContext,
  step: Step,
  strength: number,
  settings: ProjectionSettings,
): Promise<number> {
  const { random, train, heads } = context;
  const pool = settings.constraintPool === 'batch' ? step.indices : context.retained;
  const classes = heads[0] ? await classesOf(train, heads[0], pool) : null;
  const chosen = balancedSample(classes, pool.length, settings.constraintSamples, random);
  const batch = await train.read(chosen.map(position => pool[position] as number));
  const found = await context.engine.project(context.values, batch, {
    strength,
    kind: settings.constraintKind,
    heads,
    random: () => random.normal(),
    signal: context.signal,
    progress: update => context.projecting?.(update),
  });
  context.addCost(found.cost);
  context.recordProjection({
    epoch: step.epoch,
    step: step.step,
    columns: found.columns,
    rank: found.rank,
    residual: found.residual,
    strength,
    ...(found.iterations === undefined
      ? {}
      : { iterations: found.iterations, relativeResidual: found.relativeResidual! }),
    ...(found.noRoom ? { noRoom: true as const } : {}),
  });
  return found.residual;
}
