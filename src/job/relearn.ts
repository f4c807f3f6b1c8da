// Relearn time: how few steps on the forgotten samples bring them back. What is truly forgotten takes long.
import type { MeasuredModel } from '../evaluate/evaluation';
import { evaluateSamples } from '../evaluate/samples';
import { summarise } from '../evaluate/metrics';
import { CancelledError } from '../shared/errors';
import type { RelearnTime } from '../shared/evaluation';
import { Random } from '../tensor/random';
import { createOptimizer } from '../unlearn/optimizer';
import { ShuffledCycle } from '../unlearn/sampler';
import type { OpenJob } from './openJob';

const settings = { limit: 50, batchSize: 128, learningRate: 1e-3 } as const;

/** Of the rise of the forgotten loss, this share may be left. */
const margin = 0.05;

/** Forgotten samples that the loss is taken of after every step, at most. */
const watched = 512;

/**
 * Trains a copy of a model on the forgotten samples alone (AdamW, no weight decay) until 95 % of the rise of their
 * loss over `originalLoss` is undone (after the relearn time of Golatkar et al., *Eternal Sunshine of the Spotless
 * Net*, 2020, and the 5 % margin of Tarun et al., 2023). 0 steps where it never rose. Throws a DivergedError or a
 * CancelledError.
 */
export async function relearn(
  model: MeasuredModel,
  originalLoss: number,
  { data, heads }: OpenJob,
  seed: number,
  signal?: AbortSignal,
): Promise<RelearnTime> {
  const { engine } = model;
  const values = new Map([...model.values].map(([name, data]) => [name, data.slice()]));
  const optimizer = createOptimizer({ ...settings, optimizer: 'adamw', weightDecay: 0 });
  const random = new Random(seed ^ 0x4e1ea4);
  const cycle = new ShuffledCycle(data.forgotten, random);
  const shown = random.shuffle([...data.forgotten]).slice(0, watched);
  const loss = async (): Promise<number> =>
    summarise(await evaluateSamples(engine, values, data.train, shown, heads, signal), heads).loss;
  const goal = originalLoss + margin * Math.max(0, (await loss()) - originalLoss);
  let cost = 0;
  for (let step = 0; step <= settings.limit; step++) {
    if (signal?.aborted) throw new CancelledError();
    if ((await loss()) <= goal || model.metrics.forget.loss <= originalLoss)
      return { ...settings, steps: step, cost };
    if (step === settings.limit) break;
    const batch = await data.train.read(cycle.next(settings.batchSize));
    const { gradients } = await engine.lossGradient(values, batch, heads);
    cost += batch.inputs[0]?.dims[0] ?? 0;
    optimizer.update(values, gradients);
  }
  return { ...settings, steps: null, cost };
}
