// Translates a GraphModel: TensorFlow's nodes, one after the other, by the table of operators.
import { ModelError } from '../onnx/errors';
import type { OnnxNode, ValueInfo } from '../onnx/model';
import type { Untranslated } from '../onnx/openedModel';
import { Emitter, Untranslatable, type Size, type Value } from './emitter';
import type { JsonPlace } from './json';
import type { StoredWeight } from './manifest';
import type { ModelJson } from './modelJson';
import { GraphNode, type NodeInput } from './ops/graphNode';
import { KnownIntegers, type OpContext } from './ops/opContext';
import { fewestInputs, opRule } from './ops/table';
import { namedOutputs, translateStep, type Translation } from './translation';

/** An output of the model: its name, and which output of which node it is. */
interface NamedOutput {
  readonly name: string;
  readonly node: string;
  readonly output: number;
}

/**
 * Translates a GraphModel. Throws a ModelError for a graph that is damaged: nodes that are not there, circles, two nodes
 * of one name. An operator without translation is listed, not thrown.
 */
export function translateGraph(json: ModelJson, weights: ReadonlyMap<string, StoredWeight>): Translation {
  const nodes = readNodes(json);
  const outputs = outputsOf(json, nodes);
  const ordered = inOrder(json, nodes, outputs);
  const inputs = inputsOf(json, ordered);
  const names = outputs.map(({ name }) => name);
  const e = new Emitter(weights, [...inputs.map(({ name }) => name), ...names]);
  const values = new Map<string, readonly Value[]>();
  const integers = new KnownIntegers(e);
  const untranslated: Untranslated[] = [];
  const operators = new Map<string, number>();
  for (const node of ordered) {
    if (node.op !== 'Placeholder' && node.op !== 'Const')
      operators.set(node.op, (operators.get(node.op) ?? 0) + 1);
    values.set(node.name, translateNode(json, { e, integers, node }, inputs, values, untranslated));
  }
  const given = outputs.map(({ name, node, output }) => ({
    name,
    value: pick(json, values, { node, output }, 'the outputs'),
  }));
  const named = namedOutputs(e, given);
  return {
    nodes: neededFor(
      named.map(({ name }) => name),
      e.nodes,
    ),
    outputs: named,
    initializers: e.initializers,
    inputs,
    operators,
    untranslated,
  };
}

/** The nodes that some values depend on: what computed a shape that turned out to be known is dropped. */
function neededFor(values: readonly string[], nodes: readonly OnnxNode[]): OnnxNode[] {
  const needed = new Set(values);
  return nodes
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some(output => needed.has(output))) return false;
      for (const input of inputs) needed.add(input);
      return true;
    })
    .reverse();
}

function translateNode(
  json: ModelJson,
  { e, integers, node }: OpContext,
  inputs: readonly ValueInfo[],
  values: ReadonlyMap<string, readonly Value[]>,
  untranslated: Untranslated[],
): readonly Value[] {
  const input = inputs.find(({ name }) => name === node.name);
  if (input) {
    const dims = input.dims as readonly Size[] | null;
    return [{ name: input.name, dtype: input.dtype, dims, layout: 'plain' }];
  }
  if (node.op === 'Const') {
    const weight = e.weight(node.name);
    if (!weight) throw damaged(json, `The constant "${node.name}" has no weight in the manifest.`);
    return [weight];
  }
  const operands = node.inputs.map(given => pick(json, values, given, `the node "${node.name}"`));
  const fewest = opRule(node.op) ? fewestInputs(node.op) : 0;
  if (operands.length < fewest) {
    const problem = `The node "${node.name}" (${node.op}) has ${operands.length} of the ${fewest} inputs that it needs.`;
    throw damaged(json, problem);
  }
  const step = { op: node.op, node: node.name, weights: [] };
  return translateStep(e, step, operands, untranslated, known => {
    if (controlFlow.includes(node.op)) throw new Untranslatable('is control flow, which has no translation');
    const rule = opRule(node.op);
    if (!rule) throw new Untranslatable('has no translation');
    const result = rule({ e, node, integers }, known);
    return Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
  });
}

/** Operators by which the data decide what runs. */
const controlFlow: readonly string[] = [
  ...['Enter', 'Exit', 'If', 'LoopCond', 'Merge', 'NextIteration'],
  ...['StatelessIf', 'StatelessWhile', 'Switch', 'While'],
];

/** An output of a node; where the node has no translation its one value stands for all. */
function pick(
  json: ModelJson,
  values: ReadonlyMap<string, readonly Value[]>,
  { node, output }: NodeInput,
  user: string,
): Value {
  const found = values.get(node)!;
  const value = found[output] ?? (found[0]?.dims === null ? found[0] : undefined);
  if (value) return value;
  const count = found.length === 1 ? 'one output' : `${found.length} outputs`;
  throw damaged(
    json,
    `Output ${output} of the node "${node}" is used by ${user}, but it has ${count}, counted from 0.`,
  );
}

