// Statistics and histograms of all parameters of a model, in two passes over each and little memory.
import { describeParameters } from '../autodiff/parameters';
import { openModel } from '../tfjs/openModel';
import type { ParameterSummary } from '../shared/viewerProtocol';
import type { StoredTensor } from '../onnx/model';
import type { Tensor } from '../tensor/tensor';
import { elementChunks, parameterTensor } from './inspect';
import { Range } from './viewHistogram';
import { Moments } from './viewMoments';
import { Pacer } from './viewPace';

/** Who hears of each summary, and who may stop the work. */
export interface SummaryHooks {
  readonly signal: AbortSignal;
  /** Awaited, so that a slow reader is not flooded. */
  tell(summary: ParameterSummary): Promise<void>;
}

/** Summaries of all parameters in the order of the overview. Throws a ModelError or a CancelledError. */
export async function summarise(
  path: string,
  bins: number,
  hooks: SummaryHooks,
): Promise<ParameterSummary[]> {
  const model = openModel(path);
  const pacer = new Pacer(hooks.signal);
  const summaries: ParameterSummary[] = [];
  for (const { name } of describeParameters(model).parameters) {
    const tensor = parameterTensor(model.graph, name);
    if (tensor === null) continue;
    const summary = await summariseTensor(name, tensor, bins, pacer);
    summaries.push(summary);
    await hooks.tell(summary);
  }
  return summaries;
}

/** The summary of one tensor over its finite elements. */
export async function summariseTensor(
  name: string,
  tensor: StoredTensor | Tensor,
  bins: number,
  pacer: Pacer,
): Promise<ParameterSummary> {
  const range = new Range();
  const moments = new Moments();
  let notFinite = 0;
  // Chunks may be the tensor's own elements, which stay as they are.
  let finite = new Float64Array(0);
  for (const chunk of elementChunks(tensor)) {
    if (finite.length < chunk.length) finite = new Float64Array(chunk.length);
    const count = keepFinite(chunk, finite);
    for (let index = 0; index < count; index++) range.add(finite[index]!);
    notFinite += chunk.length - count;
    moments.add(finite, count);
    await pacer.pause();
  }
  const counted = range.bins(bins);
  for (const chunk of elementChunks(tensor)) {
    const count = keepFinite(chunk, finite);
    for (let index = 0; index < count; index++) counted.add(finite[index]!);
    await pacer.pause();
  }
  const { norm, mean, std } = moments;
  return { name, norm, min: range.min, max: range.max, mean, std, notFinite, histogram: counted.histogram };
}

/** Copies the finite values of a piece to the front of `target`; gives how many there are. */
function keepFinite(piece: Float64Array, target: Float64Array): number {
  let count = 0;
  for (let index = 0; index < piece.length; index++) {
    const value = piece[index]!;
    // The difference of infinities is NaN, so one comparison finds all three.
    if (value - value === 0) target[count++] = value;
  }
  return count;
}
