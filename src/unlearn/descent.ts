// The loop that all gradient methods share: epochs of steps on retained batches, reported and cancellable.
import type { SampleBatch } from '../data/dataset';
import { CancelledError } from '../shared/errors';
import type { ParameterValues } from '../runtime/contracts';
import type { MethodContext } from './method';
import { createOptimizer, DivergedError, type OptimizerSettings } from './optimizer';
import { ShuffledCycle, stepsPerEpoch } from './sampler';

/** Settings of the loop. */
export interface DescentSettings extends OptimizerSettings {
  readonly epochs: number;
  readonly epochOver: 'forget' | 'retain';
  readonly batchSize: number;
}

/** One step of the loop; epochs and steps count from 0. */
export interface Step {
  readonly epoch: number;
  readonly step: number;
  /** Indices of the retained batch and its samples. */
  readonly indices: readonly number[];
  readonly batch: SampleBatch;
}

/** The loss to report and the gradient to follow. */
export interface StepGradient {
  readonly loss: number;
  readonly gradients: ParameterValues;
  /** The orthogonality residual of a projection done in this step. */
  readonly residual?: number;
}

/**
 * Runs epochs × steps: draws the next retained batch, asks `gradientOf` for the step's gradient (which may change
 * the parameters first, as a projection does), and takes one optimiser step. Throws a CancelledError when asked to
 * stop, a DivergedError that names the step when the loss or the parameters stop being finite.
 */
export async function descend(
  context: MethodContext,
  settings: DescentSettings,
  gradientOf: (step: Step) => Promise<StepGradient>,
): Promise<void> {
  const { retained, forgotten, values, train } = context;
  const optimizer = createOptimizer(settings);
  const cycle = new ShuffledCycle(retained, context.random);
  const perEpoch = stepsPerEpoch(
    settings.epochOver,
    { forgotten: forgotten.length, retained: retained.length },
    settings.batchSize,
  );
  const steps = settings.epochs * perEpoch;
  let step = 0;
  for (let epoch = 0; epoch < settings.epochs; epoch++)
    for (let within = 0; within < perEpoch; within++, step++) {
      if (context.signal.aborted) throw new CancelledError();
      const indices = cycle.next(settings.batchSize);
      const batch = await train.read(indices);
      const found = await gradientOf({ epoch, step, indices, batch });
      requireFiniteLoss(found.loss, step + 1);
      optimizer.update(values, found.gradients);
      context.progress({
        epoch: epoch + 1,
        epochs: settings.epochs,
        step: step + 1,
        steps,
        loss: found.loss,
        ...(found.residual === undefined ? {} : { residual: found.residual }),
      });
    }
}

/** The gradient of a batch’s mean loss J(B); counts its cost. */
export async function lossGradient(context: MethodContext, batch: SampleBatch): Promise<StepGradient> {
  const found = await context.engine.lossGradient(context.values, batch, context.heads);
  context.addCost(batch.inputs[0]?.dims[0] ?? 0);
  return found;
}

/** Throws a DivergedError for a loss that is not finite; steps count from 1. */
function requireFiniteLoss(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new DivergedError(
    `The run diverged: in step ${step} the loss is ${loss}. Lower method.learningRate, or look for extreme values in ` +
      'the data. The original model was kept as it is.',
  );
}
