// The rule of which stored tensors are trainable parameters (DESIGN §5), from the graph alone.
import { isStored, type Graph, type OnnxModel, type OnnxNode } from '../onnx/model';
import { functionPrefix } from '../onnx/inlineFunctions';
import { upgradeGraph, upgradePrefix } from '../onnx/upgrade';
import { isFloating, type DType } from '../tensor/dtype';
import { elementCount } from '../tensor/tensor';
import { activeValues, edgesOf, usefulValues } from './activity';
import type { UnsupportedOperator } from '../shared/inspection';
import { capturedValues, operandsOf } from './captured';
import { ruleOf } from './table';

/** A stored floating tensor: trainable or not, and why in a few words. `dtype` is the type in the file. */
export interface ParameterDescription {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly count: number;
  readonly trainable: boolean;
  readonly reason: string;
}

/** What can be trained in a model, and what stands in the way. */
export interface ModelParameters {
  readonly parameters: readonly ParameterDescription[];
  readonly unsupported: readonly UnsupportedOperator[];
}

/** Globs over parameter names: what stays as it is, and which rank-0 tensors are trained all the same. */
export interface ParameterSelection {
  readonly freeze?: readonly string[];
  readonly include?: readonly string[];
}

/** Lists every stored floating tensor of a model. Reads no tensor bytes. */
export function describeParameters(model: OnnxModel, selection: ParameterSelection = {}): ModelParameters {
  return describeGraphParameters(model, upgradeGraph(model).graph, selection);
}

/** The same on a graph that is upgraded already. */
export function describeGraphParameters(
  model: OnnxModel,
  graph: Graph,
  selection: ParameterSelection = {},
): ModelParameters {
  const useful = usefulValues(
    graph.nodes,
    graph.outputs.filter(output => isFloating(output.dtype)).map(output => output.name),
  );
  const uses = usesOf(graph.nodes);
  const frozen = matcher(selection.freeze ?? []);
  const included = matcher(selection.include ?? []);
  const parameters: ParameterDescription[] = [];
  for (const [name, tensor] of graph.initializers) {
    if (!isFloating(tensor.dtype) || name.startsWith(upgradePrefix)) continue;
    const count = elementCount(tensor.dims);
    const describe = (trainable: boolean, reason: string): number =>
      parameters.push({ name, dtype: tensor.dtype, dims: tensor.dims, count, trainable, reason });
    const fromConstant = !model.graph.initializers.has(name);
    if (name.startsWith(functionPrefix)) describe(false, 'stored inside a function');
    else if (!isStored(tensor)) describe(false, 'a list of numbers in a Constant node');
    else if (frozen(name)) describe(false, 'frozen by the recipe');
    else if (!uses.has(name) && !useful.has(name)) describe(false, 'not used by the graph');
    else if (isSetting(uses.get(name) ?? [])) describe(false, 'a setting of OneHot');
    else if (!useful.has(name)) describe(false, unusedReason(uses.get(name) ?? []));
    else if (count === 0) describe(false, 'has no elements');
    else if (included(name)) describe(true, 'included by the recipe');
    else if (tensor.dims.length === 0) describe(false, 'a single number (rank 0)');
    else if (fromConstant && count === 1) describe(false, 'a single number in a Constant node');
    else describe(true, fromConstant ? 'weight in a Constant node' : 'weight');
  }
  return {
    parameters,
    unsupported: [...unsupportedOperators(graph, parameters, useful), ...quantisedWeights(graph)],
  };
}

/** Operators that compute with weights stored as integers. */
const quantisedOperators: readonly string[] = [
  'ConvInteger',
  'DequantizeLinear',
  'DynamicQuantizeMatMul',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'QGemm',
  'QLinearConv',
  'QLinearMatMul',
];

/** Weights that are stored quantised: there is nothing in them that a gradient could move. */
export function quantisedWeights(graph: Graph): UnsupportedOperator[] {
  const found: UnsupportedOperator[] = [];
  for (const node of graph.nodes) {
    if (!quantisedOperators.includes(node.opType)) continue;
    const weight = node.inputs.find(input => {
      const tensor = graph.initializers.get(input);
      return tensor !== undefined && !isFloating(tensor.dtype) && elementCount(tensor.dims) > 1;
    });
    if (weight)
      found.push({ op: node.opType, node: node.name || (node.outputs[0] ?? ''), parameter: weight });
  }
  return found;
}

/** The nodes that use each value, with the position of the use. */
function usesOf(nodes: readonly OnnxNode[]): Map<string, { node: OnnxNode; index: number }[]> {
  const uses = new Map<string, { node: OnnxNode; index: number }[]>();
  for (const node of nodes) {
    for (const captured of capturedValues(node)) if (!uses.has(captured)) uses.set(captured, []);
    node.inputs.forEach((input, index) => {
      if (!input) return;
      const list = uses.get(input) ?? [];
      list.push({ node, index });
      uses.set(input, list);
    });
  }
  return uses;
}

/** Whether all that uses a tensor is OneHot, as its two values: a setting, though gradients flow through it. */
function isSetting(uses: readonly { node: OnnxNode; index: number }[]): boolean {
  return uses.length > 0 && uses.every(({ node, index }) => node.opType === 'OneHot' && index === 2);
}

/** Why nothing flows from an output to a tensor, told by how it is used first. */
function unusedReason(uses: readonly { node: OnnxNode; index: number }[]): string {
  for (const { node, index } of uses) {
    if (node.opType === 'BatchNormalization' && index >= 3)
      return index === 3 ? 'mean of a batch normalisation' : 'variance of a batch normalisation';
    if (!edgesOf(node).includes(index)) return `a setting of ${node.opType}`;
  }
  return 'no differentiable path to an output';
}

function unsupportedOperators(
  graph: Graph,
  parameters: readonly ParameterDescription[],
  useful: ReadonlySet<string>,
): UnsupportedOperator[] {
  const candidates = graph.nodes.filter(
    node => !ruleOf(node) && node.outputs.some(output => useful.has(output)),
  );
  if (candidates.length === 0) return [];
  const unsupported = new Map<OnnxNode, string>();
  for (const parameter of parameters) {
    if (!parameter.trainable) continue;
    if (unsupported.size === candidates.length) break;
    const active = activeValues(graph.nodes, [parameter.name]);
    for (const node of candidates)
      if (!unsupported.has(node) && operandsOf(node).some(operand => active.has(operand)))
        unsupported.set(node, parameter.name);
  }
  return candidates
    .filter(node => unsupported.has(node))
    .map(node => ({
      op: node.domain ? `${node.domain}.${node.opType}` : node.opType,
      node: node.name || (node.outputs.find(output => output) ?? ''),
      parameter: unsupported.get(node) as string,
    }));
}

/** Whether a name matches one of the globs: * any run of characters, ? one character. */
export function matcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(
    glob =>
      new RegExp(
        `^${glob
          .replace(/[.+^${}()|[\]\\]/g, '\\$&')
          .replace(/\*/g, '.*')
          .replace(/\?/g, '.')}$`,
        's',
      ),
  );
  return name => patterns.some(pattern => pattern.test(name));
}
