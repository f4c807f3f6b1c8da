// What an evaluation says beyond the basic metrics: closeness to retraining, membership attack, decision regions, …
import type { ModelMetrics } from './report';

/** The sets of samples that models are judged on, in the order in which they are shown. */
export const sampleSets = ['retain', 'forget', 'test'] as const;
export type SampleSet = (typeof sampleSets)[number];

/** One value a set; null for held-out data that is not there. */
export type BySet<T> = { readonly [set in SampleSet]: set extends 'test' ? T | null : T };

/** How often a label was given a class: cells [label, class, how often] that are not zero, by label and class. */
export interface Confusion {
  readonly output: string;
  readonly classes: number;
  readonly cells: readonly (readonly [label: number, predicted: number, count: number])[];
}

/** Equal-width bins over [from, to]; values beyond the ends count to the outermost bins. */
export interface Distribution {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/**
 * A logistic-regression attack that tells forgotten from held-out samples: trained on half of a balanced draw, scored
 * on the other half, and again for each split. 0.5 is chance.
 */
export interface MembershipAttack {
  readonly features: readonly string[];
  readonly splits: number;
  /** Samples of each kind in a draw; half of them are scored. */
  readonly samplesPerKind: number;
  readonly accuracy: number;
  /** Standard deviations over the splits. */
  readonly accuracyDeviation: number;
  readonly auc: number;
  readonly aucDeviation: number;
}

/** How far the predictions of a model are from another's on one set. */
export interface Divergence {
  readonly count: number;
  /** Mean Kullback–Leibler divergence KL(other ‖ this), in nats; null where no output is a classifier. */
  readonly kl: number | null;
  /** The share of positions where both give the same class; null where no output is a classifier. */
  readonly agreement: number | null;
  /** Mean squared difference of the regressors' outputs; null where there is none. */
  readonly squaredDifference: number | null;
}

/** Agreement with the original's labels on random planes through samples of one kind. */
export interface RegionAgreement {
  readonly planes: number;
  readonly pointsPerPlane: number;
  readonly agreement: number;
  /** The standard deviation over the planes. */
  readonly deviation: number;
}

/**
 * What each model says on one of those planes: x + a(u − x) + b(v − x) with a down and b across from −½ to ½, x in the
 * middle.
 */
export interface RegionMap {
  readonly kind: 'forgotten' | 'retained';
  /** The sample x and the retained samples u and v, by index into the training data. */
  readonly sample: number;
  readonly toward: readonly [number, number];
  /** The head that is drawn: the first that gives one class a sample. */
  readonly output: string;
  /** Points along each side. */
  readonly side: number;
  /** For each model of the evaluation, in its order: the class of each point, row by row, separated by spaces. */
  readonly labels: readonly string[];
}

/** How orthogonal the change of the weights is to output gradients of the original, on samples of one kind. */
export interface GradientAlignment {
  readonly samples: number;
  /** ‖GᵀΔ‖ / (√λ_max ‖Δ‖), 0 for a change that leaves these outputs alone to first order. */
  readonly residual: number;
  /** The root mean square of cos(g_i, Δ). A random direction has 1/√p. */
  readonly cosine: number;
}

/** How fast descent on the forgotten samples brings them back. */
export interface RelearnTime {
  /** Optimiser steps until 95 % of the rise of the forgotten loss is undone; null when `limit` steps did not do. */
  readonly steps: number | null;
  readonly limit: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Sample-gradient evaluations it took; no part of the run's cost. */
  readonly cost: number;
}

/** What is known of one model of a comparison. Null stands for what cannot be had; `Evaluation.notes` say why. */
export interface ModelEvaluation {
  readonly name: string;
  readonly path: string;
  readonly metrics: ModelMetrics;
  readonly confusion: BySet<readonly Confusion[]> | null;
  /** Of the base-10 logarithm of each sample's loss, over the same bins for all models and sets. */
  readonly losses: BySet<Distribution>;
  /** Of the nines of each sample's largest probability p, −log10(1 − p), from 0 to 6. */
  readonly confidences: BySet<Distribution> | null;
  readonly attack: MembershipAttack | null;
  /** The same without what depends on labels. */
  readonly labelFreeAttack: MembershipAttack | null;
  /** Null for the original itself. */
  readonly toOriginal: BySet<Divergence> | null;
  /** Null for the retrained model itself. */
  readonly toRetrained: BySet<Divergence> | null;
  /** Tug of war, Π(1 − |accuracy − retrained accuracy|) over the sets: 1 is as retrained (Zhao et al., 2024). */
  readonly tow: number | null;
  /** The mean absolute difference to the retrained model over the named figures. */
  readonly averageGap: { readonly value: number; readonly over: readonly string[] } | null;
  readonly regions: { readonly forgotten: RegionAgreement; readonly retained: RegionAgreement } | null;
  readonly alignment: { readonly forgotten: GradientAlignment; readonly retained: GradientAlignment } | null;
  readonly relearn: RelearnTime | null;
}

/** How much is evaluated: `basic` is the metrics alone, `full` adds what costs gradients. */
export type EvaluationLevel = 'basic' | 'standard' | 'full';

/** Everything beyond the basic metrics, with the models in the order original, unlearned, retrained, others retrained. */
export interface Evaluation {
  readonly level: EvaluationLevel;
  /** What falls away and why, and what rests on few samples. */
  readonly notes: readonly string[];
  readonly models: readonly ModelEvaluation[];
  /** A few of the planes that `regions` rests on, point by point; absent without a classifier or an original. */
  readonly maps?: readonly RegionMap[];
  readonly seconds: number;
}
