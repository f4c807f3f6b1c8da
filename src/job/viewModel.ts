// What an editor shows of a model file at once: everything but the tensors' elements.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ruleOf } from '../autodiff/table';
import type { Graph, OnnxModel, OnnxNode } from '../onnx/model';
import type { OpenedModel } from '../onnx/openedModel';
import { openModel } from '../tfjs/openModel';
import { upgradeGraph } from '../onnx/upgrade';
import type { ModelOverview } from '../shared/viewerProtocol';
import { describeModel } from './inspect';

/** Describes a model file; reads no tensor payload. Throws a ModelError. */
export function overviewOf(path: string): ModelOverview {
  const model = openModel(path);
  const upgraded = upgradeGraph(model).graph;
  const described = describeModel(model, upgraded, false);
  const { reason } = described.computed;
  const sizes = new Map(model.stamps.map(({ file, size }) => [file, size]));
  return {
    ...described,
    path: model.path,
    bytes: sizes.get(model.path) ?? 0,
    externalFiles: model.externalFiles.map(file => ({ path: file, bytes: sizes.get(file) ?? 0 })),
    warnings: reason === null ? model.warnings : [...model.warnings, reason],
    metadata: [...model.metadata],
    operators: model.operators ? countLayers(model, upgraded) : countOperators(model, upgraded),
    stamp: modelStamp(model),
  };
}

/** A text that changes whenever the model's files do: over their names, sizes and times of change. */
export function modelStamp(model: OnnxModel): string {
  const files = model.stamps.map(({ file, size, modified }) => [basename(file), size, modified]);
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 32);
}

/** The layers or operators of a TensorFlow.js model. */
function countLayers(model: OpenedModel, upgraded: Graph): ModelOverview['operators'] {
  const missing = new Set(model.untranslated.map(({ op }) => op));
  // What a layer is translated to may hold an operator without a rule; then none of the layers can be vouched for.
  const all = [...nodesOf(upgraded.nodes)].every(node => ruleOf(node) !== undefined);
  return [...model.operators!]
    .map(([op, count]) => ({ op, count, differentiable: !missing.has(op) && (all || missing.size > 0) }))
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
}

/**
 * Says of operators of the file whether they can be differentiated. One without a rule of its own can all the same when
 * bringing the graph to the internal opset replaces it.
 */
export function differentiability(upgraded: Graph): (node: OnnxNode) => boolean {
  const left = new Set([...nodesOf(upgraded.nodes)].map(qualified));
  return node => ruleOf(node) !== undefined || !left.has(qualified(node));
}

/** All operators of the file, those of sub-graphs and functions included. */
function countOperators(model: OnnxModel, upgraded: Graph): ModelOverview['operators'] {
  const differentiable = differentiability(upgraded);
  const found = new Map<string, { count: number; differentiable: boolean }>();
  const functions = model.functions.map(({ nodes }) => nodes);
  for (const node of [model.graph.nodes, ...functions].flatMap(nodes => [...nodesOf(nodes)])) {
    const op = qualified(node);
    const entry = found.get(op);
    if (entry) entry.count++;
    else found.set(op, { count: 1, differentiable: differentiable(node) });
  }
  return [...found]
    .map(([op, entry]) => ({ op, ...entry }))
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
}

/** Nodes and those of their sub-graphs. */
export function* nodesOf(nodes: readonly OnnxNode[]): Generator<OnnxNode> {
  for (const node of nodes) {
    yield node;
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'graph') yield* nodesOf(attribute.value.nodes);
      if (attribute.type === 'graphs') for (const graph of attribute.value) yield* nodesOf(graph.nodes);
    }
  }
}

/** An operator's type, with its domain where that is not the standard one. */
export function qualified({ domain, opType }: OnnxNode): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
}
