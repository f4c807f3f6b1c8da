// A model that knows nothing about its training labels: most often the data are wrong, not the model.
import type { BoundDataset } from '../data/dataset';
import { headOutputs } from '../evaluate/samples';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { resolveLoss } from '../runtime/loss';
import { significant } from '../shared/numbers';
import type { SetMetrics } from '../shared/report';

/** A loss of at least this share of a blind guess's is no better than blind. */
export const blindShare = 0.97;

/** What a person does about a model that knows nothing of its labels. */
export const dataRemedy =
  'Check that these are the data the model was trained on, that data.preprocess is what training used, and that ' +
  'the classes come in the order of the outputs.';

/**
 * One sentence for every classifying head whose mean loss on the retained samples is no better than that of equal
 * probabilities for all classes, ln C (ln 2 for independent outputs). Throws what `headOutputs` throws.
 */
export async function fitWarnings(
  engine: ModelEngine,
  values: ParameterValues,
  train: BoundDataset,
  heads: readonly HeadLoss[],
  retained: SetMetrics,
): Promise<string[]> {
  if (retained.count === 0 || heads.every(({ loss }) => loss === 'mse')) return [];
  const rows = [0];
  const { inputs, labels } = await train.read(rows);
  const outputs = await headOutputs(engine, values, inputs, heads);
  return heads.flatMap((head, place) => {
    const { loss } = retained.heads?.[place] ?? retained;
    const { tensor } = outputs[place]!;
    const resolved = resolveLoss(head.loss, tensor.dims, labels[place]!, 'Labels of the training data', rows);
    const blind = Math.log(resolved.kind === 'elements' ? 2 : resolved.classes);
    if (head.loss === 'mse' || loss < blindShare * blind) return [];
    return [
      `The model's mean loss on the retained samples is ${significant(loss)} on the output ${head.output}; saying all ` +
        `classes are equally likely gives ${significant(blind)}. ${dataRemedy}`,
    ];
  });
}
