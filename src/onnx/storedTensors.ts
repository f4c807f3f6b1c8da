// Every stored tensor of a model, with the name under which its value can be changed.
import {
  isStored,
  type Attribute,
  type Graph,
  type OnnxModel,
  type OnnxNode,
  type StoredTensor,
} from './model';

/** A stored tensor and the name of its value: the initializer's, or the output of the Constant node that holds it. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: StoredTensor;
  /** False for tensors that are no value of a graph, such as attributes of nodes other than Constant. */
  readonly isValue: boolean;
}

/** All stored tensors of the model: those of the main graph first, then those of sub-graphs and functions. */
export function* storedTensors(model: OnnxModel): Generator<NamedTensor> {
  yield* ofGraph(model.graph);
  for (const definition of model.functions) {
    for (const [name, attribute] of definition.attributeDefaults) yield* ofAttribute(attribute, name, false);
    yield* ofNodes(definition.nodes);
  }
}

function* ofGraph(graph: Graph): Generator<NamedTensor> {
  for (const [name, tensor] of graph.initializers)
    if (isStored(tensor)) yield { name, tensor, isValue: true };
  yield* ofNodes(graph.nodes);
}

function* ofNodes(nodes: readonly OnnxNode[]): Generator<NamedTensor> {
  for (const node of nodes) {
    const constant = node.opType === 'Constant' && node.domain === '';
    for (const [name, attribute] of node.attributes) {
      const own = node.outputs[0] ?? name;
      yield* ofAttribute(attribute, own, constant && name === 'value');
      const numbers = constant && (name === 'value_float' || name === 'value_floats');
      if (numbers && (attribute.type === 'float' || attribute.type === 'floats') && attribute.stored)
        yield { name: own, tensor: attribute.stored, isValue: true };
    }
  }
}

function* ofAttribute(attribute: Attribute, name: string, isValue: boolean): Generator<NamedTensor> {
  if (attribute.type === 'tensor' && isStored(attribute.value))
    yield { name, tensor: attribute.value, isValue };
  else if (attribute.type === 'graph') yield* ofGraph(attribute.value);
  else if (attribute.type === 'graphs') for (const graph of attribute.value) yield* ofGraph(graph);
  else if (attribute.type === 'tensors') {
    for (const tensor of attribute.value) if (isStored(tensor)) yield { name, tensor, isValue: false };
  }
}
