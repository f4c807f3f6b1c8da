// The channel between the extension host and its viewer: a solver process that answers questions about models and
// datasets for as long as the window lives. JSON-RPC over its standard streams; every request can be cancelled.
import { NotificationType, RequestType } from 'vscode-jsonrpc';
import type { Diagnosis } from './diagnosis';
import type { ModelInspection, ParameterStatistics } from './inspection';
import type { GraphValue, ModelGraph } from './modelGraph';
import type { DataSource, Preprocess, Recipe } from './recipe';

/** Why a request failed: the sentence to show. `defect` is anything Lethe did not foresee. */
export interface ViewerFailure {
  readonly kind: 'failed' | 'defect';
  readonly message: string;
}

/** The code of the error that answers a cancelled request. */
export const cancelledCode = -32800;

/** A model file as the editor shows it at once; no tensor bytes are read. */
export interface ModelOverview extends ModelInspection {
  readonly path: string;
  /** Bytes of the file, and of its external data files. */
  readonly bytes: number;
  readonly externalFiles: readonly { readonly path: string; readonly bytes: number }[];
  readonly warnings: readonly string[];
  readonly metadata: readonly (readonly [string, string])[];
  /** Operators and how often each occurs, the most frequent first. */
  readonly operators: readonly {
    readonly op: string;
    readonly count: number;
    readonly differentiable: boolean;
  }[];
  /** Changes whenever the file's bytes do; compare it to learn of changes on disk. */
  readonly stamp: string;
}

/**
 * Equal-width bins over [from, to], `from` below `to`; the last bin includes `to`. Where all values are one number (or
 * nearly) the bins lie around it; where there are none, all counts are 0. NaN and infinities are counted out.
 */
export interface Histogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/** Statistics and histogram of one parameter, over its finite elements; all statistics are 0 where there are none. */
export interface ParameterSummary extends ParameterStatistics {
  readonly name: string;
  /** How many elements are NaN or infinite, and so left out. */
  readonly notFinite: number;
  readonly histogram: Histogram;
}

/** How one tensor differs between two models, over the elements that are finite in both. */
export interface TensorChange {
  readonly name: string;
  readonly dims: readonly number[];
  readonly normA: number;
  readonly normB: number;
  readonly delta: number;
  /** delta / normA; 0 where both are 0, null where only normA is. */
  readonly relative: number | null;
  readonly maxAbs: number;
  /** How many elements are NaN or infinite in either model. */
  readonly notFinite: number;
  /** Of b − a; both models' values over the same bins stand beside it. */
  readonly change: Histogram;
  readonly before: Histogram;
  readonly after: Histogram;
  /** The entries that changed most, the largest first; none where nothing changed. */
  readonly largest: readonly {
    readonly index: readonly number[];
    readonly before: number;
    readonly after: number;
  }[];
}

/** The differences of two models. */
export interface ModelComparison {
  readonly a: string;
  readonly b: string;
  readonly tensors: readonly TensorChange[];
  readonly total: {
    readonly normA: number;
    readonly normB: number;
    readonly delta: number;
    readonly relative: number | null;
  };
}

/** What to open a dataset with: a source as in a recipe (absolute paths), and the model it belongs to. */
export interface DatasetRequest {
  readonly source: DataSource;
  /** Classes' names in the order of their numbers, where the recipe names them. */
  readonly classes: readonly string[] | null;
  readonly model: string | null;
  readonly preprocess: Preprocess | null;
  /** As in a recipe; inferred from model and labels where absent. */
  readonly loss?: Recipe['loss'];
  readonly heads?: Recipe['heads'];
}

/** An opened dataset. */
export interface DatasetOverview {
  /** For the requests that follow. */
  readonly id: string;
  readonly path: string;
  readonly size: number;
  readonly kind: 'images' | 'rows';
  /** The dims of one sample of each input. */
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly dims: readonly number[] | null;
  }[];
  /** Names of the classes by number; null for regression or where only numbers are known. */
  readonly classes: readonly string[] | null;
  /** Whether labels are class numbers, values, or missing. */
  readonly labels: 'classes' | 'values' | 'none';
  /** One-dimensional columns besides the label. */
  readonly columns: readonly { readonly name: string; readonly kind: 'number' | 'text' }[];
  readonly warnings: readonly string[];
}

/**
 * One number or text a sample, for filtering and sorting; `labels` as class numbers or values. NaN and infinities in
 * `columns` are texts ('NaN', 'Infinity'), because the channel carries finite numbers only.
 */
export interface DatasetColumns {
  readonly labels: readonly number[] | null;
  readonly columns: Readonly<Record<string, readonly (number | string)[]>>;
}

/** What a model says about every sample of a dataset. */
export interface DatasetPredictions {
  /**
   * The predicted class, or a regressor's first value. Where a sample has several positions (pixels, tokens), the
   * class that most of them have; of several heads, what the first says.
   */
  readonly predicted: readonly number[];
  /** All heads added up by their weights; null for data without labels. */
  readonly loss: readonly number[] | null;
  /** The largest probability, averaged over positions; null for regression. */
  readonly confidence: readonly number[] | null;
}

