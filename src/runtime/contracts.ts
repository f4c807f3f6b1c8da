// What the rooms above the runtime hand to it and get from it: parameters, losses, batches and columns.
import type { ParameterDescription } from '../autodiff/parameters';
import type { Tensor } from '../tensor/tensor';

/** A parameter of the model; values are computed with in float32. */
export type Parameter = ParameterDescription;

/** Values (or gradients) by parameter name; float32, row-major. */
export type ParameterValues = Map<string, Float32Array>;

/** The losses of DESIGN §5. */
export type LossName = 'cross-entropy' | 'binary-cross-entropy' | 'mse';

/** One term of the loss: an output of the model, the loss on it, and its weight in the sum. */
export interface HeadLoss {
  readonly output: string;
  readonly loss: LossName;
  readonly weight: number;
}

/** Model inputs in the model's order and labels in the order of the heads, batch axis first. */
export interface Batch {
  readonly inputs: readonly Tensor[];
  readonly labels: readonly Tensor[];
}

/** A mean loss and its gradient with respect to every trainable parameter. */
export interface LossGradient {
  readonly loss: number;
  readonly gradients: ParameterValues;
}

/** Which gradients of the model's output constrain a projection. */
export type ConstraintKind = 'largest-logit' | 'given-label' | 'random-combination' | 'all-outputs';

/** What one projection did. */
export interface ProjectionResult {
  /** How many gradient columns constrained it, and the rank of their Gram matrix; null where it was never formed. */
  readonly columns: number;
  readonly rank: number | null;
  /** ‖Gᵀθ_⊥‖ / (√λ_max ‖θ_⊥‖) at the end. */
  readonly residual: number;
  /** How the matrix-free solver ended; absent where K was formed. */
  readonly iterations?: number;
  /** ‖Gᵀr‖ / ‖Gᵀθ‖ at its end. */
  readonly relativeResidual?: number;
  /** The columns span all parameters, so that nothing could move. */
  readonly noRoom?: boolean;
  /** Sample-gradient evaluations it cost. */
  readonly cost: number;
}
