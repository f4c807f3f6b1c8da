// The loop that all gradient methods share: epochs of steps on batches, reported, cancellable, and kept for a resume.
import type { SampleBatch } from '../data/dataset';
import { CancelledError } from '../shared/errors';
import type { ParameterValues } from '../runtime/contracts';
import type { FloatArray } from '../tensor/dtype';
import type { Checkpoint } from './checkpoint';
import type { MethodContext } from './method';
import { createOptimizer, DivergedError, type Optimizer, type OptimizerSettings } from './optimizer';
import { ShuffledCycle, stepsPerEpoch } from './sampler';
import { rateFactor, type RateSchedule } from './schedule';

/** Settings of the loop. */
export interface DescentSettings extends OptimizerSettings {
  readonly epochs: number;
  readonly epochOver: 'forget' | 'retain';
  readonly batchSize: number;
  /** Stops after so many steps, wherever in an epoch that is; epochs end the run where absent. */
  readonly steps?: number | undefined;
  /** How the learning rate goes down over the run; constant when absent. */
  readonly rateSchedule?: RateSchedule | undefined;
}

/** One step of the loop; epochs and steps count from 0. */
export interface Step {
  readonly epoch: number;
  readonly step: number;
  /** The steps of the whole run. */
  readonly steps: number;
  /** Indices of the batch (retained samples, unless the loop was given others) and its samples. */
  readonly indices: readonly number[];
  readonly batch: SampleBatch;
  /** Takes an optimiser step of its own along −gradients, before the one that ends the step. */
  update(gradients: ParameterValues): void;
}

/** The loss to report and the gradient to follow. */
export interface StepGradient {
  readonly loss: number;
  readonly gradients: ParameterValues;
  /** The orthogonality residual of a projection done in this step. */
  readonly residual?: number;
}

/** A part of a method's own state that a resumed run goes on with. */
export interface Resumable {
  save(): unknown;
  restore(state: unknown): void;
}

/** What else a method may say about its loop. */
export interface DescentOptions {
  /** The samples that batches come from; the retained ones unless given. */
  readonly pool?: readonly number[];
  /** State of the method's own, by name. */
  readonly parts?: Readonly<Record<string, Resumable>>;
}

/**
 * Runs epochs × steps: draws the next batch, asks `gradientOf` for the step's gradient (which may change the parameters
 * first, as a projection does), and takes one optimiser step. Throws a CancelledError when asked to stop. When the loss
 * or the parameters stop being finite, the parameters at the end of the epoch with the lowest mean loss are kept and
 * that is noted; with no whole epoch done it throws a DivergedError that names the step.
 */
export async function descend(
  context: MethodContext,
  settings: DescentSettings,
  gradientOf: (step: Step) => Promise<StepGradient>,
  options: DescentOptions = {},
): Promise<void> {
  const { retained, forgotten, values, train } = context;
  const optimizer = createOptimizer(settings);
  const cycle = new ShuffledCycle(options.pool ?? retained, context.random);
  const perEpoch = stepsPerEpoch(
    settings.epochOver,
    { forgotten: forgotten.length, retained: retained.length },
    settings.batchSize,
  );
  const steps = Math.min(settings.epochs * perEpoch, settings.steps ?? Infinity);
  const parts = { ...options.parts, cycle };
  const best = new BestEpoch(settings.epochs > 1);
  let step = resume(context, optimizer, parts);
  for (; step < steps; step++) {
    if (context.signal.aborted) throw new CancelledError();
    if (context.checkpoint?.due()) context.checkpoint.save(stateOf(context, optimizer, parts, step));
    const epoch = Math.floor(step / perEpoch);
    const factor = rateFactor(settings.rateSchedule ?? 'constant', step, steps);
    const indices = cycle.next(settings.batchSize);
    const batch = await train.read(indices);
    try {
      const update = (gradients: ParameterValues): void => optimizer.update(values, gradients, factor);
      const found = await gradientOf({ epoch, step, steps, indices, batch, update });
      requireFiniteLoss(found.loss, step + 1);
      update(found.gradients);
      best.add(found.loss);
      if ((step + 1) % perEpoch === 0) best.endEpoch(epoch, values);
      context.progress({
        epoch: epoch + 1,
        epochs: settings.epochs,
        step: step + 1,
        steps,
        loss: found.loss,
        ...(found.residual === undefined ? {} : { residual: found.residual }),
      });
    } catch (error) {
      if (!(error instanceof DivergedError) || !best.restore(values)) throw error;
      context.note?.(
        `${error.message.split('. ')[0]}. The run was stopped there; kept are the parameters after epoch ${best.epoch + 1} ` +
          `of ${settings.epochs}, which had the lowest mean loss (${best.loss.toPrecision(3)}).`,
      );
      return;
    }
  }
}