/** How one sample is drawn. */
export interface SampleCard {
  readonly index: number;
  /** A PNG as a data URI, for images; never larger than the image itself. */
  readonly thumbnail: string | null;
  /** Why a sample cannot be drawn: a damaged file, a row with NaN; null where it can. */
  readonly problem: string | null;
  /** The first values of the first input, for rows; at most 32. */
  readonly values: readonly number[] | null;
}

/** A preprocessing that was tried, and the mean loss that the model then has on a part of the data. */
export interface PreprocessCandidate {
  readonly name: 'none' | '1/255' | '±1' | 'ImageNet';
  readonly preprocess: Preprocess | null;
  readonly loss: number;
}

export const overviewRequest = new RequestType<{ readonly path: string }, ModelOverview, ViewerFailure>(
  'viewer/overview',
);

/** The graph as the file has it; nothing is computed. */
export const graphRequest = new RequestType<{ readonly path: string }, ModelGraph, ViewerFailure>(
  'viewer/graph',
);

/**
 * The dims of every value, measured by running the model on zeros; `sizes` are the dims of one sample by input, for
 * inputs whose axes the file leaves open. Axes that grow with the batch are named "N", "2 N" and so on.
 */
export const graphShapesRequest = new RequestType<
  { readonly path: string; readonly sizes: Readonly<Record<string, readonly number[]>> },
  readonly GraphValue[],
  ViewerFailure
>('viewer/graphShapes');

/** Summaries of all parameters; each is also told by `summaryNotification` as soon as it is there. */
export const summariesRequest = new RequestType<
  { readonly path: string; readonly bins: number },
  readonly ParameterSummary[],
  ViewerFailure
>('viewer/summaries');
export const summaryNotification = new NotificationType<{
  readonly path: string;
  readonly summary: ParameterSummary;
}>('viewer/summary');

export const compareRequest = new RequestType<
  { readonly a: string; readonly b: string; readonly bins: number; readonly largest: number },
  ModelComparison,
  ViewerFailure
>('viewer/compare');

export const openDatasetRequest = new RequestType<DatasetRequest, DatasetOverview, ViewerFailure>(
  'viewer/openDataset',
);
export const closeDatasetRequest = new RequestType<{ readonly id: string }, null, ViewerFailure>(
  'viewer/closeDataset',
);
export const datasetColumnsRequest = new RequestType<{ readonly id: string }, DatasetColumns, ViewerFailure>(
  'viewer/datasetColumns',
);

/** Predictions of a model file (the opened model, a run's result, a reference) on all samples of a dataset. */
export const predictionsRequest = new RequestType<
  { readonly id: string; readonly model: string },
  DatasetPredictions,
  ViewerFailure
>('viewer/predictions');

/** Cards of samples in the order asked for; thumbnails at most `size` pixels wide and high. */
export const cardsRequest = new RequestType<
  { readonly id: string; readonly indices: readonly number[]; readonly size: number },
  readonly SampleCard[],
  ViewerFailure
>('viewer/cards');

/** The indices that a forget file (CSV with a column `index`) names, checked against the dataset. */
export const forgetFileRequest = new RequestType<
  { readonly id: string; readonly file: string },
  readonly number[],
  ViewerFailure
>('viewer/forgetFile');

/** Candidates for an absent preprocessing that the model can be run with, the lowest loss first. */
export const preprocessRequest = new RequestType<
  { readonly id: string; readonly model: string },
  readonly PreprocessCandidate[],
  ViewerFailure
>('viewer/preprocess');

/**
 * Whether a model interpolates the dataset and which methods can move it, for the samples to forget at `forgotten` and
 * a share `retainAccess` (chosen by `seed`) of the others.
 */
export const diagnoseRequest = new RequestType<
  {
    readonly id: string;
    readonly model: string;
    readonly forgotten: readonly number[];
    readonly retainAccess?: number;
    readonly seed?: number;
  },
  Diagnosis,
  ViewerFailure
>('viewer/diagnose');

/** Progress of a long request, by its own words; `share` from 0 to 1 where it is known. */
export const viewerProgressNotification = new NotificationType<{
  readonly what: string;
  readonly share: number | null;
}>('viewer/progress');

/**
 * Writes to `target` the file `base` with the weights of `weights` (a model with the same tensors): bytes outside the
 * weights are those of `base`. Refuses when `base` no longer has `stamp` (null: do not check).
 */
export const saveWeightsRequest = new RequestType<
  { readonly base: string; readonly weights: string; readonly target: string; readonly stamp: string | null },
  { readonly stamp: string },
  ViewerFailure
>('viewer/saveWeights');

/**
 * Copies a model into a folder, as `model.onnx` and, for a model with external data, `model.onnx.data`. Gives its
 * SHA-256: that of `model.onnx` where it is alone, else that of the text `<sha256>  <file name>\n` of both, in this order.
 */
export const snapshotRequest = new RequestType<
  { readonly path: string; readonly folder: string },
  { readonly sha256: string },
  ViewerFailure
>('viewer/snapshot');