function readNodes(json: ModelJson): Map<string, GraphNode> {
  const nodes = new Map<string, GraphNode>();
  for (const place of json.root.at('modelTopology').at('node').items()) {
    const node = new GraphNode(place);
    if (nodes.has(node.name)) throw damaged(json, `The graph has two nodes named "${node.name}".`);
    nodes.set(node.name, node);
  }
  return nodes;
}

/** The nodes that the outputs depend on, each after its inputs. */
function inOrder(
  json: ModelJson,
  nodes: ReadonlyMap<string, GraphNode>,
  outputs: readonly NamedOutput[],
): GraphNode[] {
  const ordered: GraphNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  // A stack of our own: graphs are deeper than the language's stack.
  const stack = outputs.map(({ node }) => ({ name: node, user: 'the list of outputs' })).reverse();
  while (stack.length > 0) {
    const { name, user } = stack.at(-1)!;
    const node = nodes.get(name);
    if (!node) throw damaged(json, `The node "${name}", which ${user} refers to, is not in the graph.`);
    if (state.get(name) === undefined) {
      state.set(name, 'open');
      for (const input of [...node.inputs].reverse()) {
        if (state.get(input.node) === 'open')
          throw damaged(json, `The nodes "${input.node}" and "${name}" form a circle.`);
        if (state.get(input.node) === undefined) stack.push({ name: input.node, user: `the node "${name}"` });
      }
      continue;
    }
    stack.pop();
    if (state.get(name) === 'open') ordered.push(node);
    state.set(name, 'done');
  }
  return ordered;
}

function damaged(json: ModelJson, problem: string): ModelError {
  return new ModelError(json.path, problem, 'Convert the model again.');
}

/** Inputs in the order of the signature, else of the graph. */
function inputsOf(json: ModelJson, ordered: readonly GraphNode[]): ValueInfo[] {
  const placeholders = ordered.filter(node => node.op === 'Placeholder');
  const signature = signatureOf(json, 'inputs');
  const order = signature?.map(({ place }) => tensorName(place).node) ?? [];
  const rank = (node: GraphNode): number =>
    order.includes(node.name) ? order.indexOf(node.name) : order.length;
  return [...placeholders]
    .sort((a, b) => rank(a) - rank(b))
    .map(node => {
      const dtype = node.type('dtype');
      if (!dtype) {
        const written = node.has('dtype') ? String(node.attribute('dtype').at('type').value) : 'not said';
        throw damaged(json, `The input "${node.name}" has the type ${written}, which Lethe does not feed.`);
      }
      const declared = signature?.find(({ place }) => tensorName(place).node === node.name)?.place;
      const shape = declared?.has('tensorShape')
        ? declared.at('tensorShape')
        : node.has('shape')
          ? node.attribute('shape').at('shape')
          : null;
      return { name: node.name, dtype, dims: shape ? dimsOf(shape) : null };
    });
}

function dimsOf(shape: JsonPlace): Size[] | null {
  if (shape.has('unknownRank')) return null;
  if (!shape.has('dim')) return [];
  return shape
    .at('dim')
    .items()
    .map(dim => {
      const size = dim.has('size') ? Number(dim.at('size').value) : 0;
      return size < 0 ? null : size;
    });
}

/** Outputs of the signature, else the nodes that nothing uses. */
function outputsOf(json: ModelJson, nodes: ReadonlyMap<string, GraphNode>): NamedOutput[] {
  const signature = signatureOf(json, 'outputs');
  if (signature && signature.length > 0) {
    return signature.map(({ place }) => {
      const { node, output } = tensorName(place);
      return { name: output === 0 ? node : `${node}:${output}`, node, output };
    });
  }
  const used = new Set([...nodes.values()].flatMap(node => node.inputs.map(input => input.node)));
  const ends = [...nodes.values()].filter(
    node => !used.has(node.name) && node.op !== 'NoOp' && node.op !== 'Const',
  );
  if (ends.length === 0) throw damaged(json, 'The graph has no node that could be an output.');
  return ends.map(({ name }) => ({ name, node: name, output: 0 }));
}

function tensorName(place: JsonPlace): { node: string; output: number } {
  const text = place.at('name').text();
  const match = /^(.*):(\d+)$/.exec(text);
  return match ? { node: match[1]!, output: Number(match[2]) } : { node: text, output: 0 };
}

function signatureOf(
  json: ModelJson,
  side: 'inputs' | 'outputs',
): { key: string; place: JsonPlace }[] | null {
  const holder = [
    json.root,
    json.root.has('userDefinedMetadata') ? json.root.at('userDefinedMetadata') : null,
  ].find(place => place?.has('signature'));
  const signature = holder?.at('signature');
  if (!signature?.has(side)) return null;
  const group = signature.at(side);
  return group.keys().map(key => ({ key, place: group.at(key) }));
}
