// How a model does on samples, as far as a search may look: fit, loss, and how sure it is, labels aside.
import type { BoundDataset } from '../../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../../runtime/contracts';
import { resolveLoss, type ResolvedLoss } from '../../runtime/loss';
import { binaryLogProbabilities, predictedClasses, sampleLosses } from '../../runtime/sampleLosses';
import { elementCount, elementReader, type Tensor } from '../../tensor/tensor';
import { softmaxAlong } from '../teacher';

/** Three views of how sure a classifier is of a sample; they need no label. */
export interface Certainty {
  readonly confidence: number[];
  readonly margin: number[];
  readonly entropy: number[];
}

/** A model on a set of samples. */
export interface SetQuality {
  readonly count: number;
  /** By head: the share of right predictions, or for mse 1 − SSE/SST (the share of the labels' variance explained). */
  readonly heads: readonly number[];
  /** Standard error of each head's share; 0 for mse. */
  readonly errors: readonly number[];
  /** The mean loss, heads weighted. */
  readonly loss: number;
  /** Null where no head is a classifier. */
  readonly certainty: Certainty | null;
}

/** The mean of the heads' qualities. */
export function meanQuality(quality: SetQuality): number {
  return quality.heads.reduce((sum, value) => sum + value, 0) / Math.max(1, quality.heads.length);
}

/** Reads samples and measures a model on them. */
export async function qualityOn(
  engine: ModelEngine,
  values: ParameterValues,
  data: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
): Promise<SetQuality> {
  const tallies = heads.map(() => ({ right: 0, terms: 0, error: 0, sum: 0, squares: 0 }));
  const certainty: Certainty = { confidence: [], margin: [], entropy: [] };
  let loss = 0;
  const size = 256;
  for (let start = 0; start < indices.length; start += size) {
    const part = indices.slice(start, start + size);
    const batch = await data.read(part);
    const outputs = await engine.headOutputs(values, batch.inputs, heads);
    const sure = { confidence: zeros(part.length), margin: zeros(part.length), entropy: zeros(part.length) };
    const classifiers = heads.filter(head => head.loss !== 'mse').length;
    heads.forEach((head, place) => {
      const output = outputs[place] as Tensor;
      const activation = engine.finalActivation(head.output);
      const resolved = resolveLoss(head.loss, output.dims, batch.labels[place] as Tensor, 'The labels');
      const losses = sampleLosses(resolved, output, activation, part.length);
      for (const value of losses) loss += head.weight * value;
      const tally = tallies[place]!;
      if (resolved.kind === 'elements' && resolved.loss === 'mse') {
        const read = elementReader(output);
        resolved.labels.forEach((label, at) => {
          tally.error += (read(at) - label) ** 2;
          tally.sum += label;
          tally.squares += label * label;
          tally.terms++;
        });
        return;
      }
      const found = classify(resolved, output, activation);
      tally.right += found.right;
      tally.terms += found.terms;
      const perSample = found.top.length / part.length;
      found.top.forEach(([confidence, margin, entropy], position) => {
        const sample = Math.floor(position / perSample);
        sure.confidence[sample]! += confidence / perSample / classifiers;
        sure.margin[sample]! += margin / perSample / classifiers;
        sure.entropy[sample]! += entropy / perSample / classifiers;
      });
    });
    if (classifiers > 0) {
      certainty.confidence.push(...sure.confidence);
      certainty.margin.push(...sure.margin);
      certainty.entropy.push(...sure.entropy);
    }
  }
  const qualities = heads.map((head, place) => {
    const { right, terms, error, sum, squares } = tallies[place]!;
    if (terms === 0) return 0;
    if (head.loss !== 'mse') return right / terms;
    const spread = squares - (sum * sum) / terms;
    return spread > 0 ? 1 - error / spread : error === 0 ? 1 : 0;
  });
  return {
    count: indices.length,
    heads: qualities,
    errors: heads.map((head, place) => {
      const share = qualities[place]!;
      const terms = Math.max(1, tallies[place]!.terms);
      return head.loss === 'mse' ? 0 : Math.sqrt((share * (1 - share)) / terms);
    }),
    loss: loss / Math.max(1, indices.length),
    certainty: certainty.confidence.length > 0 ? certainty : null,
  };
}

