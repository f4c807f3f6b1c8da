// What the original model says about samples, as labels: probabilities for the cross-entropies, outputs for mse.
import type { SampleBatch } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { resolveLoss } from '../runtime/loss';
import { sampleLosses } from '../runtime/sampleLosses';
import type { FloatArray } from '../tensor/dtype';
import { allocateFloats, elementCount, floatTypeOf, type Tensor } from '../tensor/tensor';

/** Sample gradients that a forward pass counts as: a third of forward and backward together. */
export function forwardCost(samples: number): number {
  return Math.ceil(samples / 3);
}

/** Loss gradients against a teacher, and the loss that the teacher itself has: KL = cross-entropy − entropy. */
export interface TeacherLabels {
  readonly labels: readonly Tensor[];
  /** The mean loss of the teacher on its own labels, heads weighted: the entropy for cross-entropies, 0 for mse. */
  readonly entropy: number;
}

/**
 * The teacher's outputs on a batch as labels for the heads' losses. The gradient of a cross-entropy against them is the
 * gradient of KL(teacher ‖ student); for mse it is that of the mean squared difference of the outputs.
 */
export async function teacherLabels(
  engine: ModelEngine,
  teacher: ParameterValues,
  batch: SampleBatch,
  heads: readonly HeadLoss[],
): Promise<TeacherLabels> {
  const samples = batch.inputs[0]?.dims[0] ?? 0;
  const outputs = await engine.headOutputs(teacher, batch.inputs, heads);
  let entropy = 0;
  const labels = heads.map((head, index) => {
    const output = outputs[index] as Tensor;
    const data = output.data as FloatArray;
    if (head.loss === 'mse') return { ...output, data: data.slice() };
    const activation = engine.finalActivation(head.output);
    let probabilities: FloatArray;
    if (head.loss === 'binary-cross-entropy' && (activation === null || activation === 'sigmoid'))
      probabilities = data.map(sigmoid);
    else if (activation === 'sigmoid') probabilities = data.map(sigmoid);
    else {
      const given = batch.labels[index];
      const resolved = given && resolveLoss(head.loss, output.dims, given, 'The labels');
      const axis =
        resolved && resolved.kind !== 'elements' ? resolved.classAxis : Math.min(1, output.dims.length - 1);
      probabilities = softmaxAlong(output, axis);
    }
    const made = { ...output, data: probabilities };
    const own = sampleLosses(
      resolveLoss(head.loss, output.dims, made, 'The outputs'),
      output,
      activation,
      samples,
    );
    entropy += (head.weight * own.reduce((sum, value) => sum + value, 0)) / Math.max(1, samples);
    return made;
  });
  return { labels, entropy };
}

/** Each sample's loss, heads added up by their weights. */
export async function lossesOf(
  engine: ModelEngine,
  values: ParameterValues,
  batch: SampleBatch,
  heads: readonly HeadLoss[],
): Promise<Float64Array> {
  const samples = batch.inputs[0]?.dims[0] ?? 0;
  const outputs = await engine.headOutputs(values, batch.inputs, heads);
  const total = new Float64Array(samples);
  heads.forEach((head, index) => {
    const output = outputs[index] as Tensor;
    const resolved = resolveLoss(head.loss, output.dims, batch.labels[index] as Tensor, 'The labels');
    const losses = sampleLosses(resolved, output, engine.finalActivation(head.output), samples);
    losses.forEach((loss, sample) => (total[sample]! += head.weight * loss));
  });
  return total;
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** exp(z − max) / Σ along one axis, in float64. */
export function softmaxAlong(output: Tensor, axis: number): FloatArray {
  const data = output.data as FloatArray;
  const classes = output.dims[axis] ?? 1;
  const inner = elementCount(output.dims.slice(axis + 1));
  const result = allocateFloats(floatTypeOf(data), data.length);
  for (let block = 0; block < data.length; block += classes * inner)
    for (let offset = 0; offset < inner; offset++) {
      let largest = -Infinity;
      for (let index = 0; index < classes; index++)
        largest = Math.max(largest, data[block + index * inner + offset]!);
      let sum = 0;
      for (let index = 0; index < classes; index++)
        sum += Math.exp(data[block + index * inner + offset]! - largest);
      for (let index = 0; index < classes; index++)
        result[block + index * inner + offset] =
          Math.exp(data[block + index * inner + offset]! - largest) / sum;
    }
  return result;
}
