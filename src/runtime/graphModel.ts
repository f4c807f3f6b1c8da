// A model ready for graphs to be derived from it: upgraded, with parameters and frozen weights as graph inputs.
import {
  describeGraphParameters,
  type ModelParameters,
  type ParameterSelection,
} from '../autodiff/parameters';
import { computedPrecision, type Precision } from '../autodiff/precision';
import { mapGraphs } from '../onnx/attributes';
import { ModelError } from '../onnx/errors';
import { findEndings, type Ending } from './endings';
import {
  isStored,
  type Graph,
  type OnnxModel,
  type OnnxNode,
  type StoredTensor,
  type ValueInfo,
} from '../onnx/model';
import { materialise, upgradeGraph } from '../onnx/upgrade';
import { isFloating, type FloatArray, type FloatType } from '../tensor/dtype';
import { castTensor, elementCount, toFloats, type Tensor } from '../tensor/tensor';

/** A model taken apart for differentiation. */
export interface GraphModel {
  readonly model: OnnxModel;
  readonly graph: Graph;
  readonly opsets: ReadonlyMap<string, number>;
  /** The type that all floating values of the graph have, weights included, and why. */
  readonly precision: Precision;
  readonly described: ModelParameters;
  /** Data inputs in the order of the file. */
  readonly inputs: readonly ValueInfo[];
  /** The trainable parameters and their dims. */
  readonly trainable: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** Large stored floats that are not trained; graph inputs too, so that sessions share them. */
  readonly frozen: ReadonlyMap<string, Tensor>;
  /** Everything else that is stored: shapes, indices, small numbers. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** What each output ends in, and the logits before it. */
  readonly activations: ReadonlyMap<string, Ending>;
}

/** Frozen floats up to this many elements stay constants of the graph, where ONNX Runtime can fold them. */
const smallTensor = 4096;

/** Reads what a model holds besides its trainable parameters. Throws a ModelError when nothing can be trained. */
export function takeApart(model: OnnxModel, selection: ParameterSelection): GraphModel {
  const plain = upgradeGraph(model);
  const precision = computedPrecision(model, plain.graph);
  const float = precision.type;
  const { graph, opsets } = float === 'float32' ? plain : upgradeGraph(model, float);
  const described = describeGraphParameters(model, graph, selection);
  const trainable = described.parameters.filter(parameter => parameter.trainable);
  const isTrainable = new Set(trainable.map(parameter => parameter.name));
  const frozen = new Map<string, Tensor>();
  const constants = new Map<string, Tensor>();
  for (const [name, tensor] of graph.initializers) {
    if (isTrainable.has(name)) continue;
    if (tensor.dtype === 'string')
      throw new ModelError(
        model.path,
        `The tensor ${name} holds texts, which Lethe does not run.`,
        'Export the model without its text processing.',
      );
    const value = computed(tensor, float);
    if (isFloating(tensor.dtype) && isStored(tensor) && elementCount(tensor.dims) > smallTensor)
      frozen.set(name, value);
    else constants.set(name, value);
  }
  const { endings, extra } = findEndings(model, graph);
  return {
    model,
    graph: { ...graph, nodes: [...graph.nodes.map(node => withComputedTensors(node, float)), ...extra] },
    opsets,
    precision,
    described,
    inputs: graph.inputs,
    trainable,
    frozen,
    constants,
    activations: endings,
  };
}

/** A stored tensor in memory, in the type that it is computed in. */
function computed(tensor: StoredTensor | Tensor, float: FloatType): Tensor {
  const read = materialise(tensor);
  return isFloating(read.dtype) ? castTensor(read, float) : read;
}

/** A node with the tensors that its sub-graphs hold in the type that is computed in. */
function withComputedTensors(node: OnnxNode, float: FloatType): OnnxNode {
  return mapGraphs(node, graph => ({
    ...graph,
    nodes: graph.nodes.map(inner => withComputedTensors(inner, float)),
    initializers: new Map([...graph.initializers].map(([key, tensor]) => [key, computed(tensor, float)])),
  }));
}

/**
 * The trainable parameters' values, in the type that is computed in. Throws a ModelError that names the tensor and the place of a NaN.
 */
export function readParameters(model: GraphModel): Map<string, FloatArray> {
  const values = new Map<string, FloatArray>();
  for (const { name } of model.trainable) {
    const stored = model.graph.initializers.get(name);
    if (!stored) throw new TypeError(`The graph has no tensor ${name}.`);
    const tensor = materialise(stored);
    const data = toFloats(tensor, model.precision.type);
    // Infinities are left to the caller: an attention mask holds them on purpose.
    const bad = data.findIndex(value => Number.isNaN(value));
    if (bad >= 0)
      throw new ModelError(
        model.model.path,
        `The parameter ${name} holds NaN at element ${bad}.`,
        'Unlearning needs finite weights: take an earlier checkpoint of the model.',
      );
    values.set(name, data === tensor.data ? data.slice() : data);
  }
  return values;
}
