// Retain–forget entanglement: forgetting first, then repairing the retained samples that are most like the forgotten.
import type { SampleBatch } from '../data/dataset';
import type { HeadLoss, ParameterValues } from '../runtime/contracts';
import { withDefaults } from '../shared/recipe';
import type { FloatArray } from '../tensor/dtype';
import { elementCount, toFloat64, type Tensor } from '../tensor/tensor';
import { addScaled, descend, lossGradient } from './descent';
import type { Method, MethodContext } from './method';
import { ShuffledCycle } from './sampler';
import { forwardCost, lossesOf } from './teacher';

/** Defaults: as many steps of forgetting as of repairing. */
export const entanglementDefaults = {
  epochs: 4,
  epochOver: 'forget',
  batchSize: 64,
  optimizer: 'adamw',
  learningRate: 0.0005,
  weightDecay: 0,
  multiplier: 1,
  penalty: 10,
  neighbours: 5,
  alpha: 0.5,
  descentEpochs: 8,
} as const;

/** Cross-entropies beyond this are as good as forgotten: they are clipped there and pull no further. */
const clip = 10;

/**
 * Retain–forget entanglement (Cheng et al., ICLR 2026), in two stages. First `epochs` epochs descend the augmented
 * Lagrangian −L_f + λc + (μ/2)c² with c = L_rem(θ) − L_rem(θ0) on a retained batch, then λ ← λ + μc: the forgotten loss
 * rises while the remaining one keeps its value; λ starts at `multiplier`, μ is `penalty`, cross-entropies are clipped at
 * 10. Then `descentEpochs` epochs descend the loss of the retained samples most like the forgotten ones (`neighbours`
 * each, in the space before the last layer), along a direction orthogonal to span{∇L̃_f, ∇L_rem}, found by a 2 × 2 Gram
 * solve: what was forgotten and what remains both stay. L̃_f = (1 − α)L_f + α mean((sort ℓ_θ − sort ℓ_θ̄)²) with θ̄ the
 * parameters after the first stage holds the whole distribution of the forgotten losses. Cost: two batches of sample
 * gradients a step in the first stage, three and a half in the second, and a forward pass for the neighbours. Choose it
 * where the forgotten samples are a part of a class whose rest must stay (a sub-class, a person among similar ones), not
 * for wrong labels: it raises the forgotten loss as such.
 */
export const entanglement: Method = {
  name: 'retain-forget-entanglement',
  needsLabels: 'it acts on the labels that were given to the forgotten samples',
  async run(context) {
    const settings = withDefaults(context.settings, entanglementDefaults);
    const near = await alike(context, settings.neighbours);
    const total = settings.epochs + settings.descentEpochs;
    const forgotten = new ShuffledCycle(context.forgotten, context.random);
    const similar = new ShuffledCycle(near, context.random);
    const state: State = { multiplier: settings.multiplier, target: null };
    const parts = {
      forgotten,
      similar,
      state: {
        save: () => ({ multiplier: state.multiplier, target: state.target && [...state.target] }),
        restore: (saved: unknown) => {
          const { multiplier, target } = saved as { multiplier: number; target: number[] | null };
          [state.multiplier, state.target] = [multiplier, target && Float64Array.from(target)];
        },
      },
    };
    await descend(
      context,
      { ...settings, epochs: total },
      step =>
        step.epoch < settings.epochs
          ? forget(context, step.batch, forgotten.next(settings.batchSize), state, settings.penalty)
          : repair(
              context,
              step.batch,
              forgotten.next(settings.batchSize),
              similar.next(settings.batchSize),
              state,
              settings.alpha,
            ),
      { parts },
    );
  },
};

interface State {
  /** λ of the constraint. */
  multiplier: number;
  /** The sorted forgotten losses after the first stage. */
  target: Float64Array | null;
}

/** −∇L_f + (λ + μc)∇L_rem; λ ← λ + μc. */
async function forget(
  context: MethodContext,
  retained: SampleBatch,
  indices: readonly number[],
  state: State,
  penalty: number,
): Promise<{ loss: number; gradients: ParameterValues }> {
  const { engine, heads, values, train } = context;
  const remaining = await lossGradient(context, retained);
  const before = mean(await lossesOf(engine, engine.initialValues(), retained, heads));
  context.addCost(forwardCost(retained.inputs[0]?.dims[0] ?? 0));
  const excess = remaining.loss - before;
  const batch = await train.read(indices);
  const losses = await lossesOf(engine, values, batch, heads);
  const weights = Float64Array.from(losses, loss => (loss < clip ? -1 : 0));
  const away = await engine.lossGradient(values, batch, heads, weights);
  context.addCost(forwardCost(losses.length) + losses.length);
  addScaled(away.gradients, remaining.gradients, state.multiplier + penalty * excess);
  state.multiplier = Math.max(0, state.multiplier + penalty * excess);
  return { loss: remaining.loss, gradients: away.gradients };
}

