// Writes LSTM, GRU and RNN nodes out step by step in elementary operators, so that their gradients follow from those.
import { float32, int64, type Tensor } from '../tensor/tensor';
import { ModelError } from './errors';
import type { Attribute, Graph, OnnxNode, StoredTensor } from './model';

/** The operators that are written out. */
export const recurrentOperators: readonly string[] = ['GRU', 'LSTM', 'RNN'];

/**
 * The graph with every recurrent node unrolled over `stepsOf(node)` time steps. Works for any batch size. Throws a
 * ModelError for activations that are not written out.
 */
export function lowerRecurrent(graph: Graph, path: string, stepsOf: (node: OnnxNode) => number): Graph {
  const initializers = new Map<string, StoredTensor | Tensor>(graph.initializers);
  const nodes = graph.nodes.flatMap((node, index) => {
    if (node.domain !== '' || !recurrentOperators.includes(node.opType)) return [node];
    const unrolled = new Unrolled(node, path, `lethe-unrolled/${index}`, stepsOf(node));
    const written = unrolled.write();
    for (const [name, tensor] of unrolled.constants) initializers.set(name, tensor);
    return written;
  });
  return { ...graph, nodes, initializers };
}

type Ints = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

/** One recurrent node being written out. Values of a step are [batch, hidden]. */
class Unrolled {
  readonly constants = new Map<string, Tensor>();
  private readonly nodes: OnnxNode[] = [];
  private counter = 0;

  constructor(
    private readonly node: OnnxNode,
    private readonly path: string,
    private readonly prefix: string,
    private readonly steps: number,
  ) {}

  write(): OnnxNode[] {
    const { node } = this;
    const direction = text(node, 'direction', 'forward');
    const directions = direction === 'bidirectional' ? 2 : 1;
    const hidden = integer(node, 'hidden_size', 0);
    const inputs = this.timeSteps();
    const results = Array.from({ length: directions }, (_, at) => {
      const backwards = direction === 'reverse' || at === 1;
      return this.run(backwards ? [...inputs].reverse() : inputs, at, directions, hidden, backwards);
    });
    const [y, lastHidden, lastCell] = node.outputs;
    if (y) {
      const rows = inputs.map((_, time) => {
        const parts = results.map(result => this.at(result.hidden[time] as string));
        return directions === 1 ? (parts[0] as string) : this.op('Concat', parts, { axis: 1 });
      });
      this.emit('Concat', rows, y, { axis: 0 });
    }
    if (lastHidden)
      this.stack(
        results.map(result => result.last),
        lastHidden,
      );
    if (lastCell)
      this.stack(
        results.map(result => result.cell as string),
        lastCell,
      );
    return this.nodes;
  }

  /** X of every time step: [batch, input]. */
  private timeSteps(): string[] {
    const x = this.node.inputs[0] ?? '';
    if (this.steps === 1) return [this.op('Squeeze', [x, this.ints([0])])];
    const parts = Array.from({ length: this.steps }, () => this.fresh('step'));
    this.push('Split', [x, this.ints(parts.map(() => 1))], parts, { axis: 0 });
    return parts.map(part => this.op('Squeeze', [part, this.ints([0])]));
  }

  private run(
    inputs: readonly string[],
    at: number,
    directions: number,
    hidden: number,
    backwards: boolean,
  ): { hidden: string[]; last: string; cell: string | undefined } {
    const { node } = this;
    const gates = { LSTM: 4, GRU: 3, RNN: 1 }[node.opType] as number;
    const weights = this.transposed(this.ofDirection(node.inputs[1] ?? '', at, directions));
    const recurrent = this.transposed(this.ofDirection(node.inputs[2] ?? '', at, directions));
    const bias = node.inputs[3] ? this.ofDirection(node.inputs[3], at, directions) : undefined;
    const [inputBias, recurrentBias] = bias ? this.split(bias, 2, gates * hidden, 0) : [];
    let state = node.inputs[5] ? this.ofDirection(node.inputs[5], at, directions) : undefined;
    let cell = node.inputs[6] ? this.ofDirection(node.inputs[6], at, directions) : undefined;
    const peepholes = node.inputs[7]
      ? this.split(this.ofDirection(node.inputs[7], at, directions), 3, hidden, 0)
      : undefined;
    const functions = this.activations(at);
    const all: string[] = [];
    const masks = this.masks(backwards);
    for (const [step, x] of inputs.entries()) {
      const [before, beforeCell] = [state, cell];
      const fromInput = this.plus(this.op('MatMul', [x, weights]), inputBias);
      if (node.opType === 'LSTM') {
        const next = this.lstm(
          fromInput,
          state,
          cell,
          recurrent,
          recurrentBias,
          peepholes,
          hidden,
          functions,
        );
        state = next.state;
        cell = next.cell;
      } else if (node.opType === 'GRU')
        state = this.gru(fromInput, state, recurrent, recurrentBias, hidden, functions);
      else {
        const sum = state ? this.op('Add', [fromInput, this.op('MatMul', [state, recurrent])]) : fromInput;
        state = this.applyClipped(functions[0], this.plus(sum, recurrentBias));
      }
      const mask = masks?.[step];
      if (mask === undefined) {
        all.push(state);
        continue;
      }
      // Past its length a sample keeps its state and gives zero.
      const given = this.op('Where', [mask, state, this.constant(float32([], [0]))]);
      all.push(given);
      state = before ? this.op('Where', [mask, state, before]) : given;
      if (cell) cell = this.op('Where', [mask, cell, beforeCell ?? this.constant(float32([], [0]))]);
    }
    return { hidden: backwards ? all.reverse() : all, last: state as string, cell };
  }

