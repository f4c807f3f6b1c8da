// Reverse-mode differentiation: appends to a builder the nodes that carry cotangents from outputs to parameters.
import type { OnnxNode } from '../onnx/model';
import { activeValues } from './activity';
import { operandsOf } from './captured';
import { sameDims, type GraphBuilder } from './builder';
import {
  DifferentiationError,
  RuleContext,
  describeNode,
  type OuterFactor,
  type Rule,
  type WindowFactor,
  type TableFactor,
} from './rule';
import { explicitOuter } from './rules/contraction';
import { kernelGradients } from './rules/kernelGradient';
import { explicitTable } from './rules/lookup';
import { differentiableInputs, ruleOf } from './table';

/** What backward passes start from. The builder holds the forward nodes already, with all dims declared. */
export interface BackwardRequest {
  readonly builder: GraphBuilder;
  /** The forward nodes, in topological order. */
  readonly nodes: readonly OnnxNode[];
  /** The cotangent of each output that has one. */
  readonly seeds: ReadonlyMap<string, string>;
  /** The values whose gradients are wanted. */
  readonly targets: readonly string[];
}

/**
 * Appends the backward pass, and returns the gradient of each target (none where no gradient reaches it).
 * Throws a DifferentiationError that names an operator without a rule, its node and the parameter behind it.
 */
export function appendBackward(request: BackwardRequest): Map<string, string> {
  const { builder, nodes, targets } = request;
  const active = activeValues(nodes, targets);
  const cotangents = seedLists(request.seeds);
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as OnnxNode;
    const step = reached(node, cotangents, active, nodes, targets);
    if (!step) continue;
    const c = new RuleContext(builder, node, step.wanted);
    const found = step.rule.vjp(c, totals(builder, node, cotangents));
    node.inputs.forEach((input, index) => {
      const value = found[index];
      if (step.wanted[index] && value !== undefined) append(cotangents, input, value);
    });
  }
  return new Map(
    targets
      .filter(name => cotangents.has(name))
      .map(name => [name, builder.total(cotangents.get(name) as string[])]),
  );
}

/** The gradient of a parameter for every sample: as a value [samples, …dims] or as factors. */
export type PerSampleGradient =
  | { readonly kind: 'explicit'; readonly value: string }
  | { readonly kind: 'outer'; readonly factor: OuterFactor }
  | { readonly kind: 'windows'; readonly factor: WindowFactor }
  | { readonly kind: 'table'; readonly factor: TableFactor };

/** What a per-sample backward pass found. */
export interface PerSampleGradients {
  readonly gradients: ReadonlyMap<string, PerSampleGradient>;
  /** Targets whose use mixes samples or has no per-sample rule: run those one sample at a time. */
  readonly remaining: readonly string[];
}

/** Facts that a per-sample pass needs about values. */
export interface BatchFacts {
  readonly samples: number;
  /** How many gradients there are in all, where the samples are a part of them: what factors are weighed by. */
  readonly columns?: number;
  /** Values that depend on the data; all others are the same for every sample. */
  readonly dependsOnData: ReadonlySet<string>;
  /** Whether axis 0 of a value is the batch and no other axis grows with it. */
  batchFirst(name: string): boolean;
}

/**
 * The backward pass with one gradient a sample. Values on the way keep the batch on axis 0; where a parameter
 * meets them, the sum over the batch is left out. Parameters may go through transposes and reshapes before use.
 */
