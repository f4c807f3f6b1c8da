// What the rooms above the runtime hand to it and get from it: parameters, losses, batches and columns.
import type { ParameterDescription } from '../autodiff/parameters';
import type { OpenedModel } from '../onnx/openedModel';
import type { ProjectionProgress } from '../shared/report';
import type { FloatArray, FloatType } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import type { OutputStructure } from './linearLayers';
import type { RoleOfParameter } from './roles';

/** A parameter of the model, with the type that it has in the file. */
export type Parameter = ParameterDescription;

/**
 * Values (or gradients) by parameter name, row-major: all float32, or all float64 where the model is computed in that,
 * whatever types its file has.
 */
export type ParameterValues = Map<string, FloatArray>;

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

/** What computes: ONNX Runtime, TensorFlow.js in plain JavaScript, or with the native library of tfjs-node. */
export type EngineKind = 'onnxruntime' | 'tfjs' | 'tfjs-node';

/** Who may stop a projection, and who hears of its iterations; a projection that solves exactly has none. */
export interface ProjectionHooks {
  /** Looked at between passes over samples and between iterations. */
  readonly signal?: AbortSignal;
  progress?(update: ProjectionProgress): void;
}

/** A projection: how far, on which constraints, of which heads; `random` gives standard normal numbers. */
export interface ProjectionOptions extends ProjectionHooks {
  readonly strength: number;
  readonly kind: ConstraintKind;
  readonly heads: readonly HeadLoss[];
  readonly random: () => number;
}

/**
 * A model whose predictions, losses and gradients can be computed for any parameter values: what every engine offers,
 * whatever computes. Close it to give its memory back.
 */
export interface ModelEngine {
  /** The model as it was opened. */
  readonly model: OpenedModel;
  /** Every stored floating tensor, trainable or not, in file order. */
  readonly parameters: readonly Parameter[];
  readonly kind: EngineKind;
  /** The type that the model is computed in: that of values, gradients and outputs. */
  readonly float: FloatType;
  /** What a person should know about what computes; full sentences. */
  readonly notes: readonly string[];

  /** A fresh copy of the trainable parameters' values in the file, in the type that is computed in. */
  initialValues(): ParameterValues;

  /** Whether an output ends in Softmax, LogSoftmax or Sigmoid, so that `logits` differs from the output. */
  finalActivation(output: string): 'softmax' | 'log-softmax' | 'sigmoid' | null;

  /** What each trainable parameter does in the model. */
  parameterRoles(): RoleOfParameter[];

  /** The linear layers that an output ends in, or in words why it does not. */
  outputStructure(output: string): OutputStructure | string;

  /** A value inside the model, by the name that `outputStructure` gave; batch axis first. */
  intermediate(values: ParameterValues, given: readonly Tensor[], name: string): Promise<Tensor>;

  /**
   * What the loss of each head starts from: logits for the cross-entropies (log p where nodes that move elements follow
   * a softmax), the output as the file defines it for mse.
   */
  headOutputs(
    values: ParameterValues,
    inputs: readonly Tensor[],
    heads: readonly HeadLoss[],
  ): Promise<Tensor[]>;

  /**
   * The model's outputs, in the order of the file, for inputs in the model's order (batch axis first, any number of
   * samples). With `logits`, an output that ends in Softmax, LogSoftmax or Sigmoid is given as it was before that.
   */
  predict(
    values: ParameterValues,
    given: readonly Tensor[],
    options?: { logits?: boolean },
  ): Promise<Tensor[]>;

  /**
   * The loss of a batch (the weighted sum of the heads' mean losses) and its gradient for every trainable parameter.
   * `labels` follow the heads. `sampleWeights` (one a sample, default 1) scale the samples' terms of the mean; a
   * negative weight ascends. Throws a LossError when labels do not fit, a LetheError for an operator without a
   * gradient.
   */
  lossGradient(
    values: ParameterValues,
    given: Batch,
    heads: readonly HeadLoss[],
    sampleWeights?: ArrayLike<number>,
  ): Promise<LossGradient>;

  /**
   * For each sample the gradient of the largest element (the first on ties) of the first output as the file defines
   * it: by parameter, [samples, …dims of the parameter].
   */
  perSampleGradients(values: ParameterValues, given: readonly Tensor[]): Promise<Map<string, Tensor>>;

  /**
   * θ ← θ − strength · P_{G⊥} θ in place, G from the batch's samples (DESIGN §2, D2). Labels matter only to the kind
   * `given-label`. `random` gives standard normal numbers. Throws a RuntimeFailure when the result is not finite, and a
   * CancelledError, with `values` as they were, once `signal` is aborted.
   */
  project(values: ParameterValues, given: Batch, options: ProjectionOptions): Promise<ProjectionResult>;

  close(): Promise<void>;
}