  /** By step whether a sample is that long: bool [batch, 1]; undefined without sequence lengths. */
  private masks(backwards: boolean): string[] | undefined {
    const lengths = this.node.inputs[4];
    if (!lengths) return undefined;
    const column = this.op('Unsqueeze', [this.op('Cast', [lengths], { to: 7 }), this.ints([1])]);
    const masks = Array.from({ length: this.steps }, (_, time) =>
      this.op('Greater', [column, this.constant(int64([], [time]))]),
    );
    return backwards ? masks.reverse() : masks;
  }

  /** Gates in the order i, o, f, c; a missing state or cell is zero and leaves its terms out. */
  private lstm(
    fromInput: string,
    state: string | undefined,
    cell: string | undefined,
    recurrent: string,
    recurrentBias: string | undefined,
    peepholes: readonly string[] | undefined,
    hidden: number,
    functions: readonly Activation[],
  ): { state: string; cell: string } {
    const [gate, inner, outer] = functions;
    const sum = state ? this.op('Add', [fromInput, this.op('MatMul', [state, recurrent])]) : fromInput;
    const [i, o, f, c] = this.split(this.plus(sum, recurrentBias), 4, hidden, 1) as [
      string,
      string,
      string,
      string,
    ];
    const peep = (value: string, index: number, seen: string | undefined): string =>
      peepholes && seen ? this.op('Add', [value, this.op('Mul', [peepholes[index] as string, seen])]) : value;
    const input = this.applyClipped(gate, peep(i, 0, cell));
    const added = this.op('Mul', [input, this.applyClipped(inner, c)]);
    const coupled = integer(this.node, 'input_forget', 0) === 1;
    const kept = (before: string): string =>
      coupled ? this.minus(input) : this.applyClipped(gate, peep(f, 2, before));
    const next = cell ? this.op('Add', [this.op('Mul', [kept(cell), cell]), added]) : added;
    const output = this.applyClipped(gate, peep(o, 1, next));
    return { state: this.op('Mul', [output, this.apply(outer, next)]), cell: next };
  }

  /** Gates in the order z, r, h. */
  private gru(
    fromInput: string,
    state: string | undefined,
    recurrent: string,
    recurrentBias: string | undefined,
    hidden: number,
    functions: readonly Activation[],
  ): string {
    const [gate, inner] = functions;
    const [xz, xr, xh] = this.split(fromInput, 3, hidden, 1) as [string, string, string];
    const biases = recurrentBias ? this.split(recurrentBias, 3, hidden, 0) : [];
    if (!state) {
      const z = this.applyClipped(gate, this.plus(xz, biases[0]));
      // With no state, what the reset gate scales is the bias alone, where the bias stands inside.
      const reset = this.applyClipped(gate, this.plus(xr, biases[1]));
      const bias = biases[2];
      const inside = integer(this.node, 'linear_before_reset', 0) === 1 && bias;
      const candidate = inside ? this.op('Add', [xh, this.op('Mul', [reset, bias])]) : this.plus(xh, bias);
      return this.op('Mul', [this.minus(z), this.applyClipped(inner, candidate)]);
    }
    const before = integer(this.node, 'linear_before_reset', 0) === 1;
    const [rz, rr, rh] = this.split(recurrent, 3, hidden, 1) as [string, string, string];
    const z = this.applyClipped(
      gate,
      this.plus(this.op('Add', [xz, this.op('MatMul', [state, rz])]), biases[0]),
    );
    const r = this.applyClipped(
      gate,
      this.plus(this.op('Add', [xr, this.op('MatMul', [state, rr])]), biases[1]),
    );
    const recalled = before
      ? this.op('Mul', [r, this.plus(this.op('MatMul', [state, rh]), biases[2])])
      : this.plus(this.op('MatMul', [this.op('Mul', [r, state]), rh]), biases[2]);
    const candidate = this.applyClipped(inner, this.op('Add', [xh, recalled]));
    return this.op('Add', [this.op('Mul', [this.minus(z), candidate]), this.op('Mul', [z, state])]);
  }

