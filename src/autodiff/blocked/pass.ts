// Takes a finished graph over to ONNX Runtime's blocked layout where that is faster: convolutions, their gradients,
// pooling, and what lies between them. Everything else stays as it is; layouts change where the two meet.
import type { OnnxNode } from '../../onnx/model';
import { elementCount } from '../../tensor/tensor';
import { sameDims, type GraphBuilder, type Meaning } from '../builder';
import { operandsOf } from '../captured';
import { RuleContext } from '../rule';
import { windowsOf } from '../rules/window';
import { Blocks } from './blocks';
import { fuseIntoConvolutions } from './fuse';
import { Filters, convolve, inputGradient } from './convolution';
import { kernelGradient, kernelGradientPieces, kernelGradients } from './kernelGradient';
import { averagePool, maxPool, tileGradient } from './pooling';

/** Gradients of a kernel [M, C, …] that come as one value a block of input channels (`kernelGradientPieces`). */
export interface Pieces {
  readonly values: readonly string[];
  /** Channels in a block. */
  readonly size: number;
}

/**
 * Rewrites the builder's nodes for blocks of `size` channels; the values named in `outputs` keep their layout. Nodes
 * that nothing needs any more are left out. Of the outputs named in `divisible`, kernel gradients of every sample may come
 * in pieces instead, which the result tells.
 */
export function useBlockedLayout(
  builder: GraphBuilder,
  size: number,
  outputs: readonly string[],
  divisible: readonly string[] = [],
): Map<string, Pieces> {
  removeDeadNodes(builder, outputs);
  const nodes = builder.nodes.splice(0);
  const read = new Set(nodes.flatMap(operandsOf));
  const pass = new Pass(builder, size, new Set(divisible.filter(name => !read.has(name))));
  for (const node of nodes) pass.take(node);
  const made = outputs.flatMap(name => pass.pieces.get(name)?.values ?? [name]);
  for (const name of made) pass.blocks.plain(name);
  removeDeadNodes(builder, made);
  fuseIntoConvolutions(builder, made);
  return pass.pieces;
}

class Pass {
  readonly blocks: Blocks;
  readonly pieces = new Map<string, Pieces>();
  private readonly filters: Filters;

  constructor(
    private readonly b: GraphBuilder,
    size: number,
    private readonly divisible: ReadonlySet<string>,
  ) {
    this.blocks = new Blocks(b, size);
    this.filters = new Filters(this.blocks);
  }

  /** Adds a node in the layout that suits it. */
  take(node: OnnxNode): void {
    const [output] = node.outputs;
    if (output === undefined) return;
    const meaning = this.b.meanings.get(output);
    if (meaning && this.takeMeaning(output, meaning)) return;
    const twin = node.domain === '' ? this.twinOf(node) : null;
    if (twin !== null) {
      this.blocks.define(output, twin);
      return;
    }
    for (const input of operandsOf(node)) if (input) this.blocks.plain(input);
    this.b.push(node);
  }

  /** Computes a value from what it is rather than from its node; false where that is not possible. */
  private takeMeaning(output: string, meaning: Meaning): boolean {
    const k = this.blocks;
    if (meaning.kind === 'channelsLast') return k.has(meaning.x) && this.channelsLast(output, meaning.x);
    if (meaning.kind === 'kernelGradient' || meaning.kind === 'kernelGradients') {
      const { x, dy, windows, group } = meaning;
      if (meaning.kind === 'kernelGradient')
        return this.alias(output, kernelGradient(k, x, dy, windows, group, this.b.dims(output)));
      const dims = [this.b.dims(dy)[1]!, this.b.dims(x)[1]! / group, ...windows.kernel];
      const pieces = this.divisible.has(output) ? kernelGradientPieces(k, x, dy, windows, group, dims) : null;
      if (pieces) this.pieces.set(output, { values: pieces, size: k.size });
      return pieces !== null || this.alias(output, kernelGradients(k, x, dy, windows, group, dims));
    }
    const twin =
      meaning.kind === 'inputGradient'
        ? inputGradient(k, this.filters, meaning.dy, meaning.kernel, meaning.windows, meaning.group)
        : tileGradient(k, meaning.x, meaning.y, meaning.dy, meaning.windows);
    if (twin !== null) k.define(output, twin);
    return twin !== null;
  }

  /** Gives a value another name; false where there is none. */
  private alias(output: string, value: string | null): boolean {
    if (value === null) return false;
    this.b.push({
      name: `${output}/alias`,
      opType: 'Identity',
      domain: '',
      inputs: [this.b.reshape(value, this.b.dims(output))],
      outputs: [output],
      attributes: new Map(),
    });
    return true;
  }

  /** [N, C/B, positions, B] in memory becomes [N, positions, C]. */
  private channelsLast(output: string, x: string): boolean {
    const { b, blocks } = this;
    const [samples, channels, ...spatial] = b.dims(blocks.blocked(x)) as [number, number, ...number[]];
    const positions = elementCount(spatial);
    const split = b.reshape(blocks.blocked(x), [samples, channels / blocks.size, positions, blocks.size]);
    const last = b.reshape(b.transpose(split, [0, 2, 1, 3]), [samples, positions, channels]);
    return this.alias(output, b.slice(last, [2], [0], [b.dims(output)[2]!]));
  }

