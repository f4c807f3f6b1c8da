// Operators on single elements: functions, arithmetic with broadcasting, comparisons, logic, choices, casts.
import type { DType } from '../../tensor/dtype';
import { Untranslatable, type Emitter, type KnownValue, type Size } from '../emitter';
import { broadcast, integerValue, requireTypes, typeNumbers, type OpContext, type OpRule } from './opContext';

/** A function of single floats, given by the ONNX operator of it or by how to write it in several. */
export function unary(how: string | ((e: Emitter, x: string, c: OpContext) => string)): OpRule {
  return (c, [x]) => {
    requireTypes([x!], ['float32']);
    return { ...x!, name: typeof how === 'string' ? c.e.op(how, [x!.name]) : how(c.e, x!.name, c) };
  };
}

/** The same for integers too. */
export function numeric(how: string | ((e: Emitter, x: string) => string)): OpRule {
  return ({ e }, [x]) => {
    requireTypes([x!], ['float32', 'int32']);
    return { ...x!, name: typeof how === 'string' ? e.op(how, [x!.name]) : how(e, x!.name) };
  };
}

/** A question about single floats. */
export function predicate(how: (e: Emitter, x: string) => string): OpRule {
  return ({ e }, [x]) => ({ ...x!, dtype: 'bool', name: how(e, x!.name) });
}

/** Gives its first input as it is. */
export const identity: OpRule = (_, [x]) => x!;

/** Gives every input as it is. */
export const identities: OpRule = (_, inputs) => inputs;

/** Operands in one layout, ready to be broadcast by ONNX's rule, with the dims and layout of the result. */
export function aligned(
  c: OpContext,
  inputs: readonly KnownValue[],
): { names: string[]; dims: Size[]; layout: KnownValue['layout'] } {
  const dims = inputs.map(input => input.dims).reduce<Size[]>((all, own) => broadcast(all, own), []);
  const rank = dims.length;
  const first = inputs.some(({ layout, dims: own }) => layout === 'channels-first' && own.length === rank);
  const fits =
    first &&
    inputs.every(
      ({ layout, dims: own }) =>
        own.length <= 1 || own.length === rank || (own.length === 0 && layout === 'plain'),
    );
  if (!fits) return { names: inputs.map(input => c.e.plain(input).name), dims, layout: 'plain' };
  const names = inputs.map(input => {
    if (input.dims.length === rank) return c.e.channelsFirst(input).name;
    const [channels] = input.dims;
    if (channels === undefined) return input.name;
    return c.e.op('Reshape', [input.name, c.e.ints([channels ?? -1, ...Array<number>(rank - 2).fill(1)])]);
  });
  return { names, dims, layout: 'channels-first' };
}

type Integers = (a: number, b: number) => number;

/** An operation on two numbers of one type. `integers` folds it where both are shapes or the like. */
export function binary(
  how: string | ((e: Emitter, a: string, b: string, dtype: DType) => string),
  integers?: Integers,
): OpRule {
  return (c, inputs) => {
    const [a, b] = inputs as [KnownValue, KnownValue];
    requireTypes([a, b], ['float32', 'int32']);
    const dtype = a.dtype === b.dtype ? a.dtype : 'float32';
    const { names, dims, layout } = aligned(
      c,
      [a, b].map(value => cast(c, value, dtype)),
    );
    const emit = (): string =>
      typeof how === 'string' ? c.e.op(how, names) : how(c.e, names[0]!, names[1]!, dtype);
    if (dtype === 'int32' && integers) {
      return integerValue(c, dims, folded(c, a, b, integers), emit);
    }
    return { name: emit(), dtype, dims, layout };
  };
}

/** Elements of lists, or of a list and a single number. */
function folded(c: OpContext, a: KnownValue, b: KnownValue, how: Integers): Size[] | null {
  const [left, right] = [c.integers.of(a), c.integers.of(b)];
  if (!left || !right || a.dims.length > 1 || b.dims.length > 1) return null;
  const length = Math.max(left.length, right.length);
  const at = (list: readonly Size[], index: number): Size => (list.length === 1 ? list[0]! : list[index]!);
  return Array.from({ length }, (_, index) => {
    const [x, y] = [at(left, index), at(right, index)];
    return x === null || y === null ? null : how(x, y);
  });
}

/** A comparison or a logical operation. */
export function question(how: string | ((e: Emitter, a: string, b: string) => string)): OpRule {
  return (c, inputs) => {
    const [a, b] = inputs as [KnownValue, KnownValue];
    const dtype = a.dtype === b.dtype ? a.dtype : 'float32';
    const { names, dims, layout } = aligned(
      c,
      [a, b].map(value => cast(c, value, dtype)),
    );
    const name = typeof how === 'string' ? c.e.op(how, names) : how(c.e, names[0]!, names[1]!);
    return { name, dtype: 'bool', dims, layout };
  };
}

/** The sum of any number of values. */
export const addN: OpRule = (c, inputs) => {
  const { names, dims, layout } = aligned(c, inputs);
  return { name: c.e.op('Sum', names), dtype: inputs[0]!.dtype, dims, layout };
};

/** The value in another element type. */
export function cast(c: OpContext, value: KnownValue, dtype: DType): KnownValue {
  if (value.dtype === dtype) return value;
  const to = typeNumbers[dtype];
  if (to === undefined) throw new Untranslatable(`makes values of the type ${dtype}`);
  return { ...value, dtype, name: c.e.op('Cast', [value.name], { to }) };
}

