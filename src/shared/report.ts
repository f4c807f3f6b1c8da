// What a run reports: progress while it goes on, metrics before and after, projections, cost.
import type { Evaluation } from './evaluation';

/** Where a run stands. */
export interface ProgressUpdate {
  /** Counted from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Optimiser steps done so far, and in all. */
  readonly step: number;
  readonly steps: number;
  /** The mean loss of the last batch. */
  readonly loss: number;
  /** The orthogonality residual of the last projection, if one was done. */
  readonly residual?: number;
}

/** Where the iteration of a projection stands. */
export interface ProjectionProgress {
  /** Counted from 1, and the most there may be. */
  readonly iteration: number;
  readonly most: number;
  /** ‖Gᵀr‖ / ‖Gᵀθ‖ before it, and at which it ends. */
  readonly residual: number;
  readonly target: number;
}

/** One projection of a run. `epoch` and `step` count from 0. */
export interface ProjectionRecord {
  readonly epoch: number;
  readonly step: number;
  readonly columns: number;
  /** null where a matrix-free solver ran, which finds no rank. */
  readonly rank: number | null;
  readonly residual: number;
  readonly strength: number;
  /** How a matrix-free solver ended: its iterations and ‖Gᵀr‖ / ‖Gᵀθ‖. */
  readonly iterations?: number;
  readonly relativeResidual?: number;
  /** The columns span all parameters: the projection had no room to move. */
  readonly noRoom?: true;
}

/**
 * How a model does on one set of samples. Classifiers have `accuracy`, regressors `maxError`. Where the data has no labels,
 * `agreement` and `maxDifference` take their places: all, the loss too, is against the predictions of the original.
 */
export interface SetMetrics {
  readonly count: number;
  readonly loss: number;
  readonly accuracy?: number;
  readonly maxError?: number;
  readonly agreement?: number;
  readonly maxDifference?: number;
  /** One entry a head, where the model has several. */
  readonly heads?: readonly SetMetrics[];
}

/** How a model does on everything a recipe names (S of the contract). */
export interface ModelMetrics {
  readonly retain: SetMetrics;
  readonly forget: SetMetrics;
  readonly test: SetMetrics | null;
  readonly membershipAuc: number | null;
  readonly confidenceAuc: number | null;
}

/** One setting that a search tried. */
export interface SearchTrial {
  /** In words: "shrink 0.3, 4 passes". */
  readonly setting: string;
  /** Counted from 1. */
  readonly round: number;
  /** Sample gradients it cost. */
  readonly cost: number;
  /** What it was judged by, by name. */
  readonly scores: Readonly<Record<string, number>>;
  /** What was decided: "kept", "dropped: …", "chosen". */
  readonly verdict: string;
}

/** How a search over settings went. */
export interface SearchRecord {
  /** The samples that stood in for unseen ones: how many, and where they came from. */
  readonly judgedOn: string;
  readonly trials: readonly SearchTrial[];
  /** The chosen method with its settings, and why it was chosen. */
  readonly chosen: Readonly<Record<string, unknown>>;
  readonly reason: string;
  /** Sample gradients that the search cost, apart from the run's. */
  readonly cost: number;
}

/** A budget in seconds as sample gradients on the machine of the run. */
export interface ConvertedBudget {
  readonly seconds: number;
  readonly sampleGradients: number;
}

/** What a certificate of removal promises, and what it does not. */
export interface Certificate {
  readonly epsilon: number | null;
  readonly delta: number;
  /** The deviation of the Gaussian noise added to the parameters it covers. */
  readonly noise: number;
  /** ‖∇J_r‖/μ, the bound on the distance to the exact minimiser. */
  readonly bound: number;
  /** Full sentences: what is covered, what is not, and which assumption failed where there is no ε. */
  readonly statement: string;
}

/** What a run cost: sample-gradient evaluations and their share of retraining's. */
export interface RunCost {
  readonly sampleGradients: number;
  readonly share: number;
}

/** What `lethe run --json` prints. */
export interface RunResult {
  readonly output: string;
  readonly report: string;
  readonly receipt: string;
  readonly seconds: number;
  readonly method: string;
  readonly cost: RunCost;
  readonly before: ModelMetrics;
  readonly after: ModelMetrics;
  readonly reference: ModelMetrics | null;
  readonly projections: readonly ProjectionRecord[];
  /** What the method had to say, in full sentences. */
  readonly notes?: readonly string[];
  /** How auto chose. */
  readonly search?: SearchRecord;
  /** What a budget in seconds was converted to, once and before the run. */
  readonly budget?: ConvertedBudget;
  readonly certificate?: Certificate;
  /** Absent where the recipe asks for the basic metrics only. */
  readonly evaluation?: Evaluation;
}
