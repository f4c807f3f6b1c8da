// Which outputs have labels, and which loss compares them, where the recipe leaves it open.
import { checkLabels } from '../data/checkLabels';
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, LossName, ModelEngine } from '../runtime/contracts';
import { resolveLoss, type ResolvedLoss } from '../runtime/loss';
import { LetheError, UsageError } from '../shared/errors';
import { nearestName } from '../shared/nearest';
import type { Recipe } from '../shared/recipe';
import { isFloating } from '../tensor/dtype';
import { elementReader, type Tensor } from '../tensor/tensor';

/**
 * The heads of a job: those the recipe names, else one per label array, in the order of the outputs. A loss that is
 * not named is inferred: class numbers for an output with several columns mean cross-entropy; labels of 0 and 1 for
 * an output with one column, or one that ends in a sigmoid, mean binary cross-entropy; anything else mse.
 * Up to 512 samples spread over the data are looked at; class numbers of all samples are checked.
 * `warn` hears of names of classes (`data.classes`) that are more or fewer than the model's classes. Throws a
 * UsageError or a LossError.
 */
export async function chooseHeads(
  recipe: Pick<Recipe, 'heads' | 'loss'> & { readonly data?: Pick<Recipe['data'], 'classes'> },
  engine: ModelEngine,
  train: BoundDataset,
  warn: (warning: string) => void = () => undefined,
): Promise<HeadLoss[]> {
  const outputs = engine.model.graph.outputs.map(output => output.name);
  const looked = Math.min(train.size, 512);
  const indices = Array.from({ length: looked }, (_, index) => Math.floor((index * train.size) / looked));
  const { labels } = await train.read(indices);
  const dims = await outputDims(engine, train);
  const named =
    recipe.heads ?? outputs.slice(0, labels.length).map(output => ({ output, loss: undefined, weight: 1 }));
  if (labels.length === 0) {
    throw new LetheError(`${train.dataset.path} has no labels. Name them in the recipe: data.train.labels.`);
  }
  if (named.length !== labels.length) {
    throw new UsageError(
      `${train.dataset.path} has ${labels.length} label arrays, but ${named.length} outputs are to be compared with labels. ` +
        `Name as many outputs in "heads" as there are labels, or choose labels with data.train.labels.`,
    );
  }
  const heads: HeadLoss[] = [];
  const counts: number[] = [];
  for (const [index, head] of named.entries()) {
    const at = outputs.indexOf(head.output);
    if (at < 0) throw unknownOutput(head.output, outputs);
    const labelArray = labels[index]!;
    const loss =
      head.loss ?? recipe.loss ?? inferLoss(dims[at]!, labelArray, engine.finalActivation(head.output));
    const where = `Labels of ${train.dataset.path}`;
    const resolved = resolveLoss(loss, [looked, ...dims[at]!.slice(1)], labelArray, where, indices);
    if (resolved.kind === 'class-indices') await checkLabels(train.dataset, resolved.classes, index);
    const count = classCount(resolved);
    if (count !== null) counts.push(count);
    heads.push({ output: head.output, loss, weight: head.weight });
  }
  const names = recipe.data?.classes;
  if (names !== undefined && counts.length > 0 && !counts.includes(names.length)) {
    warn(
      `data.classes names ${names.length} classes, but the model has ${counts.join(' and ')}. Name each class once, in the order of the labels.`,
    );
  }
  return heads;
}

/** How many classes a loss tells apart; null for values. One column of a binary cross-entropy has two. */
function classCount(loss: ResolvedLoss): number | null {
  if (loss.kind !== 'elements') return loss.classes;
  if (loss.loss !== 'binary-cross-entropy') return null;
  const columns = loss.dims.slice(1).reduce((product, dim) => product * dim, 1);
  return columns === 1 ? 2 : columns;
}

/** The loss that labels and an output of the given dims (batch axis first) most likely belong to. */
export function inferLoss(
  outputDims: readonly number[],
  labels: Tensor,
  activation: 'softmax' | 'log-softmax' | 'sigmoid' | null,
): LossName {
  const columns = outputDims.slice(1).reduce((product, dim) => product * dim, 1);
  const perSample = labels.data.length / Math.max(1, labels.dims[0] ?? 1);
  const softmax = activation === 'softmax' || activation === 'log-softmax';
  if (isFloating(labels.dtype)) {
    if (softmax) return 'cross-entropy';
    return activation === 'sigmoid' && every(labels, value => value >= 0 && value <= 1)
      ? 'binary-cross-entropy'
      : 'mse';
  }
  if (perSample < columns) return 'cross-entropy';
  return every(labels, value => value === 0 || value === 1) ? 'binary-cross-entropy' : 'mse';
}

function every(tensor: Tensor, test: (value: number) => boolean): boolean {
  const read = elementReader(tensor);
  for (let index = 0; index < tensor.data.length; index++) if (!test(read(index))) return false;
  return true;
}

/** The dims of every output for one sample. */
async function outputDims(engine: ModelEngine, train: BoundDataset): Promise<(readonly number[])[]> {
  const { inputs } = await train.read([0]);
  const outputs = await engine.predict(engine.initialValues(), inputs);
  return outputs.map(output => output.dims);
}

function unknownOutput(name: string, outputs: readonly string[]): UsageError {
  const nearest = nearestName(name, outputs);
  const hint = nearest ? `Did you mean "${nearest}"?` : `Its outputs: ${outputs.join(', ')}.`;
  return new UsageError(`The model has no output "${name}", which "heads" names. ${hint}`);
}