  /** The blocked result of a node, or null where it is better computed as it is. */
  private twinOf(node: OnnxNode): string | null {
    const k = this.blocks;
    const dims = this.b.hasDims(node.outputs[0] as string) ? this.b.dims(node.outputs[0] as string) : [];
    if (dims.length !== 4 || dims.includes(0)) return null;
    const [x] = node.inputs as [string];
    const c = new RuleContext(this.b, node, []);
    switch (node.opType) {
      case 'Conv': {
        const [, kernel, bias] = node.inputs as [string, string, string | undefined];
        const w = windowsOf(c, this.b.dims(kernel).slice(2));
        return convolve(k, this.filters, x, kernel, bias || undefined, w, c.int('group', 1));
      }
      case 'MaxPool':
        return k.has(x) && node.outputs.length === 1 ? maxPool(k, c) : null;
      case 'AveragePool':
        return k.has(x) ? averagePool(k, c) : null;
      case 'GlobalAveragePool':
        return k.has(x) ? k.op('GlobalAveragePool', [k.blocked(x)], this.twinDims(dims), {}) : null;
      case 'ReduceSum':
        return k.has(x) ? this.sum(c) : null;
      default:
        return elementwise.has(node.opType) ? this.elementwise(node, dims) : null;
    }
  }

  private twinDims(dims: readonly number[]): number[] {
    return dims.map((dim, axis) => (axis === 1 ? this.blocks.padded(dim) : dim));
  }

  /** Sums over the samples, or over both spatial axes. */
  private sum(c: RuleContext): string | null {
    const axes = c.knownInts(1) ?? [];
    const twin = this.blocks.blocked(c.in(0));
    const [samples, channels, height, width] = this.b.dims(twin) as [number, number, number, number];
    if (c.int('keepdims', 1) !== 1) return null;
    if (sameDims(axes, [0])) return this.b.sum(twin, [0], true);
    if (!sameDims(axes, [2, 3])) return null;
    const { size } = this.blocks;
    const view = this.b.reshape(twin, [samples, channels / size, height * width, size]);
    return this.b.reshape(this.b.sum(view, [2], true), [samples, channels, 1, 1]);
  }

  /** An elementwise operator of which an operand is blocked already: the others join it. */
  private elementwise(node: OnnxNode, dims: readonly number[]): string | null {
    const [samples, channels, height, width] = dims as [number, number, number, number];
    const k = this.blocks;
    if (channels % 4 !== 0) return null;
    const whole = channels % k.size === 0;
    if (!whole && !zeroSafe.has(node.opType)) return null;
    const inputs = node.inputs.filter(input => input);
    const roles = inputs.map(input => this.role(input, dims));
    if (roles.includes(null)) return null;
    if (!inputs.some((input, index) => roles[index] === 'full' && k.has(input))) return null;
    const byChannel = roles.includes('channel');
    if (byChannel && !whole) return null;
    const view = [samples, channels / k.size, height * width, k.size];
    const operands = node.inputs.map(input => {
      if (!input) return input;
      const role = this.role(input, dims);
      if (role === 'full') return byChannel ? this.b.reshape(k.blocked(input), view) : k.blocked(input);
      if (role === 'scalar') return k.plain(input);
      return this.b.reshape(k.plain(input), [channels / k.size, 1, k.size]);
    });
    const result = this.twinDims(dims);
    const name = this.b.fresh(node.opType);
    this.b.push({ ...node, name, inputs: operands, outputs: [name] });
    this.b.declare(name, byChannel ? view : result);
    return this.b.reshape(name, result);
  }

  /** How an operand takes part in an elementwise operator with results of `dims`. */
  private role(input: string, dims: readonly number[]): 'full' | 'scalar' | 'channel' | null {
    if (!this.b.hasDims(input)) return null;
    const own = this.b.dims(input);
    if (sameDims(own, dims)) return 'full';
    if (elementCount(own) === 1) return 'scalar';
    const wide = [...dims.slice(own.length).map(() => 1), ...own];
    return own.length >= 3 && own.length <= 4 && sameDims(wide, [1, dims[1]!, 1, 1]) ? 'channel' : null;
  }
}

/** Operators that give 0 for zeros, or something finite that later filters of zeros take back. */
const zeroSafe = new Set([
  ...[
    'Abs',
    'Add',
    'Clip',
    'Elu',
    'Erf',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'LeakyRelu',
    'Max',
    'Min',
    'Mul',
  ],
  ...['Neg', 'Relu', 'Sigmoid', 'Sign', 'Softplus', 'Sub', 'Sum', 'Tanh'],
]);

/** Operators that treat every element alike, whatever its place. */
const elementwise = new Set([...zeroSafe, 'Div', 'Exp', 'Log', 'Pow', 'Reciprocal', 'Sqrt']);

/** Takes out the nodes that no output depends on. */
function removeDeadNodes(builder: GraphBuilder, outputs: readonly string[]): void {
  const needed = new Set(outputs);
  const kept: OnnxNode[] = [];
  for (const node of builder.nodes.splice(0).reverse()) {
    if (!node.outputs.some(output => needed.has(output))) continue;
    for (const input of operandsOf(node)) needed.add(input);
    kept.push(node);
  }
  builder.nodes.push(...kept.reverse());
}
