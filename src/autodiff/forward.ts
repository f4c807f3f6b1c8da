// Forward-mode differentiation: appends to a builder the nodes that carry tangents from parameters to outputs.
import type { OnnxNode } from '../onnx/model';
import type { GraphBuilder } from './builder';
import { operandsOf } from './captured';
import { DifferentiationError, RuleContext, describeNode } from './rule';
import { differentiableInputs, ruleOf } from './table';

/**
 * Appends the forward products Jv, and returns the tangent of each output (undefined where it is zero).
 * `seeds` gives the tangent of each parameter. Throws a DifferentiationError for an operator without a rule.
 */
export function appendForward(
  builder: GraphBuilder,
  nodes: readonly OnnxNode[],
  seeds: ReadonlyMap<string, string>,
  outputs: readonly string[],
): Map<string, string | undefined> {
  const tangents = new Map<string, string>(seeds);
  for (const node of nodes) {
    if (!operandsOf(node).some(operand => tangents.has(operand))) continue;
    const rule = ruleOf(node);
    if (!rule)
      throw new DifferentiationError(
        `${describeNode(node)} has no gradient rule, and a parameter reaches it. ` +
          'Freeze the parameters before it with "parameters": { "freeze": […] }.',
      );
    const flows = differentiableInputs(node, rule);
    const incoming = node.inputs.map((input, index) =>
      flows.includes(index) ? tangents.get(input) : undefined,
    );
    if (incoming.every(tangent => tangent === undefined)) continue;
    const found = rule.jvp(new RuleContext(builder, node, []), incoming);
    node.outputs.forEach((output, index) => {
      const tangent = found[index];
      if (tangent !== undefined) tangents.set(output, tangent);
    });
  }
  return new Map(outputs.map(output => [output, tangents.get(output)]));
}