export function appendPerSampleBackward(
  request: BackwardRequest & { readonly facts: BatchFacts; readonly factors: boolean },
): PerSampleGradients {
  const { builder, nodes, targets, facts } = request;
  const active = activeValues(nodes, targets);
  const cotangents = seedLists(request.seeds);
  const parts = new Map<string, PerSampleGradient[]>();
  const failed = new Set<string>();
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as OnnxNode;
    if (!node.outputs.some(output => facts.dependsOnData.has(output))) {
      passThrough(builder, node, active, parts, failed);
      continue;
    }
    const step = reached(node, cotangents, active, nodes, targets);
    if (!step) continue;
    const perSample = node.inputs.map(
      (input, index) => step.wanted[index] === true && !facts.dependsOnData.has(input),
    );
    const incoming = totals(builder, node, cotangents);
    const aligned = node.outputs.every(
      (output, index) => incoming[index] === undefined || facts.batchFirst(output),
    );
    const wanted = step.wanted.map((wants, index) => wants && (!perSample[index] || aligned));
    const c = new RuleContext(builder, node, wanted, perSample);
    node.inputs.forEach((input, index) => {
      if (perSample[index] && !aligned) failed.add(input);
    });
    const outer = node.inputs.map((_, index) =>
      request.factors && perSample[index] && wanted[index] && incoming[0]
        ? step.rule.outer?.(c, index, incoming[0], facts.columns ?? facts.samples)
        : undefined,
    );
    const rest = wanted.map((wants, index) => wants && !outer[index]);
    const found = rest.includes(true)
      ? step.rule.vjp(new RuleContext(builder, node, rest, perSample), incoming)
      : [];
    node.inputs.forEach((input, index) => {
      if (!wanted[index]) return;
      const [factor, value] = [outer[index], found[index]];
      if (!perSample[index]) {
        if (value !== undefined) append(cotangents, input, value);
      } else if (factor) append(parts, input, ofFactor(factor));
      else if (value === undefined || !sameDims(builder.dims(value), [facts.samples, ...builder.dims(input)]))
        failed.add(input);
      else append(parts, input, { kind: 'explicit', value });
    });
  }
  const gradients = new Map<string, PerSampleGradient>();
  for (const target of targets) {
    const found = parts.get(target);
    if (found && !failed.has(target)) gradients.set(target, merge(builder, target, found));
  }
  // A target that no gradient reaches has none at all; one that failed somewhere is left to the caller.
  return { gradients, remaining: targets.filter(target => failed.has(target)) };
}

function ofFactor(factor: OuterFactor | WindowFactor | TableFactor): PerSampleGradient {
  if ('windows' in factor) return { kind: 'windows', factor };
  return 'ids' in factor ? { kind: 'table', factor } : { kind: 'outer', factor };
}

/** Several uses of one value add up: picks of a table side by side, other factors as gradients. */
function merge(builder: GraphBuilder, name: string, parts: readonly PerSampleGradient[]): PerSampleGradient {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const tables = parts.flatMap(part => (part.kind === 'table' ? [part.factor] : []));
  const [first] = tables;
  if (first && tables.length === parts.length) {
    const joined = (side: 'ids' | 'rows'): string =>
      builder.concat(
        tables.map(table => table[side]),
        1,
      );
    return { kind: 'table', factor: { ids: joined('ids'), rows: joined('rows'), size: first.size } };
  }
  return { kind: 'explicit', value: builder.total(parts.map(part => explicitValue(builder, name, part))) };
}

/** A per-sample gradient as a value [samples, …dims of the parameter]. */
export function explicitValue(builder: GraphBuilder, name: string, gradient: PerSampleGradient): string {
  if (gradient.kind === 'explicit') return gradient.value;
  if (gradient.kind === 'windows') {
    const { x, dy, windows } = gradient.factor;
    const each = kernelGradients(builder, x, dy, windows, 1);
    return builder.reshape(each, [builder.dims(x)[0] as number, ...builder.dims(name)]);
  }
  if (gradient.kind === 'table') {
    const samples = builder.dims(gradient.factor.rows)[0] as number;
    return builder.reshape(explicitTable(builder, gradient.factor), [samples, ...builder.dims(name)]);
  }
  const samples = builder.dims(gradient.factor.left)[0] as number;
  return builder.reshape(explicitOuter(builder, gradient.factor), [samples, ...builder.dims(name)]);
}

/** Takes per-sample gradients through a node that moves a parameter's elements before any data meets them. */
function passThrough(
  builder: GraphBuilder,
  node: OnnxNode,
  active: ReadonlySet<string>,
  parts: Map<string, PerSampleGradient[]>,
  failed: Set<string>,
): void {
  const [input, output] = [node.inputs[0], node.outputs[0]];
  const touched = node.outputs.some(name => parts.has(name) || failed.has(name));
  if (!touched) return;
  const sources = node.inputs.filter(name => active.has(name));
  const found = output === undefined ? undefined : parts.get(output);
  const moves = ['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze', 'Cast'].includes(
    node.opType,
  );
  if (!moves || !input || output === undefined || node.outputs.some(name => failed.has(name)) || !found) {
    for (const source of sources) failed.add(source);
    return;
  }
  if (!active.has(input)) return;
  const gradient = merge(builder, output, found);
  append(
    parts,
    input,
    node.opType === 'Transpose' ? untranspose(builder, node, gradient) : reshaped(builder, node, gradient),
  );
}

