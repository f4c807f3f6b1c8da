// The fingerprint of one sample for a receipt.
import { createHash, type Hash } from 'node:crypto';
import { elementCount, type Tensor } from '../tensor/tensor';
import type { SampleBatch } from './dataset';

/**
 * The SHA-256, in hex, of one sample of a batch as it is stored, before preprocessing: over the salt, then for each
 * input and label its role, element type, dims and little-endian bytes. Every part is preceded by its length, so that
 * no two samples share an encoding.
 */
export function hashSample(batch: SampleBatch, position: number, salt: Uint8Array): string {
  const hash = createHash('sha256');
  addPart(hash, salt);
  for (const tensor of batch.inputs) addTensor(hash, 'input', tensor, position);
  for (const tensor of batch.labels) addTensor(hash, 'label', tensor, position);
  return hash.digest('hex');
}

function addTensor(hash: Hash, role: string, tensor: Tensor, position: number): void {
  const dims = tensor.dims.slice(1);
  const width = elementCount(dims);
  if (position < 0 || position >= (tensor.dims[0] ?? 0)) {
    throw new RangeError(`Position ${position} is outside a batch of ${tensor.dims[0] ?? 0} samples.`);
  }
  const sample = tensor.data.subarray(position * width, (position + 1) * width);
  addPart(hash, new TextEncoder().encode(`${role} ${tensor.dtype} [${dims.join(',')}]`));
  addPart(hash, new Uint8Array(sample.buffer, sample.byteOffset, sample.byteLength));
}

function addPart(hash: Hash, bytes: Uint8Array): void {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  hash.update(length);
  hash.update(bytes);
}
