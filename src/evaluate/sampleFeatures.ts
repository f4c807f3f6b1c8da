// What an attacker may know of a sample from a model's answer: loss, confidence, margin and entropy.
import { predictedAt, type HeadView } from './headView';

/** One number a sample each. Those of classifiers are means over positions and classifying heads. */
export interface SampleFeatures {
  /** Heads added up by their weights. */
  readonly loss: Float64Array;
  /** The largest probability. */
  readonly confidence: Float64Array;
  /** log p of the label less that of the most likely other class; 0 where no position is labelled. */
  readonly margin: Float64Array;
  /** −Σ p log p in nats. */
  readonly entropy: Float64Array;
  /** Whether any head classifies; without, all but the loss are 0. */
  readonly classifies: boolean;
}

/** Room for the features of some samples. */
export function emptyFeatures(samples: number, classifies: boolean): SampleFeatures {
  const make = (): Float64Array => new Float64Array(samples);
  return { loss: make(), confidence: make(), margin: make(), entropy: make(), classifies };
}

/** Fills in the features of a batch whose samples start at `start`. */
export function addFeatures(features: SampleFeatures, views: readonly HeadView[], start: number): void {
  const classifiers = views.filter(view => view.labels !== null);
  for (const view of views) {
    view.losses.forEach((loss, sample) => (features.loss[start + sample]! += view.head.weight * loss));
  }
  for (const view of classifiers) addClassifier(features, view, start, 1 / classifiers.length);
}

function addClassifier(features: SampleFeatures, view: HeadView, start: number, share: number): void {
  const { values, classes, perSample, samples, labels } = view;
  for (let sample = 0; sample < samples; sample++) {
    let [confidence, entropy, margin, labelled] = [0, 0, 0, 0];
    for (let position = sample * perSample; position < (sample + 1) * perSample; position++) {
      const at = position * classes;
      const best = predictedAt(view, position);
      confidence += Math.exp(values[at + best]!);
      for (let index = 0; index < classes; index++) {
        const log = values[at + index]!;
        // p log p is 0 where p is.
        if (log > -700) entropy -= Math.exp(log) * log;
      }
      const label = labels![position]!;
      if (label < 0) continue;
      labelled++;
      let other = -Infinity;
      for (let index = 0; index < classes; index++)
        if (index !== label) other = Math.max(other, values[at + index]!);
      margin += classes > 1 ? values[at + label]! - other : 0;
    }
    features.confidence[start + sample]! += (share * confidence) / perSample;
    features.entropy[start + sample]! += (share * entropy) / perSample;
    if (labelled > 0) features.margin[start + sample]! += (share * margin) / labelled;
  }
}
