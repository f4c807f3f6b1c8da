// Layers that bring several values together.
import { Untranslatable, range, type KnownValue, type Size } from '../emitter';
import type { LayerContext, LayerRule } from './layerContext';

/** A sum, product, maximum or minimum of any number of values; they broadcast as TensorFlow.js lets them. */
export function merging(op: 'Add' | 'Mul' | 'Max' | 'Min' | 'Sub'): LayerRule {
  return (c, inputs) => {
    const [first, ...rest] = aligned(c, inputs);
    if (!first || rest.length === 0) throw new Untranslatable('takes two values at least');
    const dims = [first, ...rest].map(value => value.dims).reduce(broadcast);
    if (op === 'Max' || op === 'Min') {
      return {
        ...first,
        dims,
        name: c.e.op(
          op,
          [first, ...rest].map(value => value.name),
        ),
      };
    }
    const name = rest.reduce((left, right) => c.e.op(op, [left, right.name]), first.name);
    return { ...first, dims, name };
  };
}

/** The mean of several values. */
export const average: LayerRule = (c, inputs) => {
  const sum = merging('Add')(c, inputs) as KnownValue;
  return { ...sum, name: c.e.op('Mul', [sum.name, c.e.scalar(1 / inputs.length)]) };
};

/** Values one behind the other along an axis. */
export const concatenate: LayerRule = (c, inputs) => {
  const [first, ...rest] = inputs;
  const rank = first!.dims.length;
  if (rest.some(value => value.dims.length !== rank))
    throw new Untranslatable('joins values of different ranks');
  const axis = c.int('axis', -1);
  const counted = axis < 0 ? axis + rank : axis;
  const same = sameLayout(c, inputs);
  const physical =
    same[0]!.layout === 'plain' || counted === 0 ? counted : counted === rank - 1 ? 1 : counted + 1;
  const name = c.e.op(
    'Concat',
    same.map(value => value.name),
    { axis: physical },
  );
  const dims = first!.dims.map((size, at) => {
    if (at !== counted) return inputs.map(value => value.dims[at]!).find(other => other !== null) ?? size;
    return inputs.reduce<Size>((sum, value) => plus(sum, value.dims[at]!), 0);
  });
  return { ...same[0]!, name, dims };
};

/** Dot: the product of two values along an axis of each, sample by sample; with `normalize` their cosine. */
export const dot: LayerRule = (c, [a, b]) => {
  const [x, y] = [c.e.plain(a!) as KnownValue, c.e.plain(b!) as KnownValue];
  if (x.dims.length > 3 || y.dims.length > 3) throw new Untranslatable('takes values of at most three axes');
  const axes = c.config.at('axes');
  const [given, other] = axes.isArray
    ? axes.items().map(item => item.integer())
    : [axes.integer(), axes.integer()];
  const counted = (axis: number, value: KnownValue): number => (axis < 0 ? axis + value.dims.length : axis);
  const [left, right] = [counted(given!, x), counted(other!, y)];
  if (left === 0 || right === 0) throw new Untranslatable('multiplies along the batch');
  const norm = (value: KnownValue, axis: number): string =>
    c.flag('normalize', false) ? normalised(c, value.name, axis) : value.name;
  // Both as matrices a sample: the common axis last of the first and first of the second.
  const matrix = (value: KnownValue, name: string, common: number, position: number): string => {
    if (value.dims.length === 2) return c.e.op('Unsqueeze', [name, c.e.ints([3 - position])]);
    return common === position ? name : c.e.rearranged(name, [0, 2, 1]);
  };
  const product = c.e.op('MatMul', [matrix(x, norm(x, left), left, 2), matrix(y, norm(y, right), right, 1)]);
  const kept = (value: KnownValue, axis: number): readonly Size[] =>
    value.dims.filter((_, at) => at !== 0 && at !== axis);
  const rest = [...kept(x, left), ...kept(y, right)];
  const single = [...(x.dims.length === 2 ? [1] : []), ...(y.dims.length === 2 ? [2] : [])];
  // Two vectors give one number a sample, in a column.
  const squeezed = single.length === 2 ? [2] : single;
  const name = squeezed.length > 0 ? c.e.op('Squeeze', [product, c.e.ints(squeezed)]) : product;
  return c.value(name, [x.dims[0]!, ...(rest.length > 0 ? rest : [1])]);
};

/** x / √max(Σ x², 1e-7), which is how TensorFlow.js normalises. */
function normalised(c: LayerContext, name: string, axis: number): string {
  const squares = c.e.op('ReduceSumSquare', [name, c.e.ints([axis])], { keepdims: 1 });
  const norm = c.e.op('Sqrt', [c.e.op('Max', [squares, c.e.scalar(1e-7)])]);
  return c.e.op('Div', [name, norm]);
}

/** Values of one rank and one layout: smaller ones get axes behind the batch. */
function aligned(c: LayerContext, inputs: readonly KnownValue[]): KnownValue[] {
  const rank = Math.max(...inputs.map(value => value.dims.length));
  if (inputs.every(value => value.dims.length === rank)) return sameLayout(c, inputs);
  return inputs.map(value => {
    const plain = c.e.plain(value) as KnownValue;
    const missing = rank - plain.dims.length;
    if (missing === 0) return plain;
    const name = c.e.op('Unsqueeze', [plain.name, c.e.ints(range(1, 1 + missing))]);
    const dims = [plain.dims[0]!, ...Array<number>(missing).fill(1), ...plain.dims.slice(1)];
    return { ...plain, name, dims };
  });
}

/** Values in the layout that most of the work before them left: channels first where any has it. */
export function sameLayout(c: LayerContext, inputs: readonly KnownValue[]): KnownValue[] {
  const first = inputs.some(value => value.layout === 'channels-first');
  return inputs.map(value => (first ? c.e.channelsFirst(value) : value));
}

function broadcast(a: readonly Size[], b: readonly Size[]): readonly Size[] {
  return a.map((size, axis) => {
    const other = b[axis]!;
    if (size === 1) return other;
    if (other === 1 || size === other) return size;
    if (size === null || other === null) return size ?? other;
    throw new Untranslatable(
      `brings sizes together that do not fit, [${a.join(', ')}] and [${b.join(', ')}]`,
    );
  });
}

function plus(a: Size, b: Size): Size {
  return a === null || b === null ? null : a + b;
}
