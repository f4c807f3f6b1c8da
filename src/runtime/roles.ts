// What each trainable parameter does in its graph: a weight of so many incoming values, a bias, the scale of a norm.
import { intOf } from '../onnx/attributes';
import type { OnnxNode } from '../onnx/model';
import { elementCount, toFloat64, type Tensor } from '../tensor/tensor';
import type { GraphModel } from './graphModel';

/** The use of a parameter, as far as its random initialisation depends on it. */
export type ParameterRole =
  /** Multiplies `fanIn` values into each of its outputs; `gain` belongs to the activation that follows. */
  | { readonly kind: 'weight'; readonly fanIn: number; readonly gain: number }
  /** Added to what a weight of `fanIn` values gives (0 where that is unknown). */
  | { readonly kind: 'bias'; readonly fanIn: number }
  | { readonly kind: 'scale' }
  | { readonly kind: 'embedding' }
  | { readonly kind: 'slope' }
  | { readonly kind: 'recurrent'; readonly hidden: number }
  /** Scale and shift of a batch normalisation whose stored mean and variance are frozen. */
  | { readonly kind: 'frozen-scale'; readonly variance: Float64Array; readonly epsilon: number }
  | { readonly kind: 'frozen-shift'; readonly mean: Float64Array }
  | { readonly kind: 'other' };

/** A trainable parameter with its role. */
export interface RoleOfParameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly role: ParameterRole;
}

/** Operators that hand their first input on, moved or renamed only. */
const moves = new Set(['Transpose', 'Reshape', 'Cast', 'Identity', 'Unsqueeze', 'Squeeze', 'Flatten']);

/** Operators that stand between a weight and the activation that follows it. */
const between = new Set([
  ...moves,
  ...['Add', 'Sub', 'Div', 'Mul', 'BatchNormalization', 'LayerNormalization', 'GroupNormalization'],
  ...['InstanceNormalization', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'Pad', 'Dropout'],
]);

/** Gains that keep the variance through an activation (He et al., 2015; 5/3 for tanh as PyTorch has it). */
const gains: Readonly<Record<string, number>> = {
  Relu: Math.SQRT2,
  LeakyRelu: Math.SQRT2,
  PRelu: Math.SQRT2,
  Elu: Math.SQRT2,
  Selu: 1,
  Celu: Math.SQRT2,
  Gelu: Math.SQRT2,
  Softplus: Math.SQRT2,
  HardSwish: Math.SQRT2,
  Clip: Math.SQRT2,
  Mish: Math.SQRT2,
  Tanh: 5 / 3,
};

/** The role of every trainable parameter, in file order. */
export function parameterRoles(model: GraphModel): RoleOfParameter[] {
  const uses = new Map<string, { node: OnnxNode; index: number }[]>();
  for (const node of model.graph.nodes)
    node.inputs.forEach((input, index) => {
      if (input) uses.set(input, [...(uses.get(input) ?? []), { node, index }]);
    });
  const trainable = new Map(model.trainable.map(({ name, dims }) => [name, dims]));
  return model.trainable.map(({ name, dims }) => ({
    name,
    dims,
    role: roleOf({ model, uses, trainable }, name, dims),
  }));
}

/** The role that Keras' name of a weight tells, where its graph is not at hand: "dense/kernel", "conv/bias". */
export function roleByName(name: string, dims: readonly number[]): ParameterRole {
  const own = name.split('/').at(-1) ?? '';
  if (/recurrent_kernel/.test(own)) return { kind: 'recurrent', hidden: dims[0] ?? 1 };
  if (/depthwise_kernel/.test(own))
    return { kind: 'weight', fanIn: elementCount(dims.slice(0, -2)), gain: Math.SQRT2 };
  if (/kernel|weights?$/.test(own) && dims.length >= 2)
    return { kind: 'weight', fanIn: elementCount(dims.slice(0, -1)), gain: Math.SQRT2 };
  if (/gamma/.test(own)) return { kind: 'scale' };
  if (/bias|beta/.test(own)) return { kind: 'bias', fanIn: 0 };
  if (/embedding/.test(own)) return { kind: 'embedding' };
  if (/alpha/.test(own)) return { kind: 'slope' };
  return { kind: 'other' };
}

interface Context {
  readonly model: GraphModel;
  readonly uses: ReadonlyMap<string, readonly { readonly node: OnnxNode; readonly index: number }[]>;
  readonly trainable: ReadonlyMap<string, readonly number[]>;
}

/** The first use that says something decides; values that are only moved are followed. */
function roleOf(context: Context, name: string, dims: readonly number[]): ParameterRole {
  const waiting: { name: string; swapped: boolean }[] = [{ name, swapped: false }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    if (seen.has(next.name)) continue;
    seen.add(next.name);
    for (const { node, index } of context.uses.get(next.name) ?? []) {
      if (moves.has(node.opType) && index === 0) {
        const swaps = node.opType === 'Transpose' && dims.length === 2;
        waiting.push({ name: node.outputs[0] as string, swapped: next.swapped !== swaps });
        continue;
      }
      const role = roleAt(context, node, index, dims, next.swapped);
      if (role.kind !== 'other') return role;
    }
  }
  return { kind: 'other' };
}

