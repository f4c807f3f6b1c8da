// Caps on what a model file may ask for, so that a hostile one ends in a sentence and not in exhausted memory.

/** What a file may ask for at most. Tensor payloads are not read and count only against the file's own size. */
export interface ReadLimits {
  /** Bytes of names, attributes and the like that are kept in memory. */
  readonly headerBytes: number;
  /** Nodes, values, tensors, attributes and strings together. */
  readonly items: number;
  /** Dimensions of one tensor. */
  readonly rank: number;
  /** Messages inside messages; a sub-graph takes three levels. */
  readonly depth: number;
}

/** Limits far above any model seen in practice: several times those of the largest language models. */
export const defaultLimits: ReadLimits = {
  headerBytes: 256 * 2 ** 20,
  items: 2_000_000,
  rank: 64,
  depth: 100,
};
