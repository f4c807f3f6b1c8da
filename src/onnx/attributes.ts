// Reading and changing the attributes of nodes.
import type { Attribute, Graph, OnnxNode } from './model';

/** An integer attribute, or what stands for its absence. */
export function intOf(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'int' ? attribute.value : fallback;
}

/** An integer or float attribute as a number; 0 for any other. */
export function numberOf(attribute: Attribute | undefined): number {
  return attribute?.type === 'int' || attribute?.type === 'float' ? attribute.value : 0;
}

/** A list attribute as numbers; empty for any other. */
export function numbersOf(attribute: Attribute | undefined): readonly number[] {
  return attribute?.type === 'ints' || attribute?.type === 'floats' ? attribute.value : [];
}

/** The node without some attributes. */
export function without(node: OnnxNode, names: readonly string[]): OnnxNode {
  if (!names.some(name => node.attributes.has(name))) return node;
  const attributes = new Map(node.attributes);
  for (const name of names) attributes.delete(name);
  return { ...node, attributes };
}

/** The node with an attribute set. */
export function withAttribute(node: OnnxNode, name: string, value: Attribute): OnnxNode {
  return { ...node, attributes: new Map(node.attributes).set(name, value) };
}

/** The node with an integer attribute set. */
export function withInt(node: OnnxNode, name: string, value: number): OnnxNode {
  return withAttribute(node, name, { type: 'int', value });
}

/** The node with what `change` makes of every graph among its attributes (the branches of If, the bodies of loops). */
export function mapGraphs(node: OnnxNode, change: (graph: Graph) => Graph): OnnxNode {
  if (![...node.attributes.values()].some(({ type }) => type === 'graph')) return node;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes)
    attributes.set(
      name,
      attribute.type === 'graph' ? { type: 'graph', value: change(attribute.value) } : attribute,
    );
  return { ...node, attributes };
}