/** The gradient on samples alike, less its part in span{∇L̃_f, ∇L_rem}. */
async function repair(
  context: MethodContext,
  retained: SampleBatch,
  indices: readonly number[],
  similar: readonly number[],
  state: State,
  alpha: number,
): Promise<{ loss: number; gradients: ParameterValues }> {
  const { engine, heads, values, train } = context;
  state.target ??= await sortedLosses(context);
  const batch = await train.read(indices);
  const losses = await lossesOf(engine, values, batch, heads);
  // The k-th smallest loss of the batch is held at the same quantile of the losses after the first stage.
  const order = [...losses.keys()].sort((a, b) => losses[a]! - losses[b]!);
  const weights = new Float64Array(losses.length);
  order.forEach((sample, rank) => {
    const target = quantile(state.target as Float64Array, (rank + 0.5) / losses.length);
    weights[sample] = (1 - alpha) * (losses[sample]! < clip ? 1 : 0) + alpha * 2 * (losses[sample]! - target);
  });
  const held = (await engine.lossGradient(values, batch, heads, weights)).gradients;
  context.addCost(forwardCost(losses.length) + losses.length);
  const remaining = await lossGradient(context, retained);
  const wanted = await lossGradient(context, await train.read(similar));
  removeSpan(wanted.gradients, held, remaining.gradients);
  return { loss: wanted.loss, gradients: wanted.gradients };
}

/** g ← g − A(AᵀA)⁺Aᵀg for A = [a b], in float64. */
export function removeSpan(g: ParameterValues, a: ParameterValues, b: ParameterValues): void {
  const [aa, ab, bb] = [dot(a, a), dot(a, b), dot(b, b)];
  const [ag, bg] = [dot(a, g), dot(b, g)];
  const determinant = aa * bb - ab * ab;
  if (determinant > 1e-10 * aa * bb) {
    addScaled(g, a, -(bb * ag - ab * bg) / determinant);
    addScaled(g, b, -(aa * bg - ab * ag) / determinant);
  } else if (aa >= bb && aa > 0) addScaled(g, a, -ag / aa);
  else if (bb > 0) addScaled(g, b, -bg / bb);
}

/** The losses of all forgotten samples, ascending. */
async function sortedLosses(context: MethodContext): Promise<Float64Array> {
  const all: number[] = [];
  for (let start = 0; start < context.forgotten.length; start += 256) {
    const batch = await context.train.read(context.forgotten.slice(start, start + 256));
    all.push(...(await lossesOf(context.engine, context.values, batch, context.heads)));
  }
  context.addCost(forwardCost(all.length));
  return Float64Array.from(all).sort();
}

function quantile(sorted: Float64Array, at: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0;
}

/**
 * The retained samples among the `count` nearest of some forgotten one, by the distance of what their last layer is given;
 * by their outputs where the model does not end in a linear layer.
 */
async function alike(context: MethodContext, count: number): Promise<number[]> {
  const [head] = context.heads as [HeadLoss, ...HeadLoss[]];
  const structure = context.engine.outputStructure(head.output);
  const value = typeof structure === 'string' ? null : structure.layers.at(-1)!.input;
  const [gone, kept] = [
    await features(context, context.forgotten, head, value),
    await features(context, context.retained, head, value),
  ];
  const chosen = new Set<number>();
  for (const one of gone) {
    const nearest: { place: number; distance: number }[] = [];
    kept.forEach((other, place) => {
      let distance = 0;
      for (let at = 0; at < one.length; at++) distance += (one[at]! - other[at]!) ** 2;
      if (nearest.length < count || distance < nearest.at(-1)!.distance) {
        nearest.push({ place, distance });
        nearest.sort((a, b) => a.distance - b.distance);
        if (nearest.length > count) nearest.pop();
      }
    });
    for (const { place } of nearest) chosen.add(context.retained[place] as number);
  }
  return [...chosen].sort((a, b) => a - b);
}

async function features(
  context: MethodContext,
  indices: readonly number[],
  head: HeadLoss,
  value: string | null,
): Promise<Float64Array[]> {
  const rows: Float64Array[] = [];
  for (let start = 0; start < indices.length; start += 256) {
    const part = indices.slice(start, start + 256);
    const { inputs } = await context.train.read(part);
    const tensor: Tensor =
      value === null
        ? ((await context.engine.headOutputs(context.values, inputs, [head]))[0] as Tensor)
        : await context.engine.intermediate(context.values, inputs, value);
    const data = toFloat64(tensor);
    const size = elementCount(tensor.dims) / part.length;
    part.forEach((_, row) => rows.push(data.subarray(row * size, (row + 1) * size)));
  }
  context.addCost(forwardCost(indices.length));
  return rows;
}

function dot(a: ParameterValues, b: ParameterValues): number {
  let sum = 0;
  for (const [name, data] of a) {
    const other = b.get(name) as FloatArray;
    for (let index = 0; index < data.length; index++) sum += data[index]! * other[index]!;
  }
  return sum;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
