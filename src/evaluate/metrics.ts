// The metrics of DESIGN §2 for one model: losses, accuracies, and membership inference.
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import type { ModelMetrics, SetMetrics } from '../shared/report';
import { areaUnderCurve } from './auc';
import { evaluateSamples, type HeadTally, type SampleEvaluation } from './samples';

/** The samples a model is judged on; `retained` and `forgotten` index into `train`. */
export interface EvaluationData {
  readonly train: BoundDataset;
  readonly retained: readonly number[];
  readonly forgotten: readonly number[];
  readonly test: BoundDataset | null;
}

/**
 * How a model with these parameter values does on the retained, the forgotten and the test samples.
 *
 * `membershipAuc` is P(loss of a forgotten sample < loss of a test sample), `confidenceAuc` P(confidence of a
 * forgotten sample > confidence of a test sample), ties ½; null without a test set, and `confidenceAuc` also where no
 * head is a classifier. The labels of the data are in the order of the heads. Where predictions of the original stand in
 * for labels, `membershipAuc` is null and agreement is given in the place of accuracy.
 *
 * Throws a LossError when labels do not fit, a LetheError when a loss is not finite, a CancelledError when aborted.
 */
export async function evaluateModel(
  engine: ModelEngine,
  values: ParameterValues,
  data: EvaluationData,
  heads: readonly HeadLoss[],
  signal?: AbortSignal,
): Promise<ModelMetrics> {
  const on = (set: BoundDataset, indices: readonly number[]): Promise<SampleEvaluation> =>
    evaluateSamples(engine, values, set, indices, heads, signal);
  const retain = await on(data.train, data.retained);
  const forget = await on(data.train, data.forgotten);
  const test = data.test && (await on(data.test, [...Array(data.test.size).keys()]));
  const unlabelled = { train: data.train.predictedLabels, test: data.test?.predictedLabels };
  return {
    retain: summarise(retain, heads, unlabelled.train),
    forget: summarise(forget, heads, unlabelled.train),
    test: test && summarise(test, heads, unlabelled.test),
    membershipAuc:
      test && !unlabelled.train && !unlabelled.test
        ? areaUnderCurve(labelledLosses(test), labelledLosses(forget))
        : null,
    confidenceAuc:
      test?.confidences && forget.confidences ? areaUnderCurve(forget.confidences, test.confidences) : null,
  };
}

/**
 * The metrics of one set. With several heads `heads` has each one's; on top stand the weighted sum of the losses, the
 * mean accuracy of the classifiers and the largest error of the regressors. With `unlabelled` the labels are predictions
 * of the original, so that these are named agreement and difference.
 */
export function summarise(
  evaluation: SampleEvaluation,
  heads: readonly HeadLoss[],
  unlabelled = false,
): SetMetrics {
  const labelled = summariseLabelled(evaluation, heads);
  return unlabelled ? againstOriginal(labelled) : labelled;
}

function againstOriginal({ count, loss, accuracy, maxError, heads }: SetMetrics): SetMetrics {
  return {
    count,
    loss,
    ...(accuracy !== undefined && { agreement: accuracy }),
    ...(maxError !== undefined && { maxDifference: maxError }),
    ...(heads && { heads: heads.map(againstOriginal) }),
  };
}

function summariseLabelled(evaluation: SampleEvaluation, heads: readonly HeadLoss[]): SetMetrics {
  const count = evaluation.losses.length;
  const each = evaluation.heads.map(tally => headMetrics(count, tally));
  if (each.length === 1) return each[0]!;
  const accuracies = each.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]));
  const errors = each.flatMap(({ maxError }) => (maxError === undefined ? [] : [maxError]));
  return {
    count,
    loss: each.reduce((sum, { loss }, place) => sum + heads[place]!.weight * loss, 0),
    ...(accuracies.length > 0 && {
      accuracy: accuracies.reduce((sum, value) => sum + value) / accuracies.length,
    }),
    ...(errors.length > 0 && { maxError: Math.max(...errors) }),
    heads: each,
  };
}

/** A set without a labelled position has the loss 0 and no accuracy. */
function headMetrics(count: number, tally: HeadTally): SetMetrics {
  const { lossSum, terms, correct, maxError } = tally;
  return {
    count,
    loss: terms === 0 ? 0 : lossSum / terms,
    ...(correct !== null && terms > 0 && { accuracy: correct / terms }),
    ...(maxError !== null && { maxError }),
  };
}

function labelledLosses({ losses, labelled }: SampleEvaluation): Float64Array {
  return losses.filter((_, sample) => labelled[sample] === 1);
}
