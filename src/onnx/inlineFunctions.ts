// Replaces calls of model-local functions by the functions' nodes.
import { mapGraphs } from './attributes';
import { ModelError } from './errors';
import type { Attribute, Graph, ModelFunction, OnnxModel, OnnxNode } from './model';

/** How the names of values begin that were inside a function. */
export const functionPrefix = 'lethe-function/';

/** A graph without calls of functions, and the opset of the nodes that were written in another than the model's. */
export interface InlinedGraph {
  readonly graph: Graph;
  readonly opsets: ReadonlyMap<OnnxNode, number>;
}

/** Functions that call each other deeper than this are taken for a circle. */
const deepest = 32;

/** The graph of a model with every call of its functions written out. Throws a ModelError for functions in a circle. */
export function inlineFunctions(model: OnnxModel): InlinedGraph {
  const opsets = new Map<OnnxNode, number>();
  if (model.functions.length === 0) return { graph: model.graph, opsets };
  const functions = new Map(model.functions.map(each => [`${each.domain}::${each.name}`, each]));
  let calls = 0;

  const expand = (node: OnnxNode, opset: number | undefined, depth: number): OnnxNode[] => {
    const called = functions.get(`${node.domain}::${node.opType}`);
    if (!called) {
      const inner = mapGraphs(node, graph => ({
        ...graph,
        nodes: graph.nodes.flatMap(each => expand(each, opset, depth)),
      }));
      if (opset !== undefined) opsets.set(inner, opset);
      return [inner];
    }
    if (depth > deepest)
      throw new ModelError(
        model.path,
        `The function ${called.domain}.${called.name} calls itself, directly or through others.`,
        'Export the model again.',
      );
    const prefix = `${functionPrefix}${calls++}/`;
    const names = renaming(node, called, prefix);
    const body = called.nodes.map((each, index) => {
      const inner = renamed(bound(each, node, called), names);
      // Names of nodes are unique in a graph, and errors should lead to the call. In a function many have none.
      return { ...inner, name: `${prefix}${node.name}/${each.name || `${index}_${each.opType}`}` };
    });
    return body.flatMap(each => expand(each, called.opsets.get('') ?? opset, depth + 1));
  };

  const nodes = model.graph.nodes.flatMap(node => expand(node, undefined, 0));
  return { graph: { ...model.graph, nodes }, opsets };
}

/** The names of a function's values at the call: inputs and outputs are the caller's, the rest gets a prefix. */
function renaming(call: OnnxNode, called: ModelFunction, prefix: string): (name: string) => string {
  const outer = new Map<string, string>();
  called.inputs.forEach((name, index) => outer.set(name, call.inputs[index] ?? ''));
  called.outputs.forEach((name, index) => {
    const given = call.outputs[index];
    if (given) outer.set(name, given);
  });
  return name => (name === '' ? '' : (outer.get(name) ?? prefix + name));
}

/** A node with attributes that refer to the function's own replaced by what the call gives, or the default. */
function bound(node: OnnxNode, call: OnnxNode, called: ModelFunction): OnnxNode {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.type !== 'reference') attributes.set(name, attribute);
    else {
      const value = call.attributes.get(attribute.value) ?? called.attributeDefaults.get(attribute.value);
      if (value) attributes.set(name, value);
    }
  }
  return { ...node, attributes };
}

function renamed(node: OnnxNode, names: (name: string) => string): OnnxNode {
  const inner = mapGraphs(node, graph => ({
    ...graph,
    // Inside a sub-graph names stay, except those that belong to the function around it.
    nodes: graph.nodes.map(each => renamed(each, names)),
    inputs: graph.inputs.map(each => ({ ...each, name: names(each.name) })),
    outputs: graph.outputs.map(each => ({ ...each, name: names(each.name) })),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [names(name), tensor])),
  }));
  return { ...inner, inputs: inner.inputs.map(names), outputs: inner.outputs.map(names) };
}