function roleAt(
  context: Context,
  node: OnnxNode,
  index: number,
  dims: readonly number[],
  swapped: boolean,
): ParameterRole {
  const weight = (fanIn: number): ParameterRole => ({
    kind: 'weight',
    fanIn,
    gain: gainAfter(context, node),
  });
  const two = swapped ? [...dims].reverse() : dims;
  switch (node.opType) {
    case 'Conv':
      return index === 1
        ? weight(elementCount(dims.slice(1)))
        : { kind: 'bias', fanIn: fanInOf(context, node.inputs[1], 'Conv') };
    case 'ConvTranspose':
      if (index === 2) return { kind: 'bias', fanIn: fanInOf(context, node.inputs[1], 'ConvTranspose') };
      // Each output gets the values of one kernel window of every input channel of its group, strides left aside.
      return weight(((dims[0] as number) / intOf(node, 'group', 1)) * elementCount(dims.slice(2)));
    case 'Gemm': {
      if (index === 2) return { kind: 'bias', fanIn: fanInOf(context, node.inputs[1], 'Gemm') };
      const transposed = intOf(node, index === 0 ? 'transA' : 'transB', 0) === 1;
      const inner = (index === 0) !== transposed ? 1 : 0;
      return weight(two[inner] ?? 1);
    }
    case 'MatMul':
      return weight((index === 0 ? two.at(-1) : (two.at(-2) ?? two.at(-1))) ?? 1);
    case 'Einsum':
      return weight(Math.max(1, Math.round(Math.sqrt(elementCount(dims)))));
    case 'Gather':
      return index === 0 ? { kind: 'embedding' } : { kind: 'other' };
    case 'BatchNormalization':
      return frozenNorm(context, node, index);
    case 'LayerNormalization':
    case 'InstanceNormalization':
    case 'GroupNormalization':
    case 'SimplifiedLayerNormalization':
      return index === 1 ? { kind: 'scale' } : index === 2 ? { kind: 'bias', fanIn: 0 } : { kind: 'other' };
    case 'PRelu':
      return index === 1 ? { kind: 'slope' } : { kind: 'other' };
    case 'Add':
    case 'Sub':
      return { kind: 'bias', fanIn: fanInOfSum(context, node) };
    case 'Mul':
      return { kind: 'scale' };
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const hidden = intOf(node, 'hidden_size', 1);
      return index === 3 ? { kind: 'bias', fanIn: 0 } : { kind: 'recurrent', hidden };
    }
    default:
      return { kind: 'other' };
  }
}

function frozenNorm({ model }: Context, node: OnnxNode, index: number): ParameterRole {
  const stored = (at: number): Float64Array | null => {
    const name = node.inputs[at] ?? '';
    const tensor: Tensor | undefined = model.constants.get(name) ?? model.frozen.get(name);
    return tensor ? toFloat64(tensor) : null;
  };
  const [mean, variance] = [stored(3), stored(4)];
  const epsilon = node.attributes.get('epsilon');
  if (index === 1)
    return variance
      ? { kind: 'frozen-scale', variance, epsilon: epsilon?.type === 'float' ? epsilon.value : 1e-5 }
      : { kind: 'scale' };
  return index === 2 && mean ? { kind: 'frozen-shift', mean } : { kind: 'bias', fanIn: 0 };
}

/** The gain of the first activation behind a node; 1 where none follows. */
function gainAfter(context: Context, node: OnnxNode): number {
  let current: OnnxNode | undefined = node;
  for (let steps = 0; current && steps < 16; steps++) {
    const uses: readonly { node: OnnxNode }[] = context.uses.get(current.outputs[0] ?? '') ?? [];
    // x · σ(x) is SiLU: the value goes to a Sigmoid and to the product with it.
    if (uses.length === 2 && uses.some(use => use.node.opType === 'Sigmoid')) return Math.SQRT2;
    const activation = uses.find(use => gains[use.node.opType] !== undefined);
    if (activation) return gains[activation.node.opType] as number;
    current = uses.find(use => between.has(use.node.opType))?.node;
  }
  return 1;
}

/** The fan-in of the weight beside a bias; 0 where it is not a trainable parameter. */
function fanInOf(context: Context, weight: string | undefined, opType: string): number {
  const uses = context.uses.get(weight ?? '') ?? [];
  const use = uses.find(({ node, index }) => index === 1 && node.opType === opType);
  const dims = weight === undefined ? undefined : context.trainable.get(weight);
  if (!use || !dims) return 0;
  const role = roleAt(context, use.node, 1, dims, false);
  return role.kind === 'weight' ? role.fanIn : 0;
}

/** The fan-in of the product that a bias is added to. */
function fanInOfSum(context: Context, sum: OnnxNode): number {
  for (const node of context.model.graph.nodes) {
    if (node.opType !== 'MatMul' || !sum.inputs.includes(node.outputs[0] as string)) continue;
    for (const index of [1, 0]) {
      const dims = context.trainable.get(node.inputs[index] ?? '');
      if (!dims) continue;
      const role = roleAt(context, node, index, dims, false);
      if (role.kind === 'weight') return role.fanIn;
    }
  }
  return 0;
}
