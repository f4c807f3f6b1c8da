// Several models on the same samples, side by side: features, confusion, and how far their predictions are apart.
import { basename } from 'node:path';
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { resolveLoss } from '../runtime/loss';
import { CancelledError } from '../shared/errors';
import type { Confusion, Divergence } from '../shared/evaluation';
import { elementCount } from '../tensor/tensor';
import { ConfusionCounts } from './confusion';
import { DivergenceSums } from './divergence';
import { viewHead, type HeadView } from './headView';
import { addFeatures, emptyFeatures, type SampleFeatures } from './sampleFeatures';
import { headOutputs } from './samples';

/** A model of a comparison. */
export interface ComparedModel {
  readonly engine: ModelEngine;
  readonly values: ParameterValues;
}

/** What one model does on one set; `to` has how far it is from the model at each place asked for. */
export interface ModelOnSet {
  readonly features: SampleFeatures;
  /** One matrix a classifying head. */
  readonly confusion: readonly Confusion[];
  readonly to: ReadonlyMap<number, Divergence>;
}

/** Elements of inputs and outputs of all models that a chunk may take. */
const chunkElements = 8_000_000;

/**
 * Runs all models on the samples at `indices`, chunk by chunk, and compares each with the models at the places `with`.
 * Throws what `evaluateSamples` throws.
 */
export async function compareModels(
  models: readonly ComparedModel[],
  dataset: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
  places: readonly number[],
  signal?: AbortSignal,
): Promise<ModelOnSet[]> {
  const classifies = heads.some(head => head.loss !== 'mse');
  const found = models.map((_, own) => ({
    features: emptyFeatures(indices.length, classifies),
    confusion: heads.map(head => (head.loss === 'mse' ? null : new ConfusionCounts(head.output))),
    to: new Map(places.filter(place => place !== own).map(place => [place, new DivergenceSums()])),
  }));
  let size = 32;
  for (let start = 0; start < indices.length;) {
    if (signal?.aborted) throw new CancelledError();
    const rows = indices.slice(start, start + size);
    const { inputs, labels } = await dataset.read(rows);
    const views: HeadView[][] = [];
    for (const { engine, values } of models) {
      const outputs = await headOutputs(engine, values, inputs, heads);
      views.push(
        heads.map((head, place) => {
          const { tensor, activation } = outputs[place]!;
          const where = `Labels of ${basename(dataset.dataset.path)}`;
          const resolved = resolveLoss(head.loss, tensor.dims, labels[place]!, where, rows);
          return viewHead(head, resolved, tensor, activation, rows.length);
        }),
      );
    }
    found.forEach((one, own) => {
      addFeatures(one.features, views[own]!, start);
      views[own]!.forEach((view, place) => one.confusion[place]?.add(view));
      for (const [place, sums] of one.to) sums.add(views[own]!, views[place]!);
    });
    start += rows.length;
    const elements =
      inputs.reduce((sum, { dims }) => sum + elementCount(dims), 0) +
      views.flat().reduce((sum, { values }) => sum + 2 * values.length, 0);
    size = Math.max(1, Math.min(512, Math.floor((chunkElements * rows.length) / Math.max(1, elements))));
  }
  return found.map(({ features, confusion, to }) => ({
    features,
    confusion: confusion.flatMap(counts => (counts ? [counts.matrix] : [])),
    to: new Map([...to].map(([place, sums]) => [place, sums.divergence])),
  }));
}
