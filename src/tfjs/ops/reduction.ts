// Reductions along axes, running sums, and the places of extremes.
import type { KnownValue, Size } from '../emitter';
import {
  countedAxis,
  inOrder,
  integerValue,
  knownIntegers,
  physicalAxis,
  plain,
  requireTypes,
  type OpContext,
  type OpRule,
} from './opContext';

/** The axes that a reduction runs over, counted from the front. */
function axesOf(c: OpContext, x: KnownValue, axes: KnownValue | undefined): number[] {
  return knownIntegers(c, axes, 'axes').map(axis => countedAxis(axis, x.dims.length));
}

/** The dims after a reduction. */
function reducedDims(dims: readonly Size[], axes: readonly number[], keep: boolean): Size[] {
  return dims.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
}

/** A reduction by an ONNX operator. Integers that are known are reduced at once by `fold`. */
export function reduction(op: string, fold?: (a: number, b: number) => number): OpRule {
  return (c, [x, given]) => {
    requireTypes([x!], ['float32', 'int32']);
    const keep = c.node.flag('keep_dims', false);
    const axes = axesOf(c, x!, given);
    const dims = reducedDims(x!.dims, axes, keep);
    if (axes.length === 0) return x!;
    // Sums over the map of an image leave its channels in order: no value is moved for that.
    const value = x!.layout === 'plain' || keep || onlyChannelsLeft(x!, axes) ? x! : inOrder(c, x!);
    const physical = axes.map(axis => physicalAxis(value, axis));
    const emit = (): string => c.e.op(op, [value.name, c.e.ints(physical)], { keepdims: keep ? 1 : 0 });
    if (x!.dtype === 'int32' && fold && x!.dims.length === 1) {
      const elements = c.integers.of(x!);
      const total = elements?.reduce((all, next) => (all === null || next === null ? null : fold(all, next)));
      return integerValue(c, dims, elements && elements.length > 0 ? [total ?? null] : null, emit);
    }
    return { name: emit(), dtype: x!.dtype, dims, layout: keep ? value.layout : 'plain' };
  };
}

/** Whether nothing but the batch and the channels is left. */
function onlyChannelsLeft({ dims }: KnownValue, axes: readonly number[]): boolean {
  return dims.every((_, axis) => axis === 0 || axis === dims.length - 1 || axes.includes(axis));
}

/** Whether all, or any, of some conditions hold. */
export function quantifier(op: 'ReduceMax' | 'ReduceMin'): OpRule {
  return (c, [x, given]) => {
    requireTypes([x!], ['bool']);
    const value = inOrder(c, x!);
    const keep = c.node.flag('keep_dims', false);
    const axes = axesOf(c, value, given);
    const numbers = c.e.op('Cast', [value.name], { to: 6 });
    const reduced = c.e.op(op, [numbers, c.e.ints(axes)], { keepdims: keep ? 1 : 0 });
    return plain(reducedDims(value.dims, axes, keep), c.e.op('Cast', [reduced], { to: 9 }), 'bool');
  };
}

/** The index of the largest or smallest element along an axis, the first on ties. */
export function extremePlace(op: 'ArgMax' | 'ArgMin'): OpRule {
  return (c, [x, given]) => {
    const value = inOrder(c, x!);
    const [axis] = axesOf(c, value, given) as [number];
    const place = c.e.op(op, [value.name], { axis, keepdims: 0 });
    return plain(reducedDims(value.dims, [axis], false), c.e.op('Cast', [place], { to: 6 }), 'int32');
  };
}

export const cumulativeSum: OpRule = (c, [x, given]) => {
  const value = inOrder(c, x!);
  const [axis] = axesOf(c, value, given) as [number];
  const settings = {
    exclusive: Number(c.node.flag('exclusive', false)),
    reverse: Number(c.node.flag('reverse', false)),
  };
  return { ...value, name: c.e.op('CumSum', [value.name, c.e.ints([axis])], settings) };
};

/** The largest elements along the last axis, and their indices. */
export const topK: OpRule = (c, [x, given]) => {
  const value = inOrder(c, x!);
  const count = given ? knownIntegers(c, given, 'k')[0]! : c.node.int('k', 1);
  const settings = { axis: -1, largest: 1, sorted: Number(c.node.flag('sorted', true)) };
  const [values, places] = c.e.multi('TopK', [value.name, c.e.ints([count])], 2, settings);
  const dims = [...value.dims.slice(0, -1), count];
  return [plain(dims, values!, value.dtype), plain(dims, c.e.op('Cast', [places!], { to: 6 }), 'int32')];
};

/** √ Σ x² along axes. */
export const euclideanNorm: OpRule = (c, inputs) => reduction('ReduceL2')(c, inputs);
