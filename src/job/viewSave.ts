// Files an editor writes: a model with the weights of another, and copies to come back to.
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { matchTensors, type TensorPair } from '../evaluate/weightDiff';
import { ModelError } from '../onnx/errors';
import { isStored } from '../onnx/model';
import type { NewValues } from '../onnx/payloadPatch';
import { payloadParts } from '../onnx/payload';
import { openModel } from '../tfjs/openModel';
import { readTensor } from '../onnx/readTensor';
import { toFloat32, toFloat64, type Tensor } from '../tensor/tensor';
import { sha256OfFile, sha256OfText } from './hashing';
import { guarded } from './outputStage';
import { modelStamp } from './viewModel';

/**
 * Writes to `target` the file `base` with the weights of `weights`, and gives the stamp of what is now there. Tensors
 * whose bytes agree are not touched. Throws a ModelError when `base` no longer has `stamp` (null: not checked) or
 * cannot be saved, and a DiffError when the two files are not versions of one model.
 */
export function saveWeights(request: {
  readonly base: string;
  readonly weights: string;
  readonly target: string;
  readonly stamp: string | null;
}): { stamp: string } {
  const base = openModel(request.base);
  if (request.stamp !== null && modelStamp(base) !== request.stamp) {
    throw new ModelError(
      base.path,
      'The file has changed on disk since it was opened, so nothing was saved.',
      'Open the model again and repeat the work on it.',
    );
  }
  const changes = new Map<string, NewValues>();
  for (const pair of matchTensors(base, openModel(request.weights))) {
    if (!sameBytes(pair)) changes.set(pair.name, valuesOf(pair.b));
  }
  base.save(changes, request.target);
  return { stamp: modelStamp(openModel(request.target)) };
}

/**
 * Copies a model into a folder, which is made: an ONNX model with its external data to `model.onnx` (and
 * `model.onnx.data`), a TensorFlow.js model with its weights into the folder `model`.
 */
export function snapshotModel(path: string, folder: string): { sha256: string } {
  const model = openModel(path);
  guarded(folder, () => mkdirSync(folder, { recursive: true }));
  const target = join(resolve(folder), model.format === 'onnx' ? 'model.onnx' : 'model');
  model.save(new Map(), target);
  return { sha256: sha256OfModel(target) };
}

/** The SHA-256 of a model file that is alone; else over a line `<sha256>  <file name>` for it and each data file. */
export function sha256OfModel(path: string): string {
  const model = openModel(path);
  if (model.externalFiles.length === 0) return sha256OfFile(model.path);
  const files = [realpathSync(model.path), ...model.externalFiles];
  return sha256OfText(files.map(file => `${sha256OfFile(file)}  ${basename(file)}\n`).join(''));
}

/** Whether two tensors hold the same bits; NaN and −0 count as what they are. */
function sameBytes({ a, b }: TensorPair): boolean {
  if (a.dtype !== b.dtype) return false;
  return digest(a) === digest(b);
}

function digest(tensor: TensorPair['a']): string {
  const hash = createHash('sha256');
  const parts = isStored(tensor) ? payloadParts(tensor, 65536) : [tensor.data];
  for (const { buffer, byteOffset, byteLength } of parts) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** The elements in a type that holds each of them exactly. */
function valuesOf(tensor: TensorPair['b']): NewValues {
  const read: Tensor = isStored(tensor) ? readTensor(tensor) : tensor;
  return read.dtype === 'float64' ? toFloat64(read) : toFloat32(read);
}
