// What `lethe inspect` reports about a model, and the solver hands to whoever shows it.

/** The formats of model files: ONNX, and the two kinds of TensorFlow.js `model.json`. */
export type ModelFormat = 'onnx' | 'tfjs-layers' | 'tfjs-graph';

/** An input or output of a model as its file declares it. */
export interface InspectedValue {
  readonly name: string;
  readonly dtype: string;
  /** Sizes, names of free axes, nulls; null where the file declares no shape. */
  readonly dims: readonly (number | string | null)[] | null;
}

/** Statistics over the elements of one tensor; std is the population's. */
export interface ParameterStatistics {
  readonly norm: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
}

/** A stored floating tensor, and whether unlearning may change it. */
export interface InspectedParameter extends Partial<ParameterStatistics> {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly count: number;
  readonly trainable: boolean;
  readonly reason: string;
}

/**
 * An operator without a differentiation rule that stands between a parameter and an output, or a layer or operator that
 * Lethe cannot compute; `parameter` is '' where none lies behind that.
 */
export interface UnsupportedOperator {
  readonly op: string;
  readonly node: string;
  readonly parameter: string;
}

/** What a model's format is called. */
export function formatText({
  format,
  opset,
  irVersion,
}: Pick<ModelInspection, 'format' | 'opset' | 'irVersion'>): string {
  if (format === 'onnx') return `ONNX, opset ${opset}, IR ${irVersion}`;
  return `TensorFlow.js ${format === 'tfjs-layers' ? 'LayersModel' : 'GraphModel'}`;
}

/** What `lethe inspect --json` prints. */
export interface ModelInspection {
  readonly format: ModelFormat;
  /** The opset of the file; that of the translation for TensorFlow.js models, whose irVersion is 0. */
  readonly opset: number;
  readonly irVersion: number;
  readonly producer: string;
  readonly inputs: readonly InspectedValue[];
  readonly outputs: readonly InspectedValue[];
  readonly parameters: readonly InspectedParameter[];
  readonly unsupported: readonly UnsupportedOperator[];
  /** The type that the model is computed in; where that is float32 though weights are float64, why. */
  readonly computed: { readonly dtype: 'float32' | 'float64'; readonly reason: string | null };
}
