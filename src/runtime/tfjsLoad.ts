// Loading a model into TensorFlow.js, with its weights as variables that keep the names of the file.
import type * as tensorflow from '@tensorflow/tfjs';
import { ModelError } from '../onnx/errors';
import { messageOf } from '../shared/errors';
import { elementCount, toFloat32, type Tensor } from '../tensor/tensor';
import type { TfjsArtifacts } from '../tfjs/artifacts';
import { isKeras3, layerWeightName, modelNames } from '../tfjs/keras2';
import type { Tensorflow } from './tfjsLibrary';

/** A weight that a gradient can be taken by. */
export interface TfjsWeight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly variable: tensorflow.Variable;
  /** What it is to its layer: a moving average of a batch normalisation is not trained. */
  readonly role: 'weight' | 'mean' | 'variance';
}

/** A loaded model: floating weights by name in the order of the file, and its outputs for its inputs. */
export interface LoadedModel {
  readonly weights: ReadonlyMap<string, TfjsWeight>;
  run(inputs: tensorflow.Tensor[]): tensorflow.Tensor[];
  dispose(): void;
}

/** A model's inputs and outputs by name, in its order; layers know theirs by order alone. */
export interface ModelNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Where a graph model keeps its weights; the type of TensorFlow.js does not show it. */
interface GraphExecutor {
  weightMap: Record<string, tensorflow.Tensor[]>;
}

/** Loads a model. Throws a ModelError with what TensorFlow.js has to say when it refuses. */
export async function loadModel(
  tf: Tensorflow,
  path: string,
  artifacts: TfjsArtifacts,
  names: ModelNames,
): Promise<LoadedModel> {
  try {
    return artifacts.kind === 'tfjs-layers'
      ? await loadLayers(tf, artifacts)
      : await loadGraph(tf, artifacts, names);
  } catch (error) {
    throw new ModelError(
      path,
      `TensorFlow.js cannot load it: ${firstLine(error)}`,
      'Check that the model loads in TensorFlow.js 4.22.',
    );
  }
}

async function loadLayers(tf: Tensorflow, artifacts: TfjsArtifacts): Promise<LoadedModel> {
  const names = [...artifacts.weights.keys()];
  const models = isKeras3(artifacts.topology) ? modelNames(artifacts.topology) : new Set<string>();
  // Layers rename their weights in several ways. Each is loaded with its own number first, so that the number that a
  // variable holds says which weight of the file it is.
  const numbered = new Map(
    names.map((name, index) => {
      const { dims } = artifacts.weights.get(name) as Tensor;
      const data = new Float32Array(elementCount(dims)).fill(index + 1);
      return [layerWeightName(name, models), { dtype: 'float32' as const, dims, data }];
    }),
  );
  const model = await tf.loadLayersModel(
    tf.io.fromMemory(memoryArtifacts({ ...artifacts, weights: numbered })),
  );
  const weights = new Map<string, TfjsWeight>();
  const byNumber = new Map<number, tensorflow.LayerVariable>();
  for (const layerVariable of model.weights) {
    const variable = layerVariable.read() as tensorflow.Variable;
    if (variable.size > 0) byNumber.set(variable.dataSync()[0] as number, layerVariable);
  }
  names.forEach((name, index) => {
    const layerVariable = byNumber.get(index + 1);
    if (!layerVariable) return;
    const variable = layerVariable.read() as tensorflow.Variable;
    variable.trainable = true;
    const stored = artifacts.weights.get(name) as Tensor;
    tf.tidy(() => variable.assign(tf.tensor(toFloat32(stored).slice(), [...stored.dims])));
    weights.set(name, { name, dims: stored.dims, variable, role: roleOf(layerVariable.originalName) });
  });
  const run = (inputs: tensorflow.Tensor[]): tensorflow.Tensor[] => {
    model.resetStates();
    const found = model.apply(inputs, { training: false }) as tensorflow.Tensor | tensorflow.Tensor[];
    return Array.isArray(found) ? found : [found];
  };
  return { weights, run, dispose: () => void model.dispose() };
}

async function loadGraph(tf: Tensorflow, artifacts: TfjsArtifacts, names: ModelNames): Promise<LoadedModel> {
  const model = await tf.loadGraphModel(tf.io.fromMemory(memoryArtifacts(artifacts)));
  const executor = (model as unknown as { executor: GraphExecutor }).executor;
  const map = { ...executor.weightMap };
  const statistics = movingStatistics(artifacts.topology);
  const weights = new Map<string, TfjsWeight>();
  for (const [name, stored] of artifacts.weights) {
    const [tensor] = map[name] ?? [];
    if (!tensor || tensor.dtype !== 'float32') continue;
    const variable = tf.variable(tensor);
    map[name] = [variable];
    weights.set(name, { name, dims: stored.dims, variable, role: statistics.get(name) ?? 'weight' });
  }
  executor.weightMap = map;
  const run = (inputs: tensorflow.Tensor[]): tensorflow.Tensor[] => {
    const named = Object.fromEntries(names.inputs.map((name, index) => [name, inputs[index]!]));
    const found = model.execute(named, [...names.outputs]);
    return Array.isArray(found) ? found : [found];
  };
  return { weights, run, dispose: () => void model.dispose() };
}

/** A model in the form that TensorFlow.js takes from memory. */
function memoryArtifacts({ topology, signature, weights }: TfjsArtifacts): tensorflow.io.ModelArtifacts {
  const specs: tensorflow.io.WeightsManifestEntry[] = [];
  const parts: Uint8Array[] = [];
  for (const [name, { dtype, dims, data }] of weights) {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw new TypeError(`The weight ${name} is ${dtype}.`);
    specs.push({ name, shape: [...dims], dtype });
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return {
    // TensorFlow.js writes into the topology while it reads it.
    modelTopology: structuredClone(topology),
    ...(signature ? { signature: signature as NonNullable<tensorflow.io.ModelArtifacts['signature']> } : {}),
    weightSpecs: specs,
    weightData: bytes.buffer,
  };
}

function roleOf(name: string): TfjsWeight['role'] {
  const found = /(^|\/)moving_(mean|variance)(_\d+)?$/.exec(name);
  return (found?.[2] as 'mean' | 'variance' | undefined) ?? 'weight';
}

/** The weights of a GraphDef that are means and variances of its batch normalisations. */
function movingStatistics(topology: object): Map<string, 'mean' | 'variance'> {
  const found = new Map<string, 'mean' | 'variance'>();
  const nodes = (topology as { node?: { op?: string; input?: string[] }[] }).node ?? [];
  for (const { op = '', input = [] } of nodes) {
    if (!op.startsWith('FusedBatchNorm')) continue;
    if (input[3]) found.set(input[3], 'mean');
    if (input[4]) found.set(input[4], 'variance');
  }
  return found;
}

/** The first line of what TensorFlow.js says; stacks of operations follow it. */
export function firstLine(error: unknown): string {
  const [line = ''] = messageOf(error).trim().split('\n');
  const short = line.length > 300 ? `${line.slice(0, 300)} …` : line;
  return short.replace(/\.?$/, '.');
}

/** Why a weight is not trained; null where it is. */
export function reasonAgainst(
  { role, dims }: TfjsWeight,
  frozen: boolean,
  included: boolean,
  quantised: boolean,
): string | null {
  if (quantised) return 'quantised: stored as rounded integers';
  if (frozen) return 'frozen by the recipe';
  if (role !== 'weight') return `${role} of a batch normalisation`;
  if (elementCount(dims) === 0) return 'has no elements';
  return dims.length === 0 && !included ? 'a single number (rank 0)' : null;
}