/** The gradient of a batch’s mean loss J(B); counts its cost. */
export async function lossGradient(context: MethodContext, batch: SampleBatch): Promise<StepGradient> {
  const found = await context.engine.lossGradient(context.values, batch, context.heads);
  context.addCost(batch.inputs[0]?.dims[0] ?? 0);
  return found;
}

/** target ← target + factor · other, element by element. */
export function addScaled(target: ParameterValues, other: ParameterValues, factor: number): void {
  for (const [name, data] of target) {
    const from = other.get(name) as FloatArray;
    for (let index = 0; index < data.length; index++) data[index]! += factor * from[index]!;
  }
}

/** The parameters at the end of the epoch with the lowest mean loss. */
class BestEpoch {
  epoch = -1;
  loss = Infinity;
  private kept: ParameterValues | null = null;
  private sum = 0;
  private count = 0;

  constructor(private readonly wanted: boolean) {}

  add(loss: number): void {
    this.sum += loss;
    this.count++;
  }

  endEpoch(epoch: number, values: ParameterValues): void {
    const mean = this.sum / this.count;
    [this.sum, this.count] = [0, 0];
    if (!this.wanted || mean >= this.loss) return;
    [this.epoch, this.loss] = [epoch, mean];
    if (this.kept) for (const [name, data] of values) this.kept.get(name)!.set(data);
    else this.kept = new Map([...values].map(([name, data]) => [name, data.slice()]));
  }

  /** Puts them back; false where no epoch has ended. */
  restore(values: ParameterValues): boolean {
    if (!this.kept) return false;
    for (const [name, data] of this.kept) values.get(name)!.set(data);
    return true;
  }
}

function stateOf(
  context: MethodContext,
  optimizer: Optimizer,
  parts: Readonly<Record<string, Resumable>>,
  step: number,
): Checkpoint {
  const saved = optimizer.save();
  const arrays = new Map<string, FloatArray>();
  for (const [name, data] of context.values) arrays.set(`values/${name}`, data);
  for (const [name, data] of saved.moments) arrays.set(`moments/${name}`, data);
  return {
    state: {
      step,
      optimizerStep: saved.step,
      random: context.random.save(),
      parts: Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.save()])),
    },
    arrays,
  };
}

/** Takes up where a checkpoint was left; gives the next step, 0 at a fresh start. */
function resume(
  context: MethodContext,
  optimizer: Optimizer,
  parts: Readonly<Record<string, Resumable>>,
): number {
  const saved = context.checkpoint?.load();
  if (!saved) return 0;
  const state = saved.state as {
    step: number;
    optimizerStep: number;
    random: number[];
    parts: Record<string, unknown>;
  };
  const below = (prefix: string): Map<string, FloatArray> =>
    new Map(
      [...saved.arrays].flatMap(([name, data]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), data] as const] : [],
      ),
    );
  for (const [name, data] of below('values/')) context.values.get(name)!.set(data);
  optimizer.restore(state.optimizerStep, below('moments/'));
  context.random.restore(state.random);
  for (const [name, part] of Object.entries(parts)) part.restore(state.parts[name]);
  return state.step;
}

/** Throws a DivergedError for a loss that is not finite; steps count from 1. */
function requireFiniteLoss(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new DivergedError(
    `The run diverged: in step ${step} the loss is ${loss}. Lower method.learningRate, or look for extreme values in ` +
      'the data. The original model was kept as it is.',
  );
}
