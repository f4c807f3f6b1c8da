// Lets blocked convolutions add and clamp what they have just computed, instead of nodes that read it again.
import type { Attribute, OnnxNode } from '../../onnx/model';
import { sameDims, type GraphBuilder } from '../builder';
import { blockedDomain } from './blocks';

/**
 * Takes an Add of two values of equal dims, and then a Relu, into the convolution before them where nothing else reads
 * the convolution's own result. Values named in `outputs` stay.
 */
export function fuseIntoConvolutions(builder: GraphBuilder, outputs: readonly string[]): void {
  const kept = new Set(outputs);
  const readers = new Map<string, number>();
  for (const node of builder.nodes)
    for (const input of node.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const convolutions = new Map<string, OnnxNode>();
  const gone = new Set<OnnxNode>();
  const fusable = (name: string | undefined): OnnxNode | undefined =>
    name !== undefined && readers.get(name) === 1 && !kept.has(name) ? convolutions.get(name) : undefined;
  const nodes = builder.nodes.splice(0).map(node => {
    const made = fused(builder, node, fusable);
    if (made) gone.add(made.instead);
    const result = made?.node ?? node;
    const open = !result.attributes.has('activation');
    if (result.domain === blockedDomain && result.opType === 'Conv' && open)
      convolutions.set(result.outputs[0] as string, result);
    return result;
  });
  builder.nodes.push(...nodes.filter(node => !gone.has(node)));
}

function fused(
  builder: GraphBuilder,
  node: OnnxNode,
  fusable: (name: string | undefined) => OnnxNode | undefined,
): { node: OnnxNode; instead: OnnxNode } | null {
  if (node.domain !== '') return null;
  const [first, second] = node.inputs;
  if (node.opType === 'Relu') {
    const before = fusable(first);
    if (!before) return null;
    const relu: [string, Attribute] = ['activation', { type: 'string', value: 'Relu' }];
    const attributes = new Map([...before.attributes, relu]);
    return { node: { ...before, outputs: node.outputs, attributes }, instead: before };
  }
  if (node.opType !== 'Add' || first === undefined || second === undefined) return null;
  if (first === second || !sameDims(builder.dims(first), builder.dims(second))) return null;
  for (const [name, other] of [
    [second, first],
    [first, second],
  ] as const) {
    const before = fusable(name);
    if (!before || before.inputs.length > 3) continue;
    const [x, w, bias = ''] = before.inputs as [string, string, string?];
    return { node: { ...before, inputs: [x, w, bias, other], outputs: node.outputs }, instead: before };
  }
  return null;
}
