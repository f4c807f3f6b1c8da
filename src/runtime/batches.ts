// Cutting batches into chunks that fit the model's batch size and the memory at hand.
import { elementCount, zeros, type Tensor } from '../tensor/tensor';
import type { ShapeTable } from './shapes';

/** Bytes of intermediate values that a chunk may take, forward and backward pass together. */
export const chunkBytes = 1.5e9;
/** Samples in a chunk at most: beyond, ONNX Runtime gains nothing. */
const chunkSamples = 512;

/** A run of samples, computed in a graph of `size` samples; those beyond `end` are padding. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** Chunks of at most `limit` samples, as even as can be; all of size `fixed` where the model's batch is fixed. */
export function chunksOf(samples: number, limit: number, fixed: number | null): Chunk[] {
  const size = fixed ?? Math.ceil(samples / Math.ceil(samples / limit));
  const chunks: Chunk[] = [];
  for (let start = 0; start < samples; start += size)
    chunks.push({ start, end: Math.min(samples, start + size), size });
  return chunks;
}

/** The samples of a chunk; padding repeats the first one. */
export function takeChunk(tensor: Tensor, chunk: Chunk): Tensor {
  const [samples, ...rest] = tensor.dims as [number, ...number[]];
  if (chunk.start === 0 && chunk.end === samples && chunk.size === samples) return tensor;
  const stride = elementCount(rest);
  const result = zeros(tensor.dtype, [chunk.size, ...rest]);
  const [from, to] = [tensor.data as Float32Array, result.data as Float32Array];
  to.set(from.subarray(chunk.start * stride, chunk.end * stride));
  for (let sample = chunk.end - chunk.start; sample < chunk.size; sample++)
    to.set(from.subarray(chunk.start * stride, (chunk.start + 1) * stride), sample * stride);
  return result;
}

/** The samples at the given positions. */
export function takeSamples(tensor: Tensor, positions: readonly number[]): Tensor {
  const rest = tensor.dims.slice(1);
  const stride = elementCount(rest);
  const result = zeros(tensor.dtype, [positions.length, ...rest]);
  const [from, to] = [tensor.data as Float32Array, result.data as Float32Array];
  positions.forEach((position, index) =>
    to.set(from.subarray(position * stride, (position + 1) * stride), index * stride),
  );
  return result;
}

/** Samples of several tensors joined along axis 0, without the padding of the last chunks. */
export function joinChunks(parts: readonly Tensor[], samples: number): Tensor {
  const [first] = parts as [Tensor, ...Tensor[]];
  if (parts.length === 1 && first.dims[0] === samples) return first;
  const rest = first.dims.slice(1);
  const stride = elementCount(rest);
  const result = zeros(first.dtype, [samples, ...rest]);
  let offset = 0;
  for (const part of parts) {
    const room = samples * stride - offset;
    const data = (part.data as Float32Array).subarray(0, Math.min(room, part.data.length));
    (result.data as Float32Array).set(data, offset);
    offset += data.length;
  }
  return result;
}

/** Samples in a chunk at most (any number where a batch must not be cut), when each takes `passes` times its forward pass's values, within `bytes`. */
export function chunkLimit(shapes: ShapeTable, passes: number, bytes = chunkBytes): number {
  if (shapes.mixesSamples) return Number.MAX_SAFE_INTEGER;
  const limit = Math.floor(bytes / Math.max(1, passes * shapes.bytesPerSample()));
  return Math.max(1, Math.min(chunkSamples, limit));
}
