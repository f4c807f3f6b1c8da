// The engine: a model whose predictions, losses and gradients can be computed for any parameter values.
import type { OnnxModel } from '../onnx/model';
import type { Tensor } from '../tensor/tensor';
import type {
  Batch,
  ConstraintKind,
  HeadLoss,
  LossGradient,
  Parameter,
  ParameterValues,
  ProjectionResult,
} from './contracts';

/** Settings of an engine. `freeze` and `include` are globs over parameter names. */
export interface EngineOptions {
  readonly threads?: number;
  readonly freeze?: readonly string[];
  readonly include?: readonly string[];
}

/** A model in ONNX Runtime. Close it to give its memory back. */
export declare class Engine {
  /** Opens a model file. Throws a ModelError when it cannot be read or nothing in it can be trained. */
  static open(path: string, options?: EngineOptions): Promise<Engine>;
  readonly model: OnnxModel;
  /** Every stored floating tensor, trainable or not, in file order. */
  readonly parameters: readonly Parameter[];
  /** A fresh copy of the trainable parameters' values in the file. */
  initialValues(): ParameterValues;
  /**
   * The model's outputs, in the order of the file, for inputs in the model's order (batch axis first; any number
   * of samples: the engine cuts them into chunks and pads where the model's batch is fixed).
   * With `logits`, an output that ends in Softmax, LogSoftmax or Sigmoid is given as it was before that.
   */
  predict(values: ParameterValues, inputs: readonly Tensor[], options?: { logits?: boolean }): Promise<Tensor[]>;
  /** Whether an output ends in Softmax, LogSoftmax or Sigmoid, so that `logits` differs from the output. */
  finalActivation(output: string): 'softmax' | 'log-softmax' | 'sigmoid' | null;
  /**
   * The loss of a batch and its gradient. `sampleWeights` (one per sample, default 1) scale the samples' terms of
   * the mean; a negative weight ascends.
   */
  lossGradient(
    values: ParameterValues,
    batch: Batch,
    heads: readonly HeadLoss[],
    sampleWeights?: Float32Array,
  ): Promise<LossGradient>;
  /** θ ← θ − strength · P_{G⊥} θ in place, G from the batch's samples (DESIGN §2, D2). */
  project(
    values: ParameterValues,
    batch: Batch,
    options: { strength: number; kind: ConstraintKind; heads: readonly HeadLoss[]; random: () => number },
  ): Promise<ProjectionResult>;
  close(): Promise<void>;
}
