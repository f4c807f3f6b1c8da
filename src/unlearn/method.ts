// The one interface of every unlearning method, and what a method is handed.
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import type { MethodSettings } from '../shared/recipe';
import type {
  Certificate,
  ProgressUpdate,
  ProjectionProgress,
  ProjectionRecord,
  SearchRecord,
} from '../shared/report';
import type { Random } from '../tensor/random';
import type { CheckpointStore } from './checkpoint';

/** What a method works on. It changes `values` in place and leaves everything else alone. */
export interface MethodContext {
  readonly engine: ModelEngine;
  /** θ, starting at the trained model; the result when the method returns. */
  readonly values: ParameterValues;
  readonly train: BoundDataset;
  /** Indices into `train` that the method may use as retained (after `retainAccess`). Never empty. */
  readonly retained: readonly number[];
  /** Indices into `train` to forget. Never empty. */
  readonly forgotten: readonly number[];
  /** Held-out samples to choose settings by, where the recipe names some. */
  readonly validation?: BoundDataset | null;
  readonly heads: readonly HeadLoss[];
  readonly settings: MethodSettings;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The most sample gradients the run itself (not a search before it) should cost; absent: no limit. */
  readonly allowance?: number;
  /** The most that a search before the run should cost, in sample gradients. */
  readonly searchAllowance?: number;
  /** The share of the retained data that `retained` is; 1 when absent. */
  readonly access?: number;
  /** Where an interrupted run left off, and where this one keeps itself; absent where nothing is kept. */
  readonly checkpoint?: CheckpointStore;
  /** Reports after every optimiser step or so; cheap. */
  progress(update: ProgressUpdate): void;
  /** Reports the iterations of a long projection within a step; cheap. */
  projecting?(update: ProjectionProgress): void;
  /** Counts sample-gradient evaluations (one sample's forward and backward pass). */
  addCost(sampleGradients: number): void;
  /** Records a projection for the report and the receipt. */
  recordProjection(record: ProjectionRecord): void;
  /** A full sentence for the log and the report: what was chosen, what was given up. */
  note?(sentence: string): void;
  /** Records a search over settings for the report. */
  recordSearch?(record: SearchRecord): void;
  /** Records a certificate for the report and the receipt. */
  recordCertificate?(certificate: Certificate): void;
}

/** An unlearning method. Throws a LetheError that says in which step and tensor a value stopped being finite. */
export interface Method {
  readonly name: string;
  /**
   * What it needs the labels in the data for, a clause; absent where predictions of the original can stand in for those of
   * retained samples.
   */
  readonly needsLabels?: string;
  run(context: MethodContext): Promise<void>;
}
