// What models say about every sample of a dataset, remembered for as long as neither changes.
import { bindDataset } from '../data/bind';
import type { BoundDataset } from '../data/dataset';
import { headOutputs, sampleConfidences } from '../evaluate/samples';
import { resolveLoss } from '../runtime/loss';
import { sampleLosses } from '../runtime/sampleLosses';
import type { HeadLoss } from '../runtime/contracts';
import { LetheError, throwIfCancelled } from '../shared/errors';
import type { DatasetPredictions } from '../shared/viewerProtocol';
import { elementCount } from '../tensor/tensor';
import { chooseHeads } from './heads';
import { inputSignatures } from './openJob';
import type { ViewDataset } from './viewDataset';
import type { EnginePool, OpenEngine } from './viewEngines';
import type { WorkHooks } from './viewPace';
import { predictedOf, predictUnlabelled } from './viewPredicted';

/** Predictions kept: a few numbers a sample. */
const kept = 8;

/** Elements of inputs and outputs that a chunk may take. */
const chunkElements = 8_000_000;

/** Answers questions for predictions. */
export class Predictor {
  private readonly known = new Map<string, DatasetPredictions>();

  constructor(private readonly engines: EnginePool) {}

  /**
   * What a model file says about all samples. `id` names the dataset. Throws a LetheError when model and data do not
   * fit or a loss is not finite, and a CancelledError.
   */
  async predictions(
    id: string,
    view: ViewDataset,
    model: string,
    hooks: WorkHooks,
  ): Promise<DatasetPredictions> {
    const key = `${id} ${this.engines.key(model)}`;
    const known = this.known.get(key);
    if (known) return known;
    return this.engines.use(model, hooks.signal, async open => {
      // Whoever asked before may have had the same question.
      const found = this.known.get(key) ?? (await predictAll(open, view, hooks));
      this.known.set(key, found);
      for (const oldest of this.known.keys()) {
        if (this.known.size <= kept) break;
        this.known.delete(oldest);
      }
      return found;
    });
  }

  /** Forgets what was found for a dataset that is closed. */
  forget(id: string): void {
    for (const key of this.known.keys()) if (key.startsWith(`${id} `)) this.known.delete(key);
  }
}

async function predictAll(
  open: OpenEngine,
  { dataset, request, labels }: ViewDataset,
  hooks: WorkHooks,
): Promise<DatasetPredictions> {
  const bound = bindDataset(dataset, inputSignatures(open.engine.model), request.preprocess);
  const heads = labels === null ? [] : await chooseHeads(request, open.engine, bound);
  const all = Array.from({ length: bound.size }, (_, index) => index);
  return predictSamples(open, bound, all, heads, hooks);
}

/** Predictions and losses of the samples at `indices`, in chunks; `heads` is empty for data without labels. */
export async function predictSamples(
  { engine, values }: OpenEngine,
  bound: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
  hooks: WorkHooks,
): Promise<DatasetPredictions> {
  const predicted: number[] = [];
  const losses: number[] = [];
  const confidence: number[] = [];
  let size = 32;
  for (let start = 0; start < indices.length;) {
    throwIfCancelled(hooks.signal);
    hooks.progress('Predicting', start / indices.length);
    const rows = indices.slice(start, start + size);
    const batch = await bound.read(rows);
    let elements = batch.inputs.reduce((sum, { dims }) => sum + elementCount(dims), 0);
    if (heads.length === 0) {
      const found = await predictUnlabelled(engine, values, batch.inputs, rows.length);
      predicted.push(...found.predicted);
      confidence.push(...(found.confidence ?? []));
      elements += found.elements;
    } else {
      const outputs = await headOutputs(engine, values, batch.inputs, heads);
      const sums = new Float64Array(rows.length);
      heads.forEach((head, place) => {
        const { tensor, activation } = outputs[place]!;
        elements += tensor.data.length;
        const where = `Labels of ${bound.dataset.path}`;
        const resolved = resolveLoss(head.loss, tensor.dims, batch.labels[place]!, where, rows);
        sampleLosses(resolved, tensor, activation, rows.length).forEach((loss, row) => {
          sums[row]! += head.weight * loss;
        });
        if (place > 0) return;
        predicted.push(...predictedOf(resolved, tensor, activation, rows.length));
        if (head.loss !== 'mse')
          confidence.push(...sampleConfidences(resolved, tensor, activation, rows.length));
      });
      requireFinite(sums, rows, bound.dataset.path);
      losses.push(...sums);
    }
    start += rows.length;
    size = Math.max(1, Math.min(512, Math.floor((chunkElements * rows.length) / Math.max(1, elements))));
  }
  hooks.progress('Predicting', 1);
  return {
    predicted,
    loss: heads.length === 0 ? null : losses,
    confidence: confidence.length === 0 ? null : confidence,
  };
}

function requireFinite(losses: Float64Array, rows: readonly number[], path: string): void {
  const at = losses.findIndex(loss => !Number.isFinite(loss));
  if (at < 0) return;
  throw new LetheError(
    `The model's loss is ${losses[at]} for sample ${rows[at]} of ${path}. Check the weights and that sample for values ` +
      'that are not finite or far too large.',
  );
}
