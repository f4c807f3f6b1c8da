// The linear layers that a model's output ends in, recognised by the pattern of its graph.
import { intOf } from '../onnx/attributes';
import type { OnnxNode } from '../onnx/model';
import { elementCount } from '../tensor/tensor';
import type { GraphModel } from './graphModel';

/** output = input · weightᵀ + bias, both parameters trainable and used nowhere else. */
export interface LinearLayer {
  /** Graph values; the input as [rows, in], rows being samples or positions. */
  readonly input: string;
  readonly weight: string;
  /** Whether the weight is stored as [out, in]; else as [in, out]. */
  readonly outFirst: boolean;
  readonly out: number;
  readonly in: number;
  readonly bias: string | null;
}

/**
 * What an output ends in: `linear`, the whole model is one layer; `linear-network`, layers on layers; `two-layer`, a
 * perceptron with one hidden layer; `last-layer`, a linear layer on features of any kind.
 */
export interface OutputStructure {
  readonly kind: 'linear' | 'linear-network' | 'two-layer' | 'last-layer';
  /** From the data up; only the last one for `two-layer` and `last-layer`. */
  readonly layers: readonly LinearLayer[];
}

const moves = new Set(['Identity', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze']);
const activations = new Set([
  ...['Relu', 'LeakyRelu', 'Elu', 'Selu', 'Celu', 'Gelu', 'Softplus', 'Softsign', 'Mish', 'HardSwish'],
  ...['Tanh', 'Sigmoid', 'HardSigmoid', 'Sin', 'Cos', 'Abs', 'Exp', 'Erf', 'Clip', 'ThresholdedRelu'],
]);

/** The structure of an output, or in words why it does not end in a linear layer. */
export function outputStructure(model: GraphModel, output: string): OutputStructure | string {
  const finder = new Finder(model);
  const logits = model.activations.get(output)?.logits ?? output;
  const last = finder.layerAt(logits);
  if (typeof last === 'string') return last;
  const layers = [last];
  for (;;) {
    const below = finder.past(layers[0]!.input);
    if (finder.isData(below)) return { kind: layers.length === 1 ? 'linear' : 'linear-network', layers };
    const next = finder.layerAt(below);
    if (typeof next === 'string') break;
    layers.unshift(next);
  }
  const inside = finder.activated(finder.past(last.input));
  const hidden = inside === null ? 'no activation' : finder.layerAt(inside);
  const shallow = typeof hidden !== 'string' && finder.isData(finder.past(hidden.input));
  return { kind: shallow ? 'two-layer' : 'last-layer', layers: [last] };
}

class Finder {
  private readonly producers = new Map<string, OnnxNode>();
  private readonly uses = new Map<string, number>();
  private readonly trainable: ReadonlyMap<string, readonly number[]>;

  constructor(private readonly model: GraphModel) {
    for (const node of model.graph.nodes) {
      for (const value of node.outputs) if (value) this.producers.set(value, node);
      for (const value of node.inputs) this.uses.set(value, (this.uses.get(value) ?? 0) + 1);
    }
    this.trainable = new Map(model.trainable.map(({ name, dims }) => [name, dims]));
  }

  isData(value: string): boolean {
    return this.model.inputs.some(input => input.name === value);
  }

  /** The value before nodes that only reshape. */
  past(value: string): string {
    for (let node = this.producers.get(value); node; node = this.producers.get(value)) {
      if (!moves.has(node.opType)) break;
      value = node.inputs[0] as string;
    }
    return value;
  }

  /** What an activation is applied to; null where none is. SiLU comes as x · σ(x). */
  activated(value: string): string | null {
    const node = this.producers.get(value);
    if (!node) return null;
    if (activations.has(node.opType)) return node.inputs[0] as string;
    if (node.opType !== 'Mul') return null;
    const [a, b] = node.inputs as [string, string];
    for (const [plain, gated] of [
      [a, b],
      [b, a],
    ] as const) {
      const gate = this.producers.get(gated);
      if (gate?.opType === 'Sigmoid' && gate.inputs[0] === plain) return plain;
    }
    return null;
  }

  /** The linear layer whose output a value is, or why there is none. */
  layerAt(value: string): LinearLayer | string {
    let node = this.producers.get(this.past(value));
    let bias: string | null = null;
    if (node?.opType === 'Add') {
      const place = node.inputs.findIndex(input => this.trainable.has(input));
      bias = node.inputs[place] ?? null;
      node = this.producers.get(node.inputs[1 - place] ?? '');
      if (bias === null || node?.opType !== 'MatMul')
        return 'it ends in a sum that is not the bias of a layer';
    }
    if (node?.opType !== 'MatMul' && node?.opType !== 'Gemm')
      return `it ends in ${node ? node.opType : 'a graph input'}, which is no linear layer`;
    const [input = '', weight = ''] = node.inputs;
    const dims = this.trainable.get(weight);
    if (dims?.length !== 2) return `its last weight ${weight} is not a trainable matrix`;
    if (node.opType === 'Gemm') {
      const factors = ['alpha', 'beta'].map(name => node.attributes.get(name));
      if (intOf(node, 'transA', 0) === 1 || factors.some(each => each?.type === 'float' && each.value !== 1))
        return `its last layer (${node.name}) scales or transposes what it is given`;
      bias = node.inputs[2] || null;
    }
    const outFirst = node.opType === 'Gemm' && intOf(node, 'transB', 0) === 1;
    const [out, inner] = (outFirst ? dims : [dims[1], dims[0]]) as [number, number];
    if (bias !== null) {
      const shape = this.trainable.get(bias);
      if (!shape || elementCount(shape) !== out)
        return `the bias of its last layer (${bias}) is not trainable`;
    }
    if ([weight, ...(bias === null ? [] : [bias])].some(name => this.uses.get(name) !== 1))
      return `its last weight ${weight} is used in other places too`;
    return { input, weight, outFirst, out, in: inner, bias };
  }
}