export const castRule: OpRule = (c, [x]) => {
  const dtype = c.node.type('DstT') ?? c.node.type('dtype');
  if (!dtype) throw new Untranslatable('makes values of a type that has no translation');
  const elements = dtype === 'int32' && x!.dtype === 'int32' ? c.integers.of(x!) : null;
  return elements ? x! : cast(c, x!, dtype);
};

/** condition ? a : b. */
export const select: OpRule = (c, inputs) => {
  const [condition, a, b] = inputs as [KnownValue, KnownValue, KnownValue];
  requireTypes([condition], ['bool'], 'takes conditions of the type');
  const { names, dims, layout } = aligned(c, [condition, a, cast(c, b, a.dtype)]);
  return { name: c.e.op('Where', names), dtype: a.dtype, dims, layout };
};

/** The quotient rounded down, which TensorFlow.js gives as an integer whatever it divides. */
export const floorDivision: OpRule = (c, inputs) =>
  cast(c, binary(flooredQuotient, (a, b) => Math.floor(a / b))(c, inputs) as KnownValue, 'int32');

/** Division as TensorFlow.js has it: of integers it rounds down. */
export function divided(e: Emitter, a: string, b: string, dtype: DType): string {
  return dtype === 'int32' ? flooredQuotient(e, a, b, dtype) : e.op('Div', [a, b]);
}

export function flooredQuotient(e: Emitter, a: string, b: string, dtype: DType): string {
  if (dtype !== 'int32') return e.op('Floor', [e.op('Div', [a, b])]);
  // Integers are divided in double precision, since ONNX's own division of them rounds towards zero.
  const double = (x: string): string => e.op('Cast', [x], { to: 11 });
  return e.op('Cast', [e.op('Floor', [e.op('Div', [double(a), double(b)])])], { to: 6 });
}

/** The remainder with the sign of the divisor. */
export function flooredRemainder(e: Emitter, a: string, b: string, dtype: DType): string {
  if (dtype === 'int32') return e.op('Mod', [a, b]);
  return e.op('Sub', [a, e.op('Mul', [e.op('Floor', [e.op('Div', [a, b])]), b])]);
}

export function squaredDifference(e: Emitter, a: string, b: string): string {
  const difference = e.op('Sub', [a, b]);
  return e.op('Mul', [difference, difference]);
}

/** 0 wherever b is 0. */
export function quotientOrZero(e: Emitter, a: string, b: string): string {
  const zero = e.op('Equal', [b, e.scalar(0)]);
  const safe = e.op('Where', [zero, e.scalar(1), b]);
  return e.op('Where', [zero, e.scalar(0), e.op('Div', [a, safe])]);
}

/** The activations that fused operators and operators of their own name. `given` is the slope of a Prelu. */
export function activated(c: OpContext, x: KnownValue, name: string, given?: KnownValue): KnownValue {
  const { e, node } = c;
  const of = (result: string): KnownValue => ({ ...x, name: result });
  switch (name.toLowerCase()) {
    case '':
    case 'linear':
      return x;
    case 'relu':
      return of(e.op('Relu', [x.name]));
    case 'relu6':
      return of(e.op('Clip', [x.name, e.scalar(0), e.scalar(6)]));
    case 'elu':
      return of(e.op('Elu', [x.name]));
    case 'sigmoid':
      return of(e.op('Sigmoid', [x.name]));
    case 'tanh':
      return of(e.op('Tanh', [x.name]));
    case 'leakyrelu': {
      const alpha = node.has('leakyrelu_alpha')
        ? node.float('leakyrelu_alpha', 0.2)
        : node.float('alpha', 0.2);
      return of(e.op('LeakyRelu', [x.name], { alpha: { float: alpha } }));
    }
    case 'prelu': {
      if (!given) throw new Untranslatable('has a Prelu without slopes');
      const { names, dims, layout } = aligned(c, [x, given]);
      return { name: e.op('PRelu', names), dtype: x.dtype, dims, layout };
    }
    default:
      throw new Untranslatable(`has the activation ${name}, which has no translation`);
  }
}

/** An activation as an operator of its own. */
export function activation(name: string): OpRule {
  return (c, [x, slope]) => {
    requireTypes([x!], ['float32']);
    return activated(c, x!, name, slope);
  };
}

/** Values clipped to two bounds. */
export const clip: OpRule = ({ e, node }, [x, low, high]) => {
  // Older converters wrote the bounds as attributes.
  const bounds =
    low && high
      ? [low.name, high.name]
      : [e.scalar(node.float('clip_value_min', 0)), e.scalar(node.float('clip_value_max', 0))];
  return { ...x!, name: e.op('Clip', [x!.name, ...bounds]) };
};

/** A value like another with one number everywhere. */
export function filledLike(number: number): OpRule {
  return (c, [x]) => {
    const data =
      x!.dtype === 'int32'
        ? Int32Array.of(number)
        : x!.dtype === 'bool'
          ? Uint8Array.of(number)
          : Float32Array.of(number);
    const value = { dtype: x!.dtype, dims: [1], data };
    const source = c.e.op('Shape', [x!.name]);
    const one = c.e.constant({ ...value, dims: [] });
    return { ...x!, name: c.e.op('Expand', [one, source]) };
  };
}
