// What every dataset offers, whatever its format: samples by index, without loading all of them.
import type { DType } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';

/** One array of a dataset: its name in the file, element type and the dims of a single sample. */
export interface SampleArray {
  readonly name: string;
  readonly dtype: DType;
  /** null where samples differ in size until they are preprocessed (folders of images). */
  readonly dims: readonly number[] | null;
}

/** Samples stacked along axis 0: inputs in the order of `Dataset.inputs`, labels in that of `Dataset.labels`. */
export interface SampleBatch {
  readonly inputs: readonly Tensor[];
  readonly labels: readonly Tensor[];
}

/** A dataset as stored, before preprocessing. Indices count from 0. */
export interface Dataset {
  /** The file or folder it was read from. */
  readonly path: string;
  /** The files it reads besides `path`, one a sample (images); absent where there are none. */
  readonly files?: readonly string[];
  readonly size: number;
  readonly inputs: readonly SampleArray[];
  /** Empty when the data has no labels. */
  readonly labels: readonly SampleArray[];
  /** Names of the classes by label value, where labels are class names in the file. */
  readonly classes: readonly string[] | null;
  /** Names of one-dimensional columns that `forget.where` and filters may use. */
  readonly columns: readonly string[];
  /** The values of a column, one per sample; throws a DataError that lists the columns when there is none. */
  column(name: string): readonly (string | number)[];
  /** Columns that hold text and so became no input, a phrase for each; absent where there are none. */
  readonly passedOver?: readonly string[];
  /** Reads samples in the order given. Images are decoded here, on demand. */
  read(indices: readonly number[]): Promise<SampleBatch>;
}

/** A model input as the data room needs to know it. */
export interface InputSignature {
  readonly name: string;
  readonly dtype: DType;
  /** The declared dims, batch axis first; names and nulls are free. null when nothing is declared. */
  readonly dims: readonly (number | string | null)[] | null;
}

/** A dataset fitted to a model: inputs in the model's order, types and shapes, ready to run. */
export interface BoundDataset {
  readonly dataset: Dataset;
  readonly size: number;
  /** What a person should know (values that look unscaled, an axis that was added). */
  readonly warnings: readonly string[];
  /** The data has no labels: those read are what the original model predicts. */
  readonly predictedLabels?: boolean;
  /** Inputs in the order of the model's inputs, batch axis first; labels as in the dataset. */
  read(indices: readonly number[]): Promise<SampleBatch>;
}