function reshaped(builder: GraphBuilder, node: OnnxNode, gradient: PerSampleGradient): PerSampleGradient {
  if (gradient.kind !== 'explicit') return gradient;
  const samples = builder.dims(gradient.value)[0] as number;
  const dims = [samples, ...builder.dims(node.inputs[0] as string)];
  return { kind: 'explicit', value: builder.reshape(gradient.value, dims) };
}

function untranspose(builder: GraphBuilder, node: OnnxNode, gradient: PerSampleGradient): PerSampleGradient {
  const [from, to] = [builder.dims(node.inputs[0] as string), builder.dims(node.outputs[0] as string)];
  const attribute = node.attributes.get('perm');
  const perm = attribute?.type === 'ints' ? attribute.value : from.map((_, axis) => from.length - 1 - axis);
  if (gradient.kind === 'outer' && from.length === 2 && perm[0] === 1) {
    const { left, right } = gradient.factor;
    const matrix = [builder.dims(left)[2] as number, builder.dims(right)[2] as number];
    if (sameDims(matrix, to)) return { kind: 'outer', factor: { left: right, right: left } };
  }
  const inverse = perm.map((_, axis) => perm.indexOf(axis) + 1);
  const value = explicitValue(builder, node.outputs[0] as string, gradient);
  return { kind: 'explicit', value: builder.transpose(value, [0, ...inverse]) };
}

interface Step {
  readonly rule: Rule;
  readonly wanted: boolean[];
}

/** The rule of a node and which inputs want cotangents; undefined where no cotangent arrives or none is wanted. */
function reached(
  node: OnnxNode,
  cotangents: ReadonlyMap<string, string[]>,
  active: ReadonlySet<string>,
  nodes: readonly OnnxNode[],
  targets: readonly string[],
): Step | undefined {
  if (!node.outputs.some(output => cotangents.has(output))) return undefined;
  const operands = operandsOf(node);
  if (!operands.some(operand => active.has(operand))) return undefined;
  const rule = ruleOf(node);
  if (!rule) {
    const parameter = targets.find(target => {
      const behind = activeValues(nodes, [target]);
      return operands.some(operand => behind.has(operand));
    });
    throw new DifferentiationError(
      `${describeNode(node)} has no gradient rule, and the parameter ${parameter ?? targets[0]} reaches the loss ` +
        'through it. Freeze the parameters before it with "parameters": { "freeze": […] }.',
    );
  }
  requireFirstOutput(node, name => cotangents.has(name));
  const wanted = node.inputs.map(() => false);
  for (const index of differentiableInputs(node, rule))
    wanted[index] = active.has(node.inputs[index] as string);
  return wanted.includes(true) ? { rule, wanted } : undefined;
}

/** Throws a DifferentiationError when what flows through a node does so by an output that its rule leaves out. */
export function requireFirstOutput(node: OnnxNode, carries: (name: string) => boolean): void {
  // Split has a rule for every output; the second outputs of the others are integers.
  if (['Split', 'MaxPool', 'TopK'].includes(node.opType)) return;
  const other = node.outputs.findIndex((name, index) => index > 0 && name !== '' && carries(name));
  if (other > 0)
    throw new DifferentiationError(
      `${describeNode(node)} passes a gradient on by its output ${node.outputs[other]} (number ${other + 1}), which has no ` +
        'gradient rule. Freeze the parameters before it with "parameters": { "freeze": […] }.',
    );
}

function totals(
  builder: GraphBuilder,
  node: OnnxNode,
  cotangents: Map<string, string[]>,
): (string | undefined)[] {
  return node.outputs.map(output => {
    const list = cotangents.get(output);
    if (!list) return undefined;
    const total = builder.total(list);
    cotangents.set(output, [total]);
    return total;
  });
}

function seedLists(seeds: ReadonlyMap<string, string>): Map<string, string[]> {
  return new Map([...seeds].map(([name, seed]) => [name, [seed]]));
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
