// How a model does on single samples: loss, confidence, correctness; and the sums over a set.
import { basename } from 'node:path';
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { resolveLoss, type ResolvedLoss } from '../runtime/loss';
import {
  binaryLogProbabilities,
  confidences,
  predictedClasses,
  sampleLosses,
  sampleTerms,
  type FinalActivation,
} from '../runtime/sampleLosses';
import { CancelledError, LetheError } from '../shared/errors';
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';

/** Sums of one head over a set of samples. */
export interface HeadTally {
  /** The sum of the loss terms and how many there are (labelled positions, or elements). */
  lossSum: number;
  terms: number;
  /** Positions or elements whose class was predicted; null for a regression head. */
  correct: number | null;
  /** The largest |output − label|; null for a classification head. */
  maxError: number | null;
}

/** What is known of each sample of a set, in the order of the indices, and of the set. */
export interface SampleEvaluation {
  readonly heads: readonly HeadTally[];
  /** The loss of each sample, heads added up by their weights. */
  readonly losses: Float64Array;
  /** 1 where at least one label of the sample is not ignored. */
  readonly labelled: Uint8Array;
  /** The mean of the largest class probability over positions and classification heads; null for regression. */
  readonly confidences: Float64Array | null;
}

/** Elements of inputs and outputs that a chunk may take. */
const chunkElements = 8_000_000;

/**
 * Runs the model on the samples and measures every head against the labels of the same position, in chunks that fit
 * in memory. Throws a LossError when labels do not fit, a LetheError when a loss is not finite, and a CancelledError
 * when the signal is aborted.
 */
export async function evaluateSamples(
  engine: ModelEngine,
  values: ParameterValues,
  dataset: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
  signal?: AbortSignal,
): Promise<SampleEvaluation> {
  const file = basename(dataset.dataset.path);
  const classifies = heads.some(head => head.loss !== 'mse');
  const tallies = heads.map((head): HeadTally => {
    const regression = head.loss === 'mse';
    return { lossSum: 0, terms: 0, correct: regression ? null : 0, maxError: regression ? 0 : null };
  });
  const losses = new Float64Array(indices.length);
  const labelled = new Uint8Array(indices.length);
  const certainty = classifies ? new Float64Array(indices.length) : null;
  let size = 32;
  for (let start = 0; start < indices.length;) {
    if (signal?.aborted) throw new CancelledError();
    const rows = indices.slice(start, start + size);
    const batch = await dataset.read(rows);
    if (batch.labels.length < heads.length) {
      throw new LetheError(
        `${file} has ${batch.labels.length} label arrays, but ${heads.length} outputs have a loss. Name the label ` +
          `arrays in data.train.labels, one for each head.`,
      );
    }
    const outputs = await headOutputs(engine, values, batch.inputs, heads);
    heads.forEach((head, place) => {
      const { tensor, activation } = outputs[place]!;
      const resolved = resolveLoss(head.loss, tensor.dims, batch.labels[place]!, `Labels of ${file}`, rows);
      const own = sampleLosses(resolved, tensor, activation, rows.length);
      const terms = sampleTerms(resolved, rows.length);
      const sure = certainty && sampleConfidences(resolved, tensor, activation, rows.length);
      const share = 1 / heads.filter(other => other.loss !== 'mse').length;
      const tally = tallies[place]!;
      own.forEach((loss, row) => {
        if (!Number.isFinite(loss)) {
          throw new LetheError(
            `The model's loss on the output ${head.output} is ${loss} for sample ${rows[row]} of ${file}. Check the ` +
              `weights and that sample for values that are not finite or far too large.`,
          );
        }
        losses[start + row]! += head.weight * loss;
        tally.lossSum += loss * terms[row]!;
        tally.terms += terms[row]!;
        if (terms[row]! > 0) labelled[start + row] = 1;
        if (sure) certainty[start + row]! += share * sure[row]!;
      });
      if (tally.correct !== null) tally.correct += countCorrect(resolved, tensor, activation);
      if (tally.maxError !== null) tally.maxError = Math.max(tally.maxError, largestError(resolved, tensor));
    });
    start += rows.length;
    const elements = [...batch.inputs, ...outputs.map(output => output.tensor)];
    const perSample = elements.reduce((sum, { dims }) => sum + elementCount(dims), 0) / rows.length;
    size = Math.max(1, Math.min(512, Math.floor(chunkElements / Math.max(1, perSample))));
  }
  return { heads: tallies, losses, labelled, confidences: certainty };
}

/** Each head's output: logits for the cross-entropies, the output as the file defines it for mse. */
export async function headOutputs(
  engine: ModelEngine,
  values: ParameterValues,
  inputs: readonly Tensor[],
  heads: readonly HeadLoss[],
): Promise<{ tensor: Tensor; activation: FinalActivation }[]> {
  const names = engine.model.graph.outputs.map(output => output.name);
  const wanted = heads.map(head => {
    const place = names.indexOf(head.output);
    if (place < 0) {
      throw new LetheError(
        `${engine.model.path} has no output ${head.output}. Its outputs are: ${names.join(', ')}. Name one of them ` +
          `in heads.`,
      );
    }
    const activation = engine.finalActivation(head.output);
    return { place, activation, logits: head.loss !== 'mse' && activation !== null };
  });
  const plain = wanted.some(head => !head.logits) ? await engine.predict(values, inputs) : null;
  const logits = wanted.some(head => head.logits)
    ? await engine.predict(values, inputs, { logits: true })
    : null;
  return wanted.map(head => {
    return { tensor: (head.logits ? logits : plain)![head.place]!, activation: head.activation };
  });
}

/** Positions (or elements) whose predicted class is the label's; ignored positions count as neither. */
function countCorrect(resolved: ResolvedLoss, output: Tensor, activation: FinalActivation): number {
  let correct = 0;
  if (resolved.kind === 'elements') {
    const logs = binaryLogProbabilities(output, activation);
    resolved.labels.forEach((label, index) => {
      const [log, logOther] = logs(index);
      if (log > logOther === label > 0.5) correct++;
    });
    return correct;
  }
  const predicted = predictedClasses(output, resolved.classAxis);
  const { labels, dims, classAxis } = resolved;
  const expected =
    labels instanceof Int32Array
      ? labels
      : predictedClasses({ dtype: 'float64', dims, data: labels }, classAxis);
  predicted.forEach((label, position) => {
    if (label === expected[position]) correct++;
  });
  return correct;
}

function largestError(resolved: ResolvedLoss, output: Tensor): number {
  const read = elementReader(output);
  let largest = 0;
  resolved.labels.forEach((label, index) => (largest = Math.max(largest, Math.abs(read(index) - label))));
  return largest;
}

/** The mean largest class probability of each sample; 0 for a regression head. Labels play no part. */
export function sampleConfidences(
  resolved: ResolvedLoss,
  output: Tensor,
  activation: FinalActivation,
  samples: number,
): Float64Array {
  const means = new Float64Array(samples);
  if (resolved.kind === 'elements' && resolved.loss === 'mse') return means;
  const perSample = resolved.positions / samples;
  const add = (value: number, position: number): void => {
    means[Math.floor(position / perSample)]! += value / perSample;
  };
  if (resolved.kind === 'elements') {
    const logs = binaryLogProbabilities(output, activation);
    resolved.labels.forEach((_, index) => add(Math.exp(Math.max(...logs(index))), index));
  } else {
    confidences(output, resolved.classAxis).forEach(add);
  }
  return means;
}
