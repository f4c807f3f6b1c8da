// The in-memory form of an ONNX model: plain data, tensors that point at their bytes until they are needed.
import type { DType } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';

/** A dimension as the file declares it: a size, a name, or null where nothing is said. */
export type DeclaredDim = number | string | null;

/** A graph input or output as declared. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** null when the file declares no shape. */
  readonly dims: readonly DeclaredDim[] | null;
}

/** An attribute of a node. Integers are exact up to 2^53; larger ones clamp to ±2^63 as a number. */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: StoredTensor | Tensor }
  | { readonly type: 'graph'; readonly value: Graph };

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
 * How the elements of a stored tensor are encoded: `raw` little-endian bytes, `packed` little-endian elements
 * of float_data/double_data, `varints` a packed run of varints (int32_data, int64_data, uint64_data), `inline`
 * small tensors already decoded, or external raw bytes in another file.
 */
export type Encoding = 'raw' | 'packed' | 'varints' | 'external';

/** A tensor of the file: its header, and where its payload lies. Read it with `readTensor`. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly encoding: Encoding;
  /** The payload in order; several when the writer split a packed field. Empty for a tensor without elements. */
  readonly ranges: readonly ByteRange[];
  /** Where the whole TensorProto lies in the model file (needed to patch lengths and external locations). */
  readonly proto: ByteRange;
}

/** A graph or a sub-graph. */
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
  readonly path: string;
  readonly irVersion: number;
  /** Opset version by domain; the standard domain is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
  /** Files besides `path` that hold tensor bytes, absolute. */
  readonly externalFiles: readonly string[];
}

/** Whether a tensor is still in its file. */
export function isStored(tensor: StoredTensor | Tensor): tensor is StoredTensor {
  return 'encoding' in tensor;
}
