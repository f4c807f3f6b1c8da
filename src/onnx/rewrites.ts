// Operators that are written in others when a graph is upgraded: forms that ONNX Runtime or the rules do not have.
import { float32, type Tensor } from '../tensor/tensor';
import { intOf, numberOf, numbersOf, withInt, without } from './attributes';
import type { Attribute, OnnxNode } from './model';

/** Where a rewritten node gets names and constants from. */
export interface Rewriter {
  fresh(node: OnnxNode, hint: string): string;
  store(node: OnnxNode, hint: string, tensor: Tensor): string;
  number(node: OnnxNode, hint: string, value: number): string;
  ints(node: OnnxNode, hint: string, values: readonly number[]): string;
}

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** Collects the nodes that stand for one. Errors name them as the original. */
class Writer {
  readonly nodes: OnnxNode[] = [];

  constructor(
    private readonly home: Rewriter,
    private readonly node: OnnxNode,
  ) {}

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const name = output ?? this.home.fresh(this.node, opType);
    this.nodes.push({
      // Names of nodes are unique in a graph; errors show the original one.
      name: `${this.node.name || this.node.opType}/${name}`,
      opType,
      domain: '',
      inputs,
      outputs: [name],
      attributes: new Map(
        Object.entries(attributes).map(([key, value]): [string, Attribute] => [
          key,
          typeof value === 'number' ? { type: 'int', value } : { type: 'ints', value },
        ]),
      ),
    });
    return name;
  }

  number(hint: string, value: number): string {
    return this.home.number(this.node, hint, value);
  }

  ints(hint: string, values: readonly number[]): string {
    return this.home.ints(this.node, hint, values);
  }
}

/** GroupNormalization had one scale and bias a group before opset 21: they are repeated for every channel. */
export function groupScales(home: Rewriter, node: OnnxNode): OnnxNode[] {
  const w = new Writer(home, node);
  const groups = intOf(node, 'num_groups', 1);
  const [x = '', scale = '', bias = ''] = node.inputs;
  const channels = w.op('Shape', [x], { start: 1, end: 2 });
  const repeats = w.op('Div', [channels, w.ints('groups', [groups])]);
  const dims = w.op('Concat', [w.ints('rows', [groups]), repeats], { axis: 0 });
  const perChannel = (value: string): string => {
    const column = w.op('Reshape', [value, w.ints('column', [groups, 1])]);
    return w.op('Reshape', [w.op('Expand', [column, dims]), w.ints('flat', [-1])]);
  };
  const inputs = [x, perChannel(scale), perChannel(bias)];
  return [...w.nodes, { ...node, inputs }];
}

/** Mean and inverse deviation of a LayerNormalization as values of their own, where the graph uses them. */
export function layerStatistics(home: Rewriter, node: OnnxNode, scaleRank: number | null): OnnxNode[] {
  const [y = '', mean, inverse] = node.outputs;
  const axes = lastAxes(node, scaleRank);
  if ((!mean && !inverse) || axes === null) return [node];
  const w = new Writer(home, node);
  const list = w.ints('axes', axes);
  const average = w.op('ReduceMean', [node.inputs[0] ?? '', list], { keepdims: 1 }, mean || undefined);
  if (inverse) {
    const shifted = w.op('Sub', [node.inputs[0] ?? '', average]);
    const variance = w.op('ReduceMean', [w.op('Mul', [shifted, shifted]), list], { keepdims: 1 });
    const widened = w.op('Add', [variance, w.number('epsilon', epsilonOf(node))]);
    w.op('Reciprocal', [w.op('Sqrt', [widened])], {}, inverse);
  }
  return [{ ...node, outputs: [y] }, ...w.nodes];
}

/** RMSNormalization: x / √(mean x² + ε) · scale. */
export function rmsNormalization(home: Rewriter, node: OnnxNode, scaleRank: number | null): OnnxNode[] {
  const axes = lastAxes(node, scaleRank);
  if (axes === null) return [node];
  const w = new Writer(home, node);
  const [x = '', scale = ''] = node.inputs;
  const square = w.op('ReduceMean', [w.op('Mul', [x, x]), w.ints('axes', axes)], { keepdims: 1 });
  const root = w.op('Sqrt', [w.op('Add', [square, w.number('epsilon', epsilonOf(node))])]);
  w.op('Mul', [w.op('Div', [x, root]), scale], {}, node.outputs[0]);
  return w.nodes;
}

/** The axes from `axis` to the last, counted from the back; null where neither attribute nor scale tells. */
function lastAxes(node: OnnxNode, scaleRank: number | null): number[] | null {
  const axis = intOf(node, 'axis', -1);
  const count = axis < 0 ? -axis : scaleRank;
  return count === null ? null : Array.from({ length: count }, (_, index) => index - count);
}

