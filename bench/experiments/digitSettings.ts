// The settings that the two experiments on coloured digits try for each method, and what the paper found.
import type { MethodSettings } from '../../src/shared/recipe';

/** How long a method runs: passes over the forget set, each batch paired with a retained one. */
export interface Length {
  readonly epochs: number;
  readonly batchSize: number;
}

/** Methods that choose or need no settings of descent. */
export const ownLength: readonly string[] = ['auto', 'closed-form', 'certified-removal'];

type Values = Readonly<Partial<Record<keyof MethodSettings, readonly (number | string)[]>>>;

/** What is tried in the short form, beside the learning rates 5e-3 and 1e-3: values from the paper's own search spaces. */
const short: Readonly<Record<string, Values>> = {
  'minnorm-og': { projectionStrength: [0.1, 0.5], projectionDecay: [0.4, 0.8] },
  shrink: { shrink: [0.3, 0.6] },
  ngp: { lambda: [0.01, 0.1] },
  npo: { lambda: [0, 1], beta: [0.1] },
  scrub: { forgetWeight: [0.1, 0.5] },
  salun: { lambda: [0.01, 0.1] },
  ridge: { lambda: [0.01, 0.1], lambdaDecay: [0.8] },
  'l1-sparse': { lambda: [0.001, 0.01] },
  ngd: { noise: [0.001, 0.1] },
};

/** What the full form tries, beside four learning rates. */
const full: Readonly<Record<string, Values>> = {
  'minnorm-og': { projectionStrength: [0.01, 0.1, 0.5, 0.9], projectionDecay: [0.2, 0.4, 0.8] },
  shrink: { shrink: [0.1, 0.3, 0.5, 0.7] },
  ngp: { lambda: [0.001, 0.01, 0.1] },
  npo: { lambda: [0, 1], beta: [0.1, 0.5] },
  scrub: { forgetWeight: [0.01, 0.1, 0.5] },
  salun: { lambda: [0.001, 0.01, 0.1] },
  ridge: { lambda: [0.001, 0.01, 0.1], lambdaDecay: [0.2, 0.8] },
  'l1-sparse': { lambda: [0.0001, 0.001, 0.01] },
  ngd: { noise: [0.001, 0.1, 1] },
};

/** Every combination of settings to try for a method. */
export function settingsGrid(name: string, { epochs, batchSize }: Length, long: boolean): MethodSettings[] {
  if (ownLength.includes(name)) return [{ name }];
  const half = Math.floor(epochs / 2);
  const twoStages = name === 'minnorm-og' || name === 'scrub' || name === 'retain-forget-entanglement';
  let grid: MethodSettings[] = (long ? [5e-3, 1e-3, 5e-4, 1e-4] : [5e-3, 1e-3]).map(learningRate => ({
    ...{ name, epochs, batchSize, learningRate, epochOver: 'forget' as const },
    ...(twoStages ? { descentEpochs: half } : {}),
    // The first stage of this method runs before its descent, not within the same epochs.
    ...(name === 'retain-forget-entanglement' ? { epochs: epochs - half } : {}),
  }));
  for (const [key, values] of Object.entries((long ? full : short)[name] ?? {}))
    grid = grid.flatMap(settings => values.map(value => ({ ...settings, [key]: value })));
  return grid;
}

/** The settings that distinguish one combination, in words. */
export function settingWords(settings: MethodSettings): string {
  const shown = [
    ...['learningRate', 'projectionStrength', 'projectionDecay', 'shrink', 'lambda', 'forgetWeight', 'noise'],
  ] as const;
  return Object.entries(settings)
    .filter(([key]) => (shown as readonly string[]).includes(key))
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}

/**
 * Accuracy on the colour label in per cent, means over 5 trials on coloured CIFAR-10 with ResNet-18 (table 2 of Block,
 * Mokhtari & Shakkottai, 2025): 1 % of the retained data, by epochs.
 */
export const paperCollapse: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  5: {
    ...{ retrain: 92.8, 'minnorm-og': 59.5, gd: 40.7, ga: 34.2, ngp: 58.3, ngd: 32.9, ridge: 33.5 },
    ...{ 'l1-sparse': 12.5, scrub: 47.8, npo: 42.5, salun: 42.5 },
  },
  10: {
    ...{ retrain: 98.5, 'minnorm-og': 94.7, gd: 73.6, ga: 38.2, ngp: 92.4, ngd: 70.5, ridge: 63.4 },
    ...{ 'l1-sparse': 31.4, scrub: 75.8, npo: 43.5, salun: 68.7 },
  },
};
