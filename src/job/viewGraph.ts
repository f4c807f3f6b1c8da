// The graph of a model file for an editor: its nodes, what they store, and the dims of what flows between them.
import { capturedValues } from '../autodiff/captured';
import { describeGraphParameters } from '../autodiff/parameters';
import type { Attribute, Graph, OnnxModel, OnnxNode } from '../onnx/model';
import { upgradeGraph } from '../onnx/upgrade';
import { Engine } from '../runtime/engine';
import { LetheError } from '../shared/errors';
import type { GraphNode, GraphValue, ModelGraph } from '../shared/modelGraph';
import { openModel } from '../tfjs/openModel';
import { zeros } from '../tensor/tensor';
import type { EnginePool } from './viewEngines';
import { differentiability, nodesOf, qualified } from './viewModel';

/** Characters of an attribute that are shown. */
const longest = 160;

/** The graph of a model file. Reads no tensor payload. Throws a ModelError. */
export function graphOf(path: string): ModelGraph {
  const model = openModel(path);
  const { graph } = model;
  const upgraded = upgradeGraph(model).graph;
  const parameters = new Set(describeGraphParameters(model, upgraded).parameters.map(({ name }) => name));
  const stored = storedValues(graph);
  const describe = nodeDescriber(model, upgraded, parameters, stored);
  const inputs = graph.inputs.filter(({ name }) => !stored.has(name));
  const operators = graph.nodes.filter(node => node.opType !== 'Constant');
  const declared = new Map(
    [...graph.valueInfo, ...graph.outputs, ...inputs].map(({ name, dtype, dims }) => [
      name,
      { name, dtype, dims },
    ]),
  );
  return {
    nodes: [
      ...inputs.map(({ name }) => endNode('input', name)),
      ...operators.map(describe),
      ...graph.outputs.map(({ name }) => endNode('output', name)),
    ],
    values: [...declared.values()],
    partial: operators.some(node =>
      node.outputs.some(name => name !== '' && (declared.get(name)?.dims ?? null) === null),
    ),
  };
}

/**
 * The dims of every value, from a run on zeros. `sizes` are the dims of one sample by input. Throws a LetheError when an
 * axis is open that nothing is known about, and whatever opening or running the model throws.
 */
export function measuredShapes(
  engines: EnginePool,
  path: string,
  sizes: Readonly<Record<string, readonly number[]>>,
  signal: AbortSignal,
): Promise<readonly GraphValue[]> {
  return engines.use(path, signal, async ({ engine, values }) => {
    if (!(engine instanceof Engine)) {
      throw new LetheError(
        'TensorFlow.js runs this model, and the shapes between its nodes are told by ONNX Runtime only.',
      );
    }
    const inputs = engine.model.graph.inputs.filter(({ name }) => !engine.model.graph.initializers.has(name));
    const given = inputs.map(({ name, dtype, dims }) => {
      const size = Object.hasOwn(sizes, name) ? sizes[name]! : (dims?.slice(1) ?? null);
      if (size === null || size.some(each => typeof each !== 'number')) {
        throw new LetheError(
          `The file leaves axes of the input ${name} open, so the shapes between its nodes depend on the data. ` +
            'Open the data to see them.',
        );
      }
      const batch = typeof dims?.[0] === 'number' && dims[0] > 0 ? dims[0] : 1;
      return zeros(dtype, [batch, ...(size as number[])]);
    });
    const table = await engine.valueShapes(values, given);
    return [...table.names()].map(name => {
      if (table.fixedBatch !== null) return { name, dtype: null, dims: table.dims(name, table.fixedBatch) };
      const [one, two] = [table.dims(name, 1), table.dims(name, 2)];
      return { name, dtype: null, dims: one.map((size, axis) => batchDim(size, two[axis]! - size)) };
    });
  });
}

/** A size at a batch of 1, and by how much each further sample lets it grow. */
function batchDim(size: number, slope: number): number | string {
  if (slope === 0) return size;
  const base = size - slope;
  return `${slope === 1 ? 'N' : `${slope} N`}${base === 0 ? '' : base > 0 ? ` + ${base}` : ` − ${-base}`}`;
}

function endNode(kind: 'input' | 'output', name: string): GraphNode {
  const values = [name];
  return {
    kind,
    op: '',
    name,
    inputs: kind === 'output' ? values : [],
    outputs: kind === 'input' ? values : [],
    parameters: [],
    constants: [],
    attributes: [],
    differentiable: true,
    inside: 0,
  };
}

/** Everything that the graph stores: initializers, and what Constant nodes hold. */
function storedValues(graph: Graph): ReadonlyMap<string, GraphValue> {
  const stored = new Map<string, GraphValue>();
  for (const [name, { dtype, dims }] of graph.initializers) stored.set(name, { name, dtype, dims });
  for (const node of graph.nodes) {
    if (node.opType !== 'Constant') continue;
    const value = node.attributes.get('value');
    for (const name of node.outputs) {
      stored.set(
        name,
        value?.type === 'tensor'
          ? { name, dtype: value.value.dtype, dims: value.value.dims }
          : { name, dtype: null, dims: null },
      );
    }
  }
  return stored;
}

function nodeDescriber(
  model: OnnxModel,
  upgraded: Graph,
  parameters: ReadonlySet<string>,
  stored: ReadonlyMap<string, GraphValue>,
): (node: OnnxNode) => GraphNode {
  const differentiable = differentiability(upgraded);
  const functions = new Map(model.functions.map(each => [`${each.domain}:${each.name}`, each.nodes]));
  return node => {
    const used = [...new Set([...node.inputs, ...capturedValues(node)])].filter(name => name !== '');
    const own = [...nodesOf([node])].length - 1;
    const body = functions.get(`${node.domain}:${node.opType}`);
    return {
      kind: 'operator',
      op: qualified(node),
      name: node.name,
      inputs: used.filter(name => !stored.has(name)),
      outputs: node.outputs.filter(name => name !== ''),
      parameters: used.filter(name => parameters.has(name)),
      constants: used.filter(name => !parameters.has(name)).flatMap(name => stored.get(name) ?? []),
      attributes: [...node.attributes].map(
        ([name, attribute]) => [name, cut(attributeText(attribute))] as const,
      ),
      differentiable: differentiable(node),
      inside: own + (body?.length ?? 0),
    };
  };
}

function attributeText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'int':
    case 'float':
      return String(attribute.value);
    case 'string':
      return JSON.stringify(attribute.value);
    case 'ints':
    case 'floats':
    case 'strings':
      return attribute.value.slice(0, longest).join(', ');
    case 'tensor':
      return `tensor of ${attribute.value.dtype}, ${attribute.value.dims.join(' × ') || 'scalar'}`;
    case 'graph':
      return `graph with ${attribute.value.nodes.length} nodes`;
    case 'tensors':
    case 'graphs':
      return `${attribute.value.length} ${attribute.type}`;
    case 'reference':
      return `that of the function: ${attribute.value}`;
    case 'type':
      return 'a type';
  }
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
