// Operators that take elements out by position, or put some around.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
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

/** A position: a number, or the name of a value (int64, one element) that the data decide. */
type Position = number | string;

/** A run of elements along one axis: from `start` to before `end` (null: to the edge), every `step`-th. */
interface Cut {
  readonly axis: number;
  readonly start: Position;
  readonly end: Position | null;
  readonly step: number;
}

/** The end of a slice that goes to the edge, upwards and downwards. */
const edge = 2 ** 31 - 1;

/** The value with cuts along its axes, in its layout. */
function cut(c: OpContext, x: KnownValue, cuts: readonly Cut[]): KnownValue {
  const real = cuts.filter(({ start, end, step }) => start !== 0 || end !== null || step !== 1);
  const dims = x.dims.map((dim, axis) => {
    const own = real.find(each => each.axis === axis);
    return own ? lengthOf(own, dim) : dim;
  });
  if (real.length === 0) return x;
  const inputs = [
    real.map(({ start }) => start),
    real.map(({ end, step }) => end ?? (step < 0 ? -edge : edge)),
    real.map(({ axis }) => physicalAxis(x, axis)),
    real.map(({ step }) => step),
  ].map(list => positions(c, list));
  return { ...x, dims, name: c.e.op('Slice', [x.name, ...inputs]) };
}

/** Positions as one value. */
function positions({ e }: OpContext, list: readonly Position[]): string {
  if (list.every(position => typeof position === 'number')) return e.ints(list);
  const parts = list.map(position => (typeof position === 'number' ? e.ints([position]) : position));
  return parts.length === 1 ? parts[0]! : e.op('Concat', parts, { axis: 0 });
}

/** An element of a list of positions, taken from the list when the data run where it is not known before. */
function positionIn(c: OpContext, list: KnownValue, elements: readonly Size[], index: number): Position {
  const element = elements[index];
  if (element !== null && element !== undefined) return element;
  return c.e.op('Cast', [c.e.op('Gather', [list.name, c.e.ints([index])], { axis: 0 })], { to: 7 });
}

function lengthOf({ start, end, step }: Cut, dim: Size): Size {
  if (dim === null || typeof start === 'string' || typeof end === 'string') return null;
  const place = (position: number, low: number, high: number): number =>
    Math.min(Math.max(position < 0 ? position + dim : position, low), high);
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const from = place(start, low, high);
  const to = end === null ? (step > 0 ? dim : -1) : place(end, low, high);
  return Math.max(0, Math.ceil((to - from) / step));
}

/** Slice: begin and size of every axis; −1 is all that is left. */
export const slice: OpRule = (c, [x, begin, size]) => {
  const starts = knownIntegers(c, begin, 'begin');
  const sizes = knownIntegers(c, size, 'size');
  const cuts = starts.map((start, axis): Cut => {
    const count = sizes[axis]!;
    const whole = count < 0 || (x!.dims[axis] !== null && start + count === x!.dims[axis]);
    return { axis, start, end: whole ? null : start + count, step: 1 };
  });
  const value = cut(c, x!, cuts);
  const dims = value.dims.map((dim, axis) => (sizes[axis]! >= 0 ? sizes[axis]! : dim));
  return known(c, x!, { ...value, dims }, cuts);
};

/** StridedSlice: Python's notation x[a:b:c, …, newaxis, 0]. */
export const stridedSlice: OpRule = (c, [x, begin, end, strides]) => {
  const starts = c.integers.of(begin!);
  const ends = c.integers.of(end!);
  const steps = knownIntegers(c, strides, 'strides');
  if (!starts || !ends) throw new Untranslatable('computes what it cuts out from the data');
  const bit = (mask: string, index: number): boolean => ((c.node.int(mask, 0) >> index) & 1) === 1;
  const added = steps.filter((_, index) => bit('new_axis_mask', index)).length;
  const ellipsis = steps.findIndex((_, index) => bit('ellipsis_mask', index));
  const rest = x!.dims.length - (steps.length - added - (ellipsis >= 0 ? 1 : 0));
  const cuts: Cut[] = [];
  /** Axes of the input that are dropped, and how the result lists its axes: null is a new one. */
  const dropped: number[] = [];
  const order: (number | null)[] = [];
  let axis = 0;
  const keep = (count: number): void => {
    for (let index = 0; index < count; index++) order.push(axis++);
  };
  steps.forEach((step, index) => {
    if (index === ellipsis) return keep(rest);
    if (bit('new_axis_mask', index)) return void order.push(null);
    const start = bit('begin_mask', index) ? (step < 0 ? -1 : 0) : positionIn(c, begin!, starts, index);
    if (bit('shrink_axis_mask', index)) {
      if (typeof start === 'string')
        throw new Untranslatable('takes out one element at a place that the data decide');
      cuts.push({ axis, start, end: start === -1 ? null : start + 1, step: 1 });
      dropped.push(axis++);
      return undefined;
    }
    cuts.push({ axis, start, end: bit('end_mask', index) ? null : positionIn(c, end!, ends, index), step });
    order.push(axis++);
    return undefined;
  });
  keep(x!.dims.length - axis);
  const value = cut(c, x!, cuts);
  const taken = value.dims.map((dim, at) => (dropped.includes(at) ? 1 : dim));
  if (dropped.length === 0 && !order.includes(null)) return known(c, x!, { ...value, dims: taken }, cuts);
  const ordered = inOrder(c, { ...value, dims: taken });
  const dims = order.map(at => (at === null ? 1 : taken[at]!));
  const squeezed = (): string =>
    dropped.length > 0 ? c.e.op('Squeeze', [ordered.name, c.e.ints(dropped)]) : ordered.name;
  const fresh = order.flatMap((at, index) => (at === null ? [index] : []));
  const emit = (): string =>
    fresh.length > 0 ? c.e.op('Unsqueeze', [squeezed(), c.e.ints(fresh)]) : squeezed();
  if (x!.dtype !== 'int32') return plain(dims, emit(), x!.dtype);
  return integerValue(c, dims, elementsOf(c, x!, cuts), emit);
};

