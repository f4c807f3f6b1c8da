// The in-memory form of an ONNX model: plain data, tensors that point at their bytes until they are needed.
import type { DType } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';

/** A dimension as the file declares it: a size, a name, or null where nothing is said. */
export type DeclaredDim = number | string | null;

/**
 * A graph input or output as declared. The inputs and outputs of a model's main graph are always tensors of a known
 * type: outputs that are not (sequences, maps) are left out with a warning, such inputs are an error.
 */
export interface ValueInfo {
  readonly name: string;
  /** Says nothing where `typed` is false. */
  readonly dtype: DType;
  /** null when the file declares no shape. */
  readonly dims: readonly DeclaredDim[] | null;
  /** False for a value of a sub-graph that declares no tensor type and leaves it to inference. */
  readonly typed?: false;
}

/**
 * An attribute of a node. Integers beyond ±(2^53 − 1), such as the INT64_MAX that ends many slices, are clamped to
 * that. `stored` says where a file holds floats that may be a weight. `reference` stands for the attribute of that name of the enclosing function; `type` is a serialised TypeProto.
 */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number; readonly stored?: StoredTensor }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[]; readonly stored?: StoredTensor }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: StoredTensor | Tensor }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'tensors'; readonly value: readonly (StoredTensor | Tensor)[] }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  | { readonly type: 'reference'; readonly value: string }
  | { readonly type: 'type'; readonly value: Uint8Array };

/** One operation. `domain` is '' for the standard operators; '' in `inputs` marks an absent optional input. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A run of bytes of a file. */
export interface ByteRange {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * A run of payload bytes. `tagBytes` is 0 for a plain run; where a writer stored a repeated field element by
 * element, it is the length of the field tag in front of every element.
 */
export interface PayloadRange extends ByteRange {
  readonly tagBytes: number;
}

/**
 * How the elements of a stored tensor are encoded: `raw` little-endian bytes, `packed` little-endian elements
 * of float_data/double_data, `varints` (int32_data, int64_data, uint64_data), `external` raw bytes in another
 * file, `sharded` raw bytes in runs of any length over several files, or `strings` (string_data, never read).
 */
export type Encoding = 'raw' | 'packed' | 'varints' | 'external' | 'sharded' | 'strings';

/** A tensor of the file: its header, and where its payload lies. Read it with `readTensor`. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly encoding: Encoding;
  /** The payload in order; several when the writer split a packed field. Empty for a tensor without elements. */
  readonly ranges: readonly PayloadRange[];
  /** Where the content of the TensorProto lies in the model file (needed to patch lengths and external locations). */
  readonly proto: ByteRange;
}

/**
 * A graph or a sub-graph. Files of IR version 3 and older list every initializer among the inputs as well; such
 * inputs are kept here as the file has them.
 */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, StoredTensor | Tensor>;
  /** Shapes the file claims for intermediate values; hints only. */
  readonly valueInfo: readonly ValueInfo[];
}

/** A model-local function (opset 15 and later). */
export interface ModelFunction {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly string[];
  readonly attributeDefaults: ReadonlyMap<string, Attribute>;
  readonly nodes: readonly OnnxNode[];
  readonly opsets: ReadonlyMap<string, number>;
}

/** A model as read from a file. */
export interface OnnxModel {
  /** The file, absolute. */
  readonly path: string;
  readonly irVersion: number;
  /** Opset version by domain; the standard domain is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Name and version of the exporter, '' when the file does not say. */
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
  /** Files besides `path` that hold tensor bytes, absolute. */
  readonly externalFiles: readonly string[];
  /** The state of `path` and of every external file when the model was read. */
  readonly stamps: readonly FileStamp[];
  /** What a person should know about the file; full sentences. */
  readonly warnings: readonly string[];
}

/** What a file looked like: enough to notice that it has changed since. `modified` is in milliseconds. */
export interface FileStamp {
  readonly file: string;
  readonly size: number;
  readonly modified: number;
}

/** Whether a tensor is still in its file. */
export function isStored(tensor: StoredTensor | Tensor): tensor is StoredTensor {
  return 'encoding' in tensor;
}
