// Membership inference by logistic regression: can an attacker tell forgotten from held-out samples?
import type { MembershipAttack } from '../shared/evaluation';
import { Random } from '../tensor/random';
import { areaUnderCurve } from './auc';
import { logisticRegression } from './logisticRegression';
import type { SampleFeatures } from './sampleFeatures';

/** Fewer samples of a kind make no attack: half of them are left to score it on. */
export const fewestAttacked = 10;

const splits = 10;

/** More samples of a kind than this sharpen nothing. */
const mostAttacked = 2000;

type Feature = 'loss' | 'confidence' | 'margin' | 'entropy';

/** What the attacks look at: all there is, and what needs no label. */
export const attackFeatures: Readonly<Record<'all' | 'labelFree', readonly Feature[]>> = {
  all: ['loss', 'confidence', 'margin', 'entropy'],
  labelFree: ['confidence', 'entropy'],
};

/**
 * Trains an attacker on half of a balanced random draw of forgotten (members) and held-out samples and scores it on
 * the other half, ten times. Null with fewer than `fewestAttacked` samples of either kind, and for the label-free attack on
 * a regressor, whose answers carry no confidence.
 */
export function attackMembership(
  forgotten: SampleFeatures,
  heldOut: SampleFeatures,
  features: readonly Feature[],
  seed: number,
): MembershipAttack | null {
  const used = forgotten.classifies ? features : features.filter(feature => feature === 'loss');
  const smallest = Math.min(forgotten.loss.length, heldOut.loss.length, mostAttacked);
  if (used.length === 0 || smallest < fewestAttacked) return null;
  const half = Math.floor(smallest / 2);
  const random = new Random(seed ^ 0x3a11ce);
  const accuracies: number[] = [];
  const aucs: number[] = [];
  for (let split = 0; split < splits; split++) {
    const members = rowsOf(forgotten, used, random, 2 * half);
    const others = rowsOf(heldOut, used, random, 2 * half);
    const score = logisticRegression(
      [...members.slice(0, half), ...others.slice(0, half)],
      [...new Array<1>(half).fill(1), ...new Array<0>(half).fill(0)],
    );
    const high = members.slice(half).map(score);
    const low = others.slice(half).map(score);
    const right = high.filter(value => value > 0).length + low.filter(value => value <= 0).length;
    accuracies.push(right / (2 * half));
    aucs.push(areaUnderCurve(high, low)!);
  }
  const [accuracy, accuracyDeviation] = meanAndDeviation(accuracies);
  const [auc, aucDeviation] = meanAndDeviation(aucs);
  const samplesPerKind = 2 * half;
  return { features: used, splits, samplesPerKind, accuracy, accuracyDeviation, auc, aucDeviation };
}

/** The features of some samples drawn at random. */
function rowsOf(
  features: SampleFeatures,
  used: readonly Feature[],
  random: Random,
  count: number,
): number[][] {
  const all = Array.from({ length: features.loss.length }, (_, index) => index);
  return random
    .shuffle(all)
    .slice(0, count)
    .map(index => used.map(name => features[name][index]!));
}

/** The mean and the sample standard deviation (n − 1), 0 for a single value. */
export function meanAndDeviation(values: readonly number[]): [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0];
}
