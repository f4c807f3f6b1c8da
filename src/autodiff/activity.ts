// Which values depend on which: the paths that gradients take through a graph, from the node list alone.
import type { OnnxNode } from '../onnx/model';
import { capturedValues } from './captured';
import { differentiableInputs, ruleOf } from './table';

/** The values that depend on any of the sources along edges that gradients flow through. Sources included. */
export function activeValues(nodes: readonly OnnxNode[], sources: Iterable<string>): Set<string> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (sourcesOf(node).some(source => active.has(source)))
      for (const output of node.outputs) if (output) active.add(output);
  }
  return active;
}

/** The values that depend on any of the sources in whatever way (shapes and choices included). */
export function dependentValues(nodes: readonly OnnxNode[], sources: Iterable<string>): Set<string> {
  const dependent = new Set(sources);
  for (const node of nodes) {
    const captured = [...node.attributes.values()].some(attribute => attribute.type === 'graph');
    if (captured || node.inputs.some(input => dependent.has(input)))
      for (const output of node.outputs) if (output) dependent.add(output);
  }
  return dependent;
}

/** The values that depend on the elements of any of the sources, not on their shapes alone. */
export function valueDependent(nodes: readonly OnnxNode[], sources: Iterable<string>): Set<string> {
  return dependentValues(
    nodes.filter(node => node.opType !== 'Shape' && node.opType !== 'Size'),
    sources,
  );
}

/** The values that reach one of the targets along edges that gradients flow through. Targets included. */
export function usefulValues(nodes: readonly OnnxNode[], targets: Iterable<string>): Set<string> {
  const useful = new Set(targets);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index] as OnnxNode;
    if (!node.outputs.some(output => useful.has(output))) continue;
    for (const source of sourcesOf(node)) useful.add(source);
  }
  return useful;
}

/**
 * The inputs of a node that gradients flow to. A node without a rule is taken to pass gradients to all of its
 * inputs, so that it is found on every path it lies on.
 */
export function edgesOf(node: OnnxNode): readonly number[] {
  const rule = ruleOf(node);
  if (rule) return differentiableInputs(node, rule);
  const settings = Object.hasOwn(floatingSettings, node.opType) ? floatingSettings[node.opType] : undefined;
  return node.inputs
    .map((_, index) => index)
    .filter(index => node.inputs[index] && (node.domain !== '' || !settings?.includes(index)));
}

/** The values that gradients flow to from a node: those of `edgesOf`, and what its sub-graphs capture. */
function sourcesOf(node: OnnxNode): readonly string[] {
  return [...edgesOf(node).map(index => node.inputs[index] as string), ...capturedValues(node)];
}

/** Floating operands of operators without a rule that set something and are no weights: bounds, regions, scales. */
const floatingSettings: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  DequantizeLinear: [1],
  QuantizeLinear: [1],
  Resize: [1, 2],
};
