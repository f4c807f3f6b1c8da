// A head's labels against its output: the checks that every engine makes before it computes.
import type { OnnxModel } from '../onnx/model';
import type { Tensor } from '../tensor/tensor';
import type { HeadLoss } from './contracts';
import { resolveLoss, type ResolvedLoss } from './loss';
import { RuntimeFailure } from './session';

/** What is known of a batch before its loss is computed. */
export interface HeadContext {
  readonly model: Pick<OnnxModel, 'path' | 'graph'>;
  readonly samples: number;
  /** The samples in the batch that the model computes with: more than `samples` where its batch is fixed. */
  readonly size: number;
}

/**
 * Fits the labels of the head at position `index` to its output; `dimsOf` gives an output's dims for `size` samples.
 * Throws a RuntimeFailure for an output that is not there or has no batch axis, a LossError for labels that do not fit.
 */
export function resolveHead(
  { model, samples, size }: HeadContext,
  head: HeadLoss,
  dimsOf: (output: string) => readonly number[],
  labels: Tensor | undefined,
  index: number,
): ResolvedLoss {
  const { outputs } = model.graph;
  if (!outputs.some(output => output.name === head.output))
    throw new RuntimeFailure(
      `${model.path} has no output ${head.output}. Its outputs are ${outputs.map(output => output.name).join(', ')}.`,
    );
  if (!labels)
    throw new RuntimeFailure(
      `The loss on ${head.output} has no labels: give one array of labels for each head.`,
    );
  const dims = dimsOf(head.output);
  const rows = dims[0];
  if (rows !== size)
    throw new RuntimeFailure(
      `The output ${head.output} of ${model.path} has ${rows ?? 'no'} rows for ${size} samples. ` +
        'Its first axis must be the batch: export the model that way.',
    );
  const where = index === 0 ? 'The labels' : `The labels of the output ${head.output}`;
  return resolveLoss(head.loss, [samples, ...dims.slice(1)], labels, where);
}

/** The factor of each sample's terms: the head's weight times the sample's own. */
export function scaledWeights(
  samples: number,
  factor: number,
  given: ArrayLike<number> | undefined,
): Float64Array {
  return Float64Array.from({ length: samples }, (_, sample) => factor * (given?.[sample] ?? 1));
}

/** The output that each head's loss starts from: one pass with logits for all cross-entropies, one without for all mse. */
export async function outputsOfHeads(
  heads: readonly HeadLoss[],
  model: HeadContext['model'],
  predict: (logits: boolean) => Promise<readonly Tensor[]>,
): Promise<Tensor[]> {
  const given = async (logits: boolean): Promise<readonly Tensor[]> =>
    heads.some(head => (head.loss !== 'mse') === logits) ? predict(logits) : [];
  const [plain, logits] = [await given(false), await given(true)];
  return heads.map(({ loss, output }) => {
    const index = model.graph.outputs.findIndex(({ name }) => name === output);
    return (loss === 'mse' ? plain : logits)[index] as Tensor;
  });
}