type Activation = ReturnType<ModelEngine['finalActivation']>;

/** Right predictions, and for each position the largest probability, its lead over the next, and the entropy. */
function classify(
  resolved: ResolvedLoss,
  output: Tensor,
  activation: Activation,
): { right: number; terms: number; top: [number, number, number][] } {
  let right = 0;
  if (resolved.kind === 'elements') {
    const logs = binaryLogProbabilities(output, activation);
    const top = Array.from(resolved.labels, (label, at): [number, number, number] => {
      const [yes, no] = logs(at);
      if (yes > no === label > 0.5) right++;
      const [p, q] = [Math.exp(yes), Math.exp(no)];
      return [Math.max(p, q), Math.abs(p - q), -(p > 0 ? p * yes : 0) - (q > 0 ? q * no : 0)];
    });
    return { right, terms: top.length, top };
  }
  const { dims, classAxis, classes } = resolved;
  const inner = elementCount(dims.slice(classAxis + 1));
  const predicted = predictedClasses(output, classAxis);
  const expected =
    resolved.kind === 'class-indices'
      ? resolved.labels
      : predictedClasses({ dtype: 'float64', dims, data: resolved.labels }, classAxis);
  let terms = 0;
  expected.forEach((label, position) => {
    if (label < 0) return;
    terms++;
    if (predicted[position] === label) right++;
  });
  const probabilities = softmaxAlong(output, classAxis);
  const top = Array.from({ length: resolved.positions }, (_, position): [number, number, number] => {
    const start = Math.floor(position / inner) * classes * inner + (position % inner);
    let [first, second, entropy] = [0, 0, 0];
    for (let at = 0; at < classes; at++) {
      const p = probabilities[start + at * inner]!;
      if (p > first) [first, second] = [p, first];
      else if (p > second) second = p;
      if (p > 0) entropy -= p * Math.log(p);
    }
    return [first, first - second, entropy];
  });
  return { right, terms, top };
}

/** Several sets as one: qualities weighted by their counts, certainties joined. */
export function pooled(sets: readonly SetQuality[]): SetQuality {
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const weighted = (pick: (set: SetQuality) => number): number =>
    sets.reduce((sum, set) => sum + pick(set) * set.count, 0) / Math.max(1, count);
  const [first] = sets as [SetQuality, ...SetQuality[]];
  const joined = (key: keyof Certainty): number[] => sets.flatMap(set => set.certainty?.[key] ?? []);
  return {
    count,
    heads: first.heads.map((_, place) => weighted(set => set.heads[place]!)),
    errors: first.errors.map((_, place) => weighted(set => set.errors[place]!)),
    loss: weighted(set => set.loss),
    certainty: first.certainty && {
      confidence: joined('confidence'),
      margin: joined('margin'),
      entropy: joined('entropy'),
    },
  };
}

/**
 * How differently sure a model is of two sets: the mean over confidence, margin and entropy of the Kolmogorov distance
 * sup |F(x) − G(x)|, less what two samples of these sizes from one distribution have on average (0.87 √(1/n + 1/m)).
 * Null where there is no classifier.
 */
export function certaintyDistance(a: SetQuality, b: SetQuality): number | null {
  if (!a.certainty || !b.certainty) return null;
  const [left, right] = [a.certainty, b.certainty];
  const keys = ['confidence', 'margin', 'entropy'] as const;
  const mean = keys.reduce((sum, key) => sum + kolmogorov(left[key], right[key]), 0) / keys.length;
  const chance = 0.87 * Math.sqrt(1 / a.count + 1 / b.count);
  return Math.max(0, mean - chance);
}

/** sup |F(x) − G(x)| of the empirical distributions. */
export function kolmogorov(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [[...a].sort((p, q) => p - q), [...b].sort((p, q) => p - q)];
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i]!, y[j]!);
    while (i < x.length && x[i] === value) i++;
    while (j < y.length && y[j] === value) j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest;
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}
