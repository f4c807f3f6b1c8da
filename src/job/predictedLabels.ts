// Data without labels: what the original model says of the samples takes their place.
import { basename } from 'node:path';
import type { BoundDataset } from '../data/dataset';
import { headOutputs } from '../evaluate/samples';
import { joinChunks, takeSamples } from '../runtime/batches';
import type { HeadLoss, LossName, ModelEngine } from '../runtime/contracts';
import { binaryLogProbabilities, predictedClasses, type FinalActivation } from '../runtime/sampleLosses';
import { LetheError, UsageError } from '../shared/errors';
import type { Recipe } from '../shared/recipe';
import { isFloating } from '../tensor/dtype';
import { elementCount, type Tensor } from '../tensor/tensor';

/** Label elements that are held in memory at most. */
const mostElements = 2 ** 28;

/** Samples that are predicted at once. */
const chunk = 256;

/**
 * The heads of a job whose data has no labels to tell them by: those that the recipe names, else the only output of real
 * numbers. A loss that is not named follows from the end of the graph: a softmax means cross-entropy, a sigmoid binary
 * cross-entropy. Throws a UsageError where neither tells.
 */
export function headsWithoutLabels(
  recipe: Pick<Recipe, 'heads' | 'loss'>,
  engine: ModelEngine,
  path: string,
): HeadLoss[] {
  const outputs = engine.model.graph.outputs.filter(({ dtype }) => isFloating(dtype));
  if (!recipe.heads && outputs.length !== 1) {
    throw new UsageError(
      `${path} has no labels, and the model has ${outputs.length} outputs of real numbers (${outputs.map(({ name }) => name).join(', ')}). ` +
        'Name those that matter in "heads", or the labels in data.train.labels.',
    );
  }
  const named = recipe.heads ?? outputs.map(({ name }) => ({ output: name, loss: undefined, weight: 1 }));
  return named.map(({ output, loss, weight }) => {
    const found = loss ?? recipe.loss ?? lossOf(engine.finalActivation(output));
    if (found === null) {
      throw new UsageError(
        `${path} has no labels, and nothing at the output ${output} tells values from classes. Set "loss" to cross-entropy, ` +
          'binary-cross-entropy or mse, or name the labels in data.train.labels.',
      );
    }
    return { output, loss: found, weight };
  });
}

function lossOf(activation: FinalActivation): LossName | null {
  if (activation === null) return null;
  return activation === 'sigmoid' ? 'binary-cross-entropy' : 'cross-entropy';
}

/**
 * The dataset with the predictions of `original` as labels: the class of the largest logit, 0 or 1 at every element, or the
 * output itself for mse. A model that interpolates its training data says exactly the labels it was trained on. Elsewhere
 * hard classes carry less of what the model learned from the forgotten samples than its probabilities would.
 * Throws a LetheError for classes at several positions of a sample, whose axis only labels could tell, and where labels
 * would not fit in memory.
 */
export async function withPredictedLabels(
  data: BoundDataset,
  original: ModelEngine,
  heads: readonly HeadLoss[],
): Promise<BoundDataset> {
  const file = basename(data.dataset.path);
  const values = original.initialValues();
  const parts: Tensor[][] = heads.map(() => []);
  for (let start = 0; start < data.size; start += chunk) {
    const indices = Array.from({ length: Math.min(chunk, data.size - start) }, (_, at) => start + at);
    const { inputs } = await data.read(indices);
    const outputs = await headOutputs(original, values, inputs, heads);
    heads.forEach((head, place) => {
      const { tensor, activation } = outputs[place]!;
      if (start === 0) requirePossible(head, tensor, data.size / indices.length, file);
      parts[place]!.push(labelsFrom(head, tensor, activation));
    });
  }
  const labels = parts.map(each => joinChunks(each, data.size));
  return {
    ...data,
    warnings: data.warnings,
    predictedLabels: true,
    async read(indices) {
      const { inputs } = await data.read(indices);
      return { inputs, labels: labels.map(label => takeSamples(label, indices)) };
    },
  };
}

/** The sentence for whoever runs a job on data without labels: on these files, one or two. */
export function withoutLabels(paths: readonly string[]): string {
  return (
    `${paths.map(path => basename(path)).join(' and ')} ${paths.length === 1 ? 'has' : 'have'} no labels, so the predictions of the original model take their place. Where it fits its data ` +
    'exactly they are the labels; elsewhere they keep some of what it learned from the forgotten samples. Accuracies, largest ' +
    'errors, the membership AUC, confusion matrices, the attack on losses, the tug of war and the average gap fall away; ' +
    'agreement with the original stands in for accuracy.'
  );
}

function requirePossible(head: HeadLoss, output: Tensor, chunks: number, file: string): void {
  if (head.loss === 'cross-entropy' && output.dims.length > 2) {
    throw new LetheError(
      `${file} has no labels, and the output ${head.output} has classes at several positions of a sample, along an axis that only ` +
        'labels could tell. Name the labels in data.train.labels.',
    );
  }
  const perSample = head.loss === 'cross-entropy' ? 1 : elementCount(output.dims.slice(1));
  if (output.dims[0]! * chunks * perSample <= mostElements) return;
  throw new LetheError(
    `${file} has no labels, and the predictions of the output ${head.output} for all of its samples do not fit in memory in ` +
      'their place. Name the labels in data.train.labels, or take fewer samples.',
  );
}

function labelsFrom(head: HeadLoss, output: Tensor, activation: FinalActivation): Tensor {
  if (head.loss === 'cross-entropy') {
    const data = Int32Array.from(predictedClasses(output, output.dims.length - 1));
    return { dtype: 'int32', dims: [output.dims[0]!], data };
  }
  const data = new Float32Array(output.data.length);
  if (head.loss === 'mse') data.set(output.data as Float32Array);
  else {
    const logs = binaryLogProbabilities(output, activation);
    for (let index = 0; index < data.length; index++) {
      const [yes, no] = logs(index);
      data[index] = yes > no ? 1 : 0;
    }
  }
  return { dtype: 'float32', dims: output.dims, data };
}