/** A cut of integers that are known is known as well. */
function known(c: OpContext, x: KnownValue, result: KnownValue, cuts: readonly Cut[]): KnownValue {
  if (x.dtype !== 'int32') return result;
  return integerValue(c, result.dims, elementsOf(c, x, cuts), () => result.name);
}

function elementsOf(c: OpContext, x: KnownValue, cuts: readonly Cut[]): Size[] | null {
  const elements = x.dims.length === 1 ? c.integers.of(x) : null;
  const [only] = cuts;
  if (!elements || !only) return elements as Size[] | null;
  const count = lengthOf(only, elements.length);
  if (count === null || typeof only.start === 'string') return null;
  const start = only.start < 0 ? only.start + elements.length : only.start;
  return Array.from({ length: count }, (_, index) => elements[start + index * only.step]!);
}

function reversed(c: OpContext, x: KnownValue, axes: readonly number[]): KnownValue {
  return cut(
    c,
    x,
    axes.map(axis => ({ axis, start: -1, end: null, step: -1 })),
  );
}

export const reverse: OpRule = (c, [x, given]) =>
  reversed(
    c,
    x!,
    knownIntegers(c, given, 'axes').map(axis => countedAxis(axis, x!.dims.length)),
  );

/** The older form, which marks each axis with true or false. */
export const reverseMarked: OpRule = (c, [x, given]) =>
  reversed(
    c,
    x!,
    knownIntegers(c, given, 'axes').flatMap((marked, axis) => (marked ? [axis] : [])),
  );

/** Pad, PadV2 and MirrorPad: how many elements come before and after each axis. */
export const pad: OpRule = (c, [x, given, filling]) => {
  const pads = knownIntegers(c, given, 'paddings');
  const mode = c.node.text('mode', 'CONSTANT').toUpperCase();
  if (mode === 'SYMMETRIC') throw new Untranslatable('pads symmetrically, which has no translation');
  const rank = x!.dims.length;
  const axes = x!.dims.map((_, axis) => axis).filter(axis => pads[2 * axis] || pads[2 * axis + 1]);
  if (axes.length === 0) return x!;
  const before = Array<number>(rank).fill(0);
  const after = Array<number>(rank).fill(0);
  for (const axis of axes) {
    before[physicalAxis(x!, axis)] = pads[2 * axis]!;
    after[physicalAxis(x!, axis)] = pads[2 * axis + 1]!;
  }
  const inputs = [x!.name, c.e.ints([...before, ...after]), ...(filling ? [filling.name] : [])];
  const name = c.e.op('Pad', inputs, mode === 'REFLECT' ? { mode: 'reflect' } : {});
  return {
    ...x!,
    name,
    dims: x!.dims.map((dim, axis) => dim && dim + pads[2 * axis]! + pads[2 * axis + 1]!),
  };
};

/** Rows of a table by their numbers. */
export const gather: OpRule = (c, [x, indices, given]) => {
  requireTypes([indices!], ['int32'], 'takes indices of the type');
  if (c.node.int('batch_dims', 0) !== 0) throw new Untranslatable('gathers sample by sample (batch_dims)');
  const axis = countedAxis(given ? knownIntegers(c, given, 'axis')[0]! : 0, x!.dims.length);
  const [table, places] = [inOrder(c, x!), inOrder(c, indices!)];
  const dims = [...table.dims.slice(0, axis), ...places.dims, ...table.dims.slice(axis + 1)];
  const emit = (): string => c.e.op('Gather', [table.name, places.name], { axis });
  if (table.dtype !== 'int32') return plain(dims, emit(), table.dtype);
  const [elements, wanted] = [c.integers.of(table), c.integers.of(places)];
  const picked =
    elements && wanted && table.dims.length === 1
      ? wanted.map(at => (at === null ? null : (elements[at] ?? null)))
      : null;
  return integerValue(c, dims, picked, emit);
};

export const gatherNd: OpRule = (c, [x, indices]) => {
  requireTypes([indices!], ['int32'], 'takes indices of the type');
  const [table, places] = [inOrder(c, x!), inOrder(c, indices!)];
  const depth = places.dims.at(-1);
  if (depth === null || depth === undefined)
    throw new Untranslatable('computes how deep its indices go from the data');
  const wide = c.e.op('Cast', [places.name], { to: 7 });
  const name = c.e.op('GatherND', [table.name, wide]);
  return plain([...places.dims.slice(0, -1), ...table.dims.slice(depth)], name, table.dtype);
};
