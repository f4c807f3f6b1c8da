// Losses cut into the chunks that a batch is computed in.
import { elementCount, type Tensor } from '../tensor/tensor';
import type { Chunk } from './batches';
import type { ResolvedLoss } from './loss';

/** The part of a loss, and of the weights of its terms, that belongs to a chunk of the batch. */
export function lossPart(
  all: ResolvedLoss,
  weights: Float64Array,
  samples: number,
  { start, end }: Chunk,
): { resolved: ResolvedLoss; weights: Float64Array } {
  const count = end - start;
  const [positions, labels] = [all.positions / samples, all.labels.length / samples];
  const resolved = {
    ...all,
    dims: [count, ...all.dims.slice(1)],
    positions: positions * count,
    labels: all.labels.subarray(start * labels, end * labels),
  } as ResolvedLoss;
  return { resolved, weights: weights.subarray(start * positions, end * positions) };
}

/** The first samples of a tensor. */
export function firstSamples(tensor: Tensor, count: number): Tensor {
  const dims = [count, ...tensor.dims.slice(1)];
  return { dtype: tensor.dtype, dims, data: tensor.data.subarray(0, elementCount(dims)) };
}
