// How values become a model's inputs, where nobody said it: what fits the labels best.
import { basename } from 'node:path';
import type { PreprocessCandidate } from '../../shared/viewerProtocol';
import { numberText } from '../../shared/numberText';
import type { ViewerHost } from '../viewerHost';
import { pathOfSource, type DatasetBinding } from './binding';

/** A binding with the preprocessing of lowest loss, and a sentence that says so; as it was where nothing is to say. */
export async function preprocessedBinding(
  viewer: ViewerHost,
  id: string,
  binding: DatasetBinding,
): Promise<{ readonly binding: DatasetBinding; readonly sentence: string | null }> {
  const { model } = binding;
  if (model === null || binding.preprocess !== null) return { binding, sentence: null };
  let candidates: readonly PreprocessCandidate[];
  try {
    candidates = await viewer.ask(protocol => protocol.preprocessRequest, { id, model });
  } catch {
    // Data without labels, or that do not fit, have no loss to go by; the panel says what is wrong.
    return { binding, sentence: null };
  }
  const [best, second] = candidates;
  if (!best || !second) return { binding, sentence: null };
  const data = basename(pathOfSource(binding.source));
  const losses = `loss ${numberText(best.loss)}, next ${second.name} with ${numberText(second.loss)}`;
  return best.preprocess === null
    ? {
        binding,
        sentence: `${data} is read as it is: no scaling fits ${basename(model)} better (${losses}).`,
      }
    : {
        binding: { ...binding, preprocess: best.preprocess },
        sentence: `${data} is read with the scaling ${best.name}, which fits ${basename(model)} best (${losses}).`,
      };
}
