// SalUn: random wrong labels for the forgotten samples, learned only by the weights that matter to them.
import type { SampleBatch } from '../data/dataset';
import type { ParameterValues } from '../runtime/contracts';
import { resolveLoss } from '../runtime/loss';
import { withDefaults } from '../shared/recipe';
import { floats, toFloat64, type Tensor } from '../tensor/tensor';
import { addScaled, descend, lossGradient } from './descent';
import type { Method, MethodContext } from './method';
import type { Mask } from './optimizer';
import { ShuffledCycle } from './sampler';

/** Defaults: ten passes over the retained data. */
export const salunDefaults = {
  epochs: 5,
  epochOver: 'retain',
  batchSize: 128,
  optimizer: 'adamw',
  learningRate: 0.0005,
  weightDecay: 0,
  lambda: 0.2,
} as const;

/**
 * SalUn (Fan et al., *SalUn: Empowering Machine Unlearning via Gradient-Based Weight Saliency*, ICLR 2024): updates only
 * the half of the weights with |∇J(D_f)| at or above the median, along J(B_r) + λ J(B_f with random wrong labels). Wrong
 * labels are drawn anew for every batch: another class for cross-entropy, the opposite for binary cross-entropy, and for
 * mse the label of another sample of the batch or of the retained ones. Cost: one pass over the forgotten samples for the
 * mask, then a retained and a forgotten batch a step. Choose it for forgetting whole classes; for wrongly labelled
 * samples other methods leave the model closer to a retrained one.
 */
export const salun: Method = {
  name: 'salun',
  needsLabels: 'its random labels must differ from those that were given to the forgotten samples',
  async run(context) {
    const settings = withDefaults(context.settings, salunDefaults);
    const mask = await saliencyMask(context);
    const forgotten = new ShuffledCycle(context.forgotten, context.random);
    await descend(
      context,
      { ...settings, mask },
      async step => {
        const found = await lossGradient(context, step.batch);
        const batch = await context.train.read(forgotten.next(settings.batchSize));
        const wrong = await lossGradient(context, await withWrongLabels(context, batch, step.batch));
        addScaled(found.gradients, wrong.gradients, settings.lambda);
        return { loss: found.loss + settings.lambda * wrong.loss, gradients: found.gradients };
      },
      { parts: { forgotten } },
    );
  },
};

/** 1 where |∇J(D_f)| is at least its median over all weights. */
async function saliencyMask(context: MethodContext): Promise<Mask> {
  const total = await forgottenGradient(context);
  const sizes = new Float64Array([...total.values()].reduce((sum, data) => sum + data.length, 0));
  let at = 0;
  for (const data of total.values()) for (const value of data) sizes[at++] = Math.abs(value);
  sizes.sort();
  const median = sizes[sizes.length >>> 1] ?? 0;
  return new Map(
    [...total].map(([name, data]) => [
      name,
      Uint8Array.from(data, value => (Math.abs(value) >= median ? 1 : 0)),
    ]),
  );
}

async function forgottenGradient(context: MethodContext): Promise<ParameterValues> {
  const { forgotten } = context;
  const size = 512;
  let total: ParameterValues | null = null;
  for (let start = 0; start < forgotten.length; start += size) {
    const part = forgotten.slice(start, start + size);
    const { gradients } = await lossGradient(context, await context.train.read(part));
    // Each part gives a mean; the sum over samples is what the mask looks at.
    if (total) addScaled(total, gradients, part.length);
    else {
      total = gradients;
      for (const data of total.values())
        for (let index = 0; index < data.length; index++) data[index]! *= part.length;
    }
  }
  return total as ParameterValues;
}

/** The batch with labels that are not its own. */
async function withWrongLabels(
  context: MethodContext,
  batch: SampleBatch,
  retained: SampleBatch,
): Promise<SampleBatch> {
  const { heads, random, engine } = context;
  const outputs = await engine.headOutputs(context.values, batch.inputs, heads);
  const labels = heads.map((head, place): Tensor => {
    const given = batch.labels[place] as Tensor;
    const { dims } = outputs[place] as Tensor;
    const resolved = resolveLoss(head.loss, dims, given, 'The labels');
    if (resolved.kind === 'class-indices') {
      const drawn = resolved.labels.map(label =>
        label < 0 || resolved.classes < 2
          ? label
          : (label + 1 + random.integer(resolved.classes - 1)) % resolved.classes,
      );
      return { dtype: 'int32', dims: given.dims, data: drawn };
    }
    if (resolved.kind === 'class-probabilities' || resolved.loss === 'mse') {
      // Another sample's label: of the retained batch, which stands beside this one.
      const others = toFloat64(retained.labels[place] as Tensor);
      const size = resolved.labels.length / (dims[0] as number);
      const rows = others.length / size;
      const drawn = new Float64Array(resolved.labels.length);
      for (let sample = 0; sample < (dims[0] as number); sample++) {
        const row = random.integer(rows);
        drawn.set(others.subarray(row * size, (row + 1) * size), sample * size);
      }
      return floats(engine.float, dims, drawn);
    }
    return floats(
      engine.float,
      dims,
      resolved.labels.map(label => 1 - label),
    );
  });
  return { inputs: batch.inputs, labels };
}
