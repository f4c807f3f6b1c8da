// Recurrent layers as ONNX's own, which keep time on the first axis.
import { float32 } from '../../tensor/tensor';
import { Untranslatable, type KnownValue, type ShortAttributes, type Value } from '../emitter';
import { activationName } from './activations';
import type { LayerContext, LayerRule } from './layerContext';

/** A kind of recurrent layer. `order` says where Keras keeps each of ONNX's gates. */
interface Cell {
  readonly op: 'LSTM' | 'GRU' | 'RNN';
  readonly order: readonly number[];
  readonly activations: readonly { readonly key: string; readonly fallback: string }[];
}

const inner = { key: 'activation', fallback: 'tanh' };
const gate = { key: 'recurrent_activation', fallback: 'hardSigmoid' };

/** Keras orders the gates of an LSTM i, f, c, o and ONNX i, o, f, c; a GRU's are z, r, h in both. */
const cells: Readonly<Record<string, Cell>> = {
  LSTM: { op: 'LSTM', order: [0, 3, 1, 2], activations: [gate, inner, inner] },
  GRU: { op: 'GRU', order: [0, 1, 2], activations: [gate, inner] },
  SimpleRNN: { op: 'RNN', order: [0], activations: [inner] },
};

/** Whether a class of layers is recurrent. */
export function isRecurrent(className: string): boolean {
  return Object.hasOwn(cells, className);
}

/** What a recurrent layer gives for every step (in the order of time), for the last one it takes, and its states. */
export interface RecurrentResult {
  /** [N, T, units] */
  readonly sequence: KnownValue;
  /** [N, units] */
  readonly last: KnownValue;
  readonly states: readonly KnownValue[];
}

/** LSTM, GRU and SimpleRNN. */
export const recurrent: LayerRule = (c, inputs) => {
  const backwards = c.flag('go_backwards', false);
  const result = run(c, inputs, backwards);
  const sequence = backwards ? reversed(c, result.sequence) : result.sequence;
  return outputsOf(c, c.flag('return_sequences', false) ? sequence : result.last, result.states);
};

/** The outputs of a recurrent layer: with `return_state` its states follow. */
export function outputsOf(
  c: LayerContext,
  output: KnownValue,
  states: readonly KnownValue[],
): readonly Value[] {
  return c.flag('return_state', false) ? [output, ...states] : [output];
}

/** Runs a recurrent layer over [N, T, F]; inputs behind the first are its first states. */
export function run(c: LayerContext, inputs: readonly KnownValue[], backwards: boolean): RecurrentResult {
  const cell = cells[c.className]!;
  const [x, ...states] = inputs.map(value => c.e.plain(value) as KnownValue);
  refuse(c, x!, states.length);
  const units = c.int('units', 0);
  const gates = cell.order.length;
  const useBias = c.flag('use_bias', true);
  const [kernel, recurrentKernel, bias] = c.weights([
    { name: 'kernel', dims: [x!.dims[2]!, gates * units] },
    { name: 'recurrent_kernel', dims: [units, gates * units] },
    ...(useBias ? [{ name: 'bias', dims: [gates * units] }] : []),
  ]);
  const direction = (name: string): string => c.e.op('Unsqueeze', [name, c.e.ints([0])]);
  const matrix = (value: KnownValue): string =>
    direction(c.e.rearranged(reordered(c, value.name, cell, units, 1), [1, 0]));
  // ONNX adds a second bias, to what comes from the step before.
  const biases = bias
    ? direction(
        c.e.op(
          'Concat',
          [
            reordered(c, bias.name, cell, units, 0),
            c.e.constant(float32([gates * units], new Float32Array(gates * units))),
          ],
          { axis: 0 },
        ),
      )
    : '';
  const first = states.map(state => direction(state.name));
  const time = c.e.rearranged(x!.name, [1, 0, 2]);
  const outputs = c.e.multi(
    cell.op,
    [time, matrix(kernel!), matrix(recurrentKernel!), biases, '', ...first],
    cell.op === 'LSTM' ? 3 : 2,
    { hidden_size: units, direction: backwards ? 'reverse' : 'forward', ...activationsOf(c, cell) },
  );
  const [y, hidden, carry] = outputs as [string, string, string?];
  const batch = x!.dims[0]!;
  const without = (name: string, axis: number): string => c.e.op('Squeeze', [name, c.e.ints([axis])]);
  const sequence = c.e.rearranged(without(y, 1), [1, 0, 2]);
  const last = c.value(without(hidden, 0), [batch, units]);
  return {
    sequence: c.value(sequence, [batch, x!.dims[1]!, units]),
    last,
    states: carry === undefined ? [last] : [last, c.value(without(carry, 0), [batch, units])],
  };
}

/** A sequence [N, T, F] from its end to its beginning. */
export function reversed(c: LayerContext, x: KnownValue): KnownValue {
  const name = c.e.op('Slice', [
    x.name,
    c.e.ints([-1]),
    c.e.ints([-(2 ** 31)]),
    c.e.ints([1]),
    c.e.ints([-1]),
  ]);
  return { ...x, name };
}

function refuse(c: LayerContext, x: KnownValue, states: number): void {
  if (x.dims.length !== 3) throw new Untranslatable(`takes 3 axes, but its input has ${x.dims.length}`);
  if (c.flag('stateful', false))
    throw new Untranslatable('keeps its state from one batch to the next (stateful)');
  if (c.flag('reset_after', false)) {
    throw new Untranslatable('resets after its product (reset_after), which TensorFlow.js does not compute');
  }
  if (c.flag('time_major', false)) throw new Untranslatable('has time on its first axis (time_major)');
  const wanted = c.className === 'LSTM' ? 2 : 1;
  if (states !== 0 && states !== wanted) {
    throw new Untranslatable(`takes ${wanted} first states, but ${states} are given`);
  }
}

/** The parts of a kernel or bias that belong to the gates, in ONNX's order. */
function reordered(c: LayerContext, name: string, cell: Cell, units: number, axis: number): string {
  if (cell.order.every((from, to) => from === to)) return name;
  const sizes = c.e.ints(cell.order.map(() => units));
  const parts = c.e.multi('Split', [name, sizes], cell.order.length, { axis });
  return c.e.op(
    'Concat',
    cell.order.map(from => parts[from]!),
    { axis },
  );
}

/** Activations by ONNX's names; what they are set to there without saying so is what TensorFlow.js computes. */
const functions: Readonly<Record<string, string>> = {
  elu: 'Elu',
  hardSigmoid: 'HardSigmoid',
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  softplus: 'Softplus',
  softsign: 'Softsign',
  tanh: 'Tanh',
};

function activationsOf(c: LayerContext, cell: Cell): ShortAttributes {
  const names = cell.activations.map(({ key, fallback }) =>
    c.has(key) ? activationName(c.config.at(key)) : fallback,
  );
  if (names.length === 1 && names[0] === 'linear') {
    // 1 · x + 0.
    return { activations: ['Affine'], activation_alpha: { floats: [1] }, activation_beta: { floats: [0] } };
  }
  const activations = names.map(name => {
    const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (!found)
      throw new Untranslatable(`has the activation "${name}", which recurrent layers of ONNX do not have`);
    return found;
  });
  return { activations };
}
