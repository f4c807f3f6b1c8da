// What a model's output says about each sample, as one number.
import type { ModelEngine, ParameterValues } from '../runtime/contracts';
import type { ResolvedLoss } from '../runtime/loss';
import {
  binaryLogProbabilities,
  confidences,
  predictedClasses,
  type FinalActivation,
} from '../runtime/sampleLosses';
import { LetheError } from '../shared/errors';
import { elementReader, type Tensor } from '../tensor/tensor';
import { commonest } from './viewLabels';

/**
 * The predicted class of each sample (of several positions the commonest; of several binary outputs the most likely),
 * or a regressor's first value. `output` holds logits, except for mse.
 */
export function predictedOf(
  resolved: ResolvedLoss,
  output: Tensor,
  activation: FinalActivation,
  samples: number,
): number[] {
  if (resolved.kind !== 'elements') return classesOf(output, resolved.classAxis, samples);
  if (resolved.loss === 'mse') return firstValues(output, samples);
  return binaryClasses(output, activation, samples);
}

/**
 * The same for data without labels: an output of several columns is taken for class scores, one that ends in a sigmoid
 * for a probability, any other for a value.
 */
export async function predictUnlabelled(
  engine: ModelEngine,
  values: ParameterValues,
  inputs: readonly Tensor[],
  samples: number,
): Promise<{ predicted: number[]; confidence: number[] | null; elements: number }> {
  const [output] = await engine.predict(values, inputs, { logits: true });
  const declared = engine.model.graph.outputs[0];
  if (!output || !declared || output.dims[0] !== samples) {
    throw new LetheError(
      `${engine.model.path} gives ${output?.dims[0] ?? 'no'} rows for ${samples} samples. Its first axis must be the ` +
        'batch: export the model that way.',
    );
  }
  const elements = output.data.length;
  const activation = engine.finalActivation(declared.name);
  const columns = output.dims[1] ?? 1;
  if (columns > 1 && activation !== 'sigmoid') {
    const sure = confidences(output, 1);
    const each = sure.length / samples;
    const confidence = Array.from({ length: samples }, (_, sample) => mean(sure, sample * each, each));
    return { predicted: classesOf(output, 1, samples), confidence, elements };
  }
  if (activation === 'sigmoid') {
    const logs = binaryLogProbabilities(output, activation);
    const each = elements / samples;
    const sure = Float64Array.from({ length: elements }, (_, index) => Math.exp(Math.max(...logs(index))));
    const confidence = Array.from({ length: samples }, (_, sample) => mean(sure, sample * each, each));
    return { predicted: binaryClasses(output, activation, samples), confidence, elements };
  }
  return { predicted: firstValues(output, samples), confidence: null, elements };
}

function classesOf(output: Tensor, classAxis: number, samples: number): number[] {
  const classes = predictedClasses(output, classAxis);
  const each = classes.length / samples;
  return Array.from({ length: samples }, (_, sample) =>
    commonest(classes.subarray(sample * each, (sample + 1) * each)),
  );
}

function binaryClasses(output: Tensor, activation: FinalActivation, samples: number): number[] {
  const logs = binaryLogProbabilities(output, activation);
  const each = output.data.length / samples;
  return Array.from({ length: samples }, (_, sample) => {
    const start = sample * each;
    if (each === 1) {
      const [log, logOther] = logs(start);
      return log > logOther ? 1 : 0;
    }
    let best = 0;
    for (let column = 1; column < each; column++) {
      if (logs(start + column)[0] > logs(start + best)[0]) best = column;
    }
    return best;
  });
}

function firstValues(output: Tensor, samples: number): number[] {
  const read = elementReader(output);
  const each = output.data.length / samples;
  return Array.from({ length: samples }, (_, sample) => read(sample * each));
}

function mean(values: Float64Array, start: number, count: number): number {
  let sum = 0;
  for (let index = start; index < start + count; index++) sum += values[index]!;
  return sum / count;
}