  private activations(at: number): Activation[] {
    const defaults = { LSTM: ['Sigmoid', 'Tanh', 'Tanh'], GRU: ['Sigmoid', 'Tanh'], RNN: ['Tanh'] }[
      this.node.opType
    ];
    const each = (defaults as string[]).length;
    const attribute = this.node.attributes.get('activations');
    const names =
      attribute?.type === 'strings' ? attribute.value.slice(at * each, (at + 1) * each) : defaults!;
    const parameter = (key: string): readonly number[] => {
      const found = this.node.attributes.get(key);
      return found?.type === 'floats' ? found.value : [];
    };
    return names.map((given, index) => {
      const name = plainActivations.find(other => other.toLowerCase() === given.toLowerCase());
      const settings = [...parameter('activation_alpha'), ...parameter('activation_beta')];
      const isIdentity = name === 'Affine' && names.length === 1 && settings.join() === '1,0';
      if (!name || (isIdentity ? false : settings.length > 0 || name === 'Affine'))
        throw new ModelError(
          this.path,
          `${this.node.opType} (node ${this.node.name}) has the activation ${given} (number ${index + 1}), or settings for ` +
            'it, which have no gradient rule.',
          'Export the model with Sigmoid, HardSigmoid, Tanh, Relu, Elu, Softsign or Softplus.',
        );
      return name;
    });
  }

  /** The part of a tensor [directions, …] that belongs to one direction. */
  private ofDirection(name: string, at: number, directions: number): string {
    if (directions === 1) return this.op('Squeeze', [name, this.ints([0])]);
    return this.op('Squeeze', [this.split(name, directions, 1, 0)[at] as string, this.ints([0])]);
  }

  private transposed(name: string): string {
    return this.op('Transpose', [name], { perm: [1, 0] });
  }

  private split(name: string, parts: number, size: number, axis: number): string[] {
    const outputs = Array.from({ length: parts }, () => this.fresh('part'));
    this.push('Split', [name, this.ints(outputs.map(() => size))], outputs, { axis });
    return outputs;
  }

  private plus(value: string, bias: string | undefined): string {
    return bias ? this.op('Add', [value, bias]) : value;
  }

  private minus(value: string): string {
    return this.op('Sub', [this.constant(float32([], [1])), value]);
  }

  private apply(activation: Activation | undefined, value: string): string {
    // 1 · x + 0.
    return this.op(activation === 'Affine' ? 'Identity' : (activation ?? 'Tanh'), [value]);
  }

  /** The activation of a gate, whose argument the node may clip. */
  private applyClipped(activation: Activation | undefined, value: string): string {
    const clip = this.node.attributes.get('clip');
    if (clip?.type !== 'float') return this.apply(activation, value);
    const bound = (size: number): string => this.constant(float32([], [size]));
    return this.apply(activation, this.op('Clip', [value, bound(-clip.value), bound(clip.value)]));
  }

  /** [batch, hidden] as [1, 1, batch, hidden]. */
  private at(value: string): string {
    return this.op('Unsqueeze', [value, this.ints([0, 1])]);
  }

  private stack(values: readonly string[], output: string): void {
    const rows = values.map(value => this.op('Unsqueeze', [value, this.ints([0])]));
    this.emit('Concat', rows, output, { axis: 0 });
  }

  private ints(values: readonly number[]): string {
    return this.constant(int64([values.length], values));
  }

  private constant(tensor: Tensor): string {
    const name = this.fresh('constant');
    this.constants.set(name, tensor);
    return name;
  }

  private op(opType: string, inputs: readonly string[], attributes: Ints = {}): string {
    const name = this.fresh(opType);
    this.emit(opType, inputs, name, attributes);
    return name;
  }

  private emit(opType: string, inputs: readonly string[], output: string, attributes: Ints = {}): void {
    this.push(opType, inputs, [output], attributes);
  }

  private push(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Ints,
  ): void {
    const list = new Map<string, Attribute>();
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'number') list.set(key, { type: 'int', value });
      else if ('float' in value) list.set(key, { type: 'float', value: value.float });
      else list.set(key, { type: 'ints', value });
    }
    // Errors name the node that was written out.
    const name = `${this.node.name || this.node.opType}/${opType}/${this.counter++}`;
    this.nodes.push({ name, opType, domain: '', inputs, outputs, attributes: list });
  }

  private fresh(hint: string): string {
    return `${this.prefix}/${this.counter++}_${hint}`;
  }
}

/** Activations whose settings, where they have any, are the same by default here and as operators of their own. */
const plainActivations = [
  'Sigmoid',
  'Tanh',
  'Relu',
  'Softsign',
  'Softplus',
  'HardSigmoid',
  'Elu',
  'Affine',
] as const;
type Activation = (typeof plainActivations)[number];

function integer(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'int' ? attribute.value : fallback;
}

function text(node: OnnxNode, name: string, fallback: string): string {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'string' ? attribute.value : fallback;
}
