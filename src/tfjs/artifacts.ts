// A model.json in the form that TensorFlow.js loads from memory: its topology and its weights, decoded.
import { isStored } from '../onnx/model';
import { readTensor } from '../onnx/readTensor';
import type { OpenedModel } from '../onnx/openedModel';
import { castTensor, elementCount, elementReader, type Tensor } from '../tensor/tensor';
import { asKeras2 } from './keras2';
import { readManifest, type StoredWeight } from './manifest';
import { readModelJson } from './modelJson';

/** What TensorFlow.js loads a model from. Weights come decoded: float32, int32 or bool. */
export interface TfjsArtifacts {
  readonly kind: 'tfjs-layers' | 'tfjs-graph';
  readonly topology: object;
  /** Inputs and outputs of a GraphModel, where its file has them. */
  readonly signature: object | null;
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Weights that were stored as rounded integers, which no gradient can move. */
  readonly quantised: ReadonlySet<string>;
}

/** Reads a model of the formats `tfjs-layers` and `tfjs-graph` with all of its weights. Throws a ModelError. */
export function readArtifacts(model: OpenedModel): TfjsArtifacts {
  const json = readModelJson(model.path);
  const { weights } = readManifest(json);
  const topology = json.root.at('modelTopology').value as object;
  const found = new Map<string, Tensor>();
  const quantised = new Set<string>();
  for (const [name, weight] of weights) {
    // Texts serve the vocabulary of a model, which no tensor of numbers stands for.
    if (weight.dtype === 'string') continue;
    found.set(name, decoded(weight));
    if (weight.affine) quantised.add(name);
  }
  const metadata = json.root.has('userDefinedMetadata') ? json.root.at('userDefinedMetadata') : null;
  const holder = [json.root, metadata].find(place => place?.has('signature'));
  return {
    kind: json.kind,
    topology: json.kind === 'tfjs-layers' ? (asKeras2(topology) as object) : topology,
    signature: (holder?.at('signature').value as object | undefined) ?? null,
    weights: found,
    quantised,
  };
}

function decoded({ tensor, dtype, affine }: StoredWeight): Tensor {
  const stored = isStored(tensor) ? readTensor(tensor) : tensor;
  if (affine === null) return castTensor(stored, dtype);
  const read = elementReader(stored);
  const rounded = dtype === 'int32';
  const length = elementCount(stored.dims);
  const data = rounded ? new Int32Array(length) : new Float32Array(length);
  for (let index = 0; index < length; index++) {
    const value = read(index) * affine.scale + affine.min;
    data[index] = rounded ? Math.round(value) : value;
  }
  return { dtype, dims: stored.dims, data };
}
