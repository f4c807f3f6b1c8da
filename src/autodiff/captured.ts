// The values that a node's sub-graphs (branches of If, bodies of Loop and Scan) take from the graph around them.
import type { Graph, OnnxNode } from '../onnx/model';

const known = new WeakMap<OnnxNode, readonly string[]>();

/** The names that a node's sub-graphs use and do not define; they are no inputs of the node, but act like inputs. */
export function capturedValues(node: OnnxNode): readonly string[] {
  const found = known.get(node);
  if (found) return found;
  const names = [...node.attributes.values()].flatMap(attribute => {
    if (attribute.type === 'graph') return fromOutside(attribute.value);
    return attribute.type === 'graphs' ? attribute.value.flatMap(fromOutside) : [];
  });
  known.set(node, names);
  return names;
}

/** All that a node computes with: its inputs and what its sub-graphs capture. */
export function operandsOf(node: OnnxNode): readonly string[] {
  return [...node.inputs, ...capturedValues(node)];
}

function fromOutside(graph: Graph): string[] {
  const inside = new Set<string>([
    ...graph.inputs.map(input => input.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(node => node.outputs),
  ]);
  const used = [...graph.nodes.flatMap(operandsOf), ...graph.outputs.map(output => output.name)];
  return used.filter(name => name && !inside.has(name));
}
