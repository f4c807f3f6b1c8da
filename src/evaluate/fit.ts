// How well a model fits a set of training samples, and how strongly the loss pulls at its parameters there.
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { fitLimits, type FitDiagnosis } from '../shared/diagnosis';
import { CancelledError } from '../shared/errors';
import { Random } from '../tensor/random';
import { elementCount, type Tensor } from '../tensor/tensor';
import { summarise } from './metrics';
import { evaluateSamples } from './samples';

/** How many samples are looked at. */
export interface FitLimits {
  /** Samples that losses are taken of. */
  readonly samples: number;
  /** Samples that gradients are taken of, twice each. */
  readonly gradients: number;
}

/** Enough for two digits of a mean loss, and for a gradient that differs clearly from none. */
export const defaultFitLimits: FitLimits = { samples: 4096, gradients: 1024 };

/** Elements of inputs that one gradient call is handed. */
const chunkElements = 8_000_000;

/**
 * Measures loss, accuracy and gradient norms on the samples at `indices`, or on as many of them as the limits allow,
 * drawn with a fixed seed. For the shuffled figures each sample gets the labels of a random one of `pool` (the whole
 * training data; a forget set may have one label only). Throws what `evaluateSamples` and `ModelEngine.lossGradient` throw,
 * and a CancelledError.
 */
export async function measureFit(
  engine: ModelEngine,
  values: ParameterValues,
  dataset: BoundDataset,
  { indices, pool }: { readonly indices: readonly number[]; readonly pool: readonly number[] },
  heads: readonly HeadLoss[],
  limits: FitLimits = defaultFitLimits,
  signal?: AbortSignal,
): Promise<FitDiagnosis> {
  const random = new Random(1);
  const drawn = random.shuffle([...indices]).slice(0, limits.samples);
  const { loss, accuracy, maxError } = summarise(
    await evaluateSamples(engine, values, dataset, drawn, heads, signal),
    heads,
  );
  const pulled = drawn.slice(0, limits.gradients);
  const given = new MeanGradient();
  const shuffled = new MeanGradient();
  const size = batchSize((await dataset.read(pulled.slice(0, 1))).inputs);
  for (let start = 0; start < pulled.length; start += size) {
    if (signal?.aborted) throw new CancelledError();
    const rows = pulled.slice(start, start + size);
    const { inputs, labels } = await dataset.read(rows);
    const others = await dataset.read(rows.map(() => pool[random.integer(pool.length)]!));
    given.add(await engine.lossGradient(values, { inputs, labels }, heads), rows.length);
    shuffled.add(await engine.lossGradient(values, { inputs, labels: others.labels }, heads), rows.length);
  }
  return {
    count: indices.length,
    measured: drawn.length,
    loss,
    shuffledLoss: shuffled.loss,
    ...(accuracy !== undefined && { accuracy }),
    ...(maxError !== undefined && { maxError }),
    gradientSamples: pulled.length,
    gradientNorm: given.norm,
    shuffledGradientNorm: shuffled.norm,
    fitted: loss <= fitLimits.loss * shuffled.loss && (accuracy ?? 1) >= fitLimits.accuracy,
  };
}

function batchSize(inputs: readonly Tensor[]): number {
  const perSample = inputs.reduce((sum, { dims }) => sum + elementCount(dims), 0);
  return Math.max(1, Math.min(256, Math.floor(chunkElements / Math.max(1, perSample))));
}

/** The mean over samples of losses and gradients that come in batches. */
class MeanGradient {
  private samples = 0;
  private losses = 0;
  private readonly sums = new Map<string, Float64Array>();

  add({ loss, gradients }: { loss: number; gradients: ParameterValues }, count: number): void {
    this.samples += count;
    this.losses += count * loss;
    for (const [name, gradient] of gradients) {
      let sum = this.sums.get(name);
      if (!sum) this.sums.set(name, (sum = new Float64Array(gradient.length)));
      for (let index = 0; index < sum.length; index++) sum[index]! += count * gradient[index]!;
    }
  }

  get loss(): number {
    return this.losses / this.samples;
  }

  get norm(): number {
    let squares = 0;
    for (const sum of this.sums.values()) for (const value of sum) squares += value * value;
    return Math.sqrt(squares) / this.samples;
  }
}
