// Caps on what a model.json may ask for, so that a hostile one ends in a sentence and not in exhausted memory.

/** Bytes of a `model.json`. Weights lie in shards; a graph's own text stays far below this. */
export const mostJsonBytes = 256 * 2 ** 20;

/** Weights of one model. */
export const mostWeights = 200_000;

/** Weight files of one model. */
export const mostShards = 20_000;

/** Dimensions of one weight. */
export const mostDims = 64;

/** Models inside models. */
export const mostNesting = 32;
