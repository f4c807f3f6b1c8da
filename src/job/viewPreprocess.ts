// Which of the usual preprocessings a model was most likely trained with: the one it does best with.
import { bindDataset } from '../data/bind';
import type { InputSignature } from '../data/dataset';
import { LetheError, throwIfCancelled } from '../shared/errors';
import type { Preprocess } from '../shared/recipe';
import type { PreprocessCandidate } from '../shared/viewerProtocol';
import { chooseHeads } from './heads';
import { inputSignatures } from './openJob';
import type { ViewDataset } from './viewDataset';
import type { EnginePool } from './viewEngines';
import { predictSamples } from './viewPredict';

/** Samples that losses are taken over. */
const looked = 256;

const arithmetic: readonly {
  readonly name: PreprocessCandidate['name'];
  readonly values: Pick<Preprocess, 'scale' | 'mean' | 'std'>;
}[] = [
  { name: 'none', values: {} },
  { name: '1/255', values: { scale: 1 / 255 } },
  { name: '±1', values: { scale: 1 / 127.5, mean: 1 } },
  // The means and deviations of ImageNet's channels, as torchvision's models are trained with.
  { name: 'ImageNet', values: { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } },
];

/**
 * The usual preprocessings that fit the data, with the mean loss of up to 256 samples spread over it, the lowest first.
 * A resize and a layout that the dataset was opened with stay; without a resize, image files are brought to the size
 * that the model declares. Throws a LetheError when none fits, and a CancelledError.
 */
export async function preprocessCandidates(
  engines: EnginePool,
  view: ViewDataset,
  model: string,
  signal: AbortSignal,
): Promise<PreprocessCandidate[]> {
  const { dataset, request } = view;
  const count = Math.min(dataset.size, looked);
  const indices = Array.from({ length: count }, (_, at) => Math.floor((at * dataset.size) / count));
  return engines.use(model, signal, async open => {
    const signatures = inputSignatures(open.engine.model);
    const geometry = geometryOf(view, signatures[0]);
    const found: PreprocessCandidate[] = [];
    let first: LetheError | null = null;
    for (const { name, values } of arithmetic) {
      throwIfCancelled(signal);
      const merged = { ...geometry, ...values };
      const preprocess = Object.keys(merged).length === 0 ? null : merged;
      try {
        const bound = bindDataset(dataset, signatures, preprocess);
        const heads = await chooseHeads(request, open.engine, bound);
        const { loss } = await predictSamples(open, bound, indices, heads, {
          signal,
          progress: () => undefined,
        });
        found.push({ name, preprocess, loss: mean(loss ?? []) });
      } catch (error) {
        throwIfCancelled(signal);
        if (!(error instanceof LetheError)) throw error;
        // Three means for one channel, or values too large to compute with: not this one, then.
        first ??= error;
      }
    }
    if (found.length === 0 && first !== null) throw first;
    return found.sort((a, b) => a.loss - b.loss);
  });
}

/** What a candidate leaves as it is. */
function geometryOf(
  { dataset, request }: ViewDataset,
  input: InputSignature | undefined,
): Pick<Preprocess, 'resize' | 'layout'> {
  const { resize, layout } = request.preprocess ?? {};
  const kept = { ...(resize ? { resize } : {}), ...(layout ? { layout } : {}) };
  if (resize || dataset.inputs[0]?.dims !== null || input?.dims?.length !== 4) return kept;
  const [, a, b, c] = input.dims;
  const [height, width] = (layout ?? (isChannels(a) ? 'nchw' : 'nhwc')) === 'nchw' ? [b, c] : [a, b];
  return typeof height === 'number' && typeof width === 'number'
    ? { ...kept, resize: [height, width] }
    : kept;
}

function isChannels(dim: number | string | null | undefined): boolean {
  return dim === 1 || dim === 3;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