function epsilonOf(node: OnnxNode): number {
  return node.attributes.has('epsilon') ? numberOf(node.attributes.get('epsilon')) : Math.fround(1e-5);
}

/** Before opset 13, Softmax and its kin flattened their input to two axes at `axis` (default 1). */
export function flatSoftmax(home: Rewriter, node: OnnxNode): OnnxNode[] {
  const axis = intOf(node, 'axis', 1);
  const [x = '', y = ''] = [node.inputs[0], node.outputs[0]];
  if (axis === -1) return [withInt(node, 'axis', -1)];
  const w = new Writer(home, node);
  const shape = w.op('Shape', [x]);
  const flat = w.op('Flatten', [x], { axis });
  w.op('Reshape', [w.op(node.opType, [flat], { axis: 1 }), shape], {}, y);
  return w.nodes;
}

/** Swish: x · σ(αx). */
export function swish(home: Rewriter, node: OnnxNode): OnnxNode[] {
  const w = new Writer(home, node);
  const x = node.inputs[0] ?? '';
  const alpha = node.attributes.has('alpha') ? numberOf(node.attributes.get('alpha')) : 1;
  const scaled = alpha === 1 ? x : w.op('Mul', [x, w.number('alpha', alpha)]);
  w.op('Mul', [x, w.op('Sigmoid', [scaled])], {}, node.outputs[0]);
  return w.nodes;
}

/** GlobalLpPool: the p-norm over all spatial axes; ONNX Runtime has it for older opsets only. */
export function globalLpPool(home: Rewriter, node: OnnxNode): OnnxNode[] {
  const w = new Writer(home, node);
  const x = node.inputs[0] ?? '';
  const p = node.attributes.has('p') ? numberOf(node.attributes.get('p')) : 2;
  const flat = w.op('Reshape', [x, w.ints('flat', [0, 0, -1])]);
  const axes = w.ints('axes', [2]);
  let norm: string;
  if (p === 1) norm = w.op('ReduceL1', [flat, axes], { keepdims: 0 });
  else if (p === 2) norm = w.op('ReduceL2', [flat, axes], { keepdims: 0 });
  else {
    const powers = w.op('Pow', [w.op('Abs', [flat]), w.number('p', p)]);
    const sum = w.op('ReduceSum', [powers, axes], { keepdims: 0 });
    norm = w.op('Pow', [sum, w.number('root', 1 / p)]);
  }
  const spatial = w.op('Shape', [x], { start: 2 });
  const ones = w.op('Div', [spatial, spatial]);
  const dims = w.op('Concat', [w.op('Shape', [x], { start: 0, end: 2 }), ones], { axis: 0 });
  w.op('Reshape', [norm, dims], {}, node.outputs[0]);
  return w.nodes;
}

/** Recurrent layers with the batch on the first axis (layout 1), which ONNX Runtime does not run: transposed around. */
export function batchLast(home: Rewriter, node: OnnxNode): OnnxNode[] {
  if (intOf(node, 'layout', 0) !== 1) return [node];
  const before = new Writer(home, node);
  const after = new Writer(home, node);
  const inputs = node.inputs.map((name, index) =>
    name && [0, 5, 6].includes(index) ? before.op('Transpose', [name], { perm: [1, 0, 2] }) : name,
  );
  const outputs = node.outputs.map((name, index) => {
    if (!name) return name;
    const own = home.fresh(node, 'time-first');
    after.op('Transpose', [own], { perm: index === 0 ? [2, 0, 1, 3] : [1, 0, 2] }, name);
    return own;
  });
  return [...before.nodes, { ...without(node, ['layout']), inputs, outputs }, ...after.nodes];
}

/** Upsample, and Resize before opset 11, became Resize with asymmetric coordinates. */
export function upsample(home: Rewriter, node: OnnxNode): OnnxNode {
  const attribute = node.attributes.get('scales');
  const scales = attribute
    ? home.store(node, 'scales', float32([numbersOf(attribute).length], numbersOf(attribute)))
    : (node.inputs[1] ?? '');
  const mode = node.attributes.get('mode') ?? { type: 'string', value: 'nearest' };
  return {
    ...node,
    opType: 'Resize',
    inputs: [node.inputs[0] ?? '', '', scales],
    attributes: new Map<string, Attribute>([
      ['mode', mode],
      ['coordinate_transformation_mode', { type: 'string', value: 'asymmetric' }],
      ['nearest_mode', { type: 'string', value: 'floor' }],
    ]),
  };
}
