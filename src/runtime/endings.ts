// The Softmax, LogSoftmax or Sigmoid that a model ends in, also where reshapes or transposes follow it.
import { finalActivation, type FinalActivation } from '../onnx/finalActivation';
import type { Attribute, Graph, OnnxModel, OnnxNode } from '../onnx/model';

/** What an output ends in, and the values that losses start from. */
export interface Ending extends FinalActivation {
  /**
   * log p in the shape of the output, where nodes that move elements follow a softmax: there the class axis of the
   * logits need not be that of the output.
   */
  readonly logarithms?: string;
}

/** The endings of a model's outputs, and nodes to add to its upgraded graph for those that moves follow. */
export function findEndings(
  model: OnnxModel,
  graph: Graph,
): { endings: Map<string, Ending>; extra: readonly OnnxNode[] } {
  const endings = new Map<string, Ending>();
  const extra: OnnxNode[] = [];
  const producers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output) producers.set(output, node);
  for (const { name } of model.graph.outputs) {
    const ending = finalActivation(model, name) ?? movedEnding(name, producers, extra);
    if (ending) endings.set(name, ending);
  }
  return { endings, extra };
}

/** Operators that only move elements of their first input. */
const moves: readonly string[] = ['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze'];

/** More moves than any exporter writes; a hostile graph may be a circle. */
const mostMoves = 64;

function movedEnding(
  output: string,
  producers: ReadonlyMap<string, OnnxNode>,
  extra: OnnxNode[],
): Ending | undefined {
  const chain: OnnxNode[] = [];
  let node = producers.get(output);
  while (node && chain.length < mostMoves && moves.includes(node.opType) && node.domain === '') {
    chain.unshift(node);
    node = producers.get(node.inputs[0] ?? '');
  }
  const logits = node?.inputs[0];
  if (!node || !logits || node.domain !== '') return undefined;
  // Repeats the moves on another value, under names of its own.
  const moved = (start: string, as: string): string =>
    chain.reduce((value, move, index) => {
      const name = `lethe-ending/${as}/${index}/${output}`;
      extra.push({ ...move, name, inputs: [value, ...move.inputs.slice(1)], outputs: [name] });
      return name;
    }, start);
  if (node.opType === 'Sigmoid') return { kind: 'sigmoid', logits: moved(logits, 'logits'), axis: null };
  if (node.opType !== 'Softmax' && node.opType !== 'LogSoftmax') return undefined;
  const axis = node.attributes.get('axis');
  const along: Attribute = axis?.type === 'int' ? axis : { type: 'int', value: -1 };
  const name = `lethe-ending/log-softmax/${output}`;
  extra.push({
    name,
    opType: 'LogSoftmax',
    domain: '',
    inputs: [logits],
    outputs: [name],
    attributes: new Map([['axis', along]]),
  });
  return {
    kind: node.opType === 'Softmax' ? 'softmax' : 'log-softmax',
    logits: moved(logits, 'logits'),
    logarithms: moved(name, 'logarithms'),
    axis: along.value as number,
  };
}
