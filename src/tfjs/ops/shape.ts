// Operators that move, join, cut or count elements.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import {
  asInt64,
  broadcast,
  countedAxis,
  inOrder,
  integerValue,
  knownIntegers,
  physicalAxis,
  plain,
  productOf,
  type OpContext,
  type OpRule,
} from './opContext';

/** Whether a value's elements lie in the order of its dims, whatever its layout: maps of one pixel do. */
function liesInOrder({ dims, layout }: KnownValue): boolean {
  return layout === 'plain' || dims.slice(1, -1).every(dim => dim === 1) || dims.at(-1) === 1;
}

/** A value with other dims and the same elements; null where the data decide a size. */
function reshapedTo(c: OpContext, x: KnownValue, dims: readonly Size[], dynamic?: () => string): KnownValue {
  const value = liesInOrder(x) ? x : inOrder(c, x);
  const open = dims.filter(dim => dim === null).length;
  if (open > 1 && !dynamic)
    throw new Untranslatable('makes a shape with more than one size that the data decide');
  const target = open > 1 ? dynamic!() : c.e.ints(dims.map(dim => dim ?? -1));
  const emit = (): string => c.e.op('Reshape', [value.name, target]);
  if (x.dtype === 'int32') return integerValue(c, dims, c.integers.of(x), emit);
  return plain(dims, emit(), x.dtype);
}

export const reshape: OpRule = (c, [x, given]) => {
  const elements = c.integers.of(given!);
  if (!elements) {
    // Only how many sizes there are is known.
    const [rank] = given!.dims;
    if (rank === null || rank === undefined) throw new Untranslatable('computes its shape from the data');
    const name = c.e.op('Reshape', [inOrder(c, x!).name, asInt64(c, given!)]);
    return plain(Array<Size>(rank).fill(null), name, x!.dtype);
  }
  const at = elements.indexOf(-1);
  if (at < 0) return reshapedTo(c, x!, elements, () => asInt64(c, given!));
  const others = productOf(elements.filter((_, index) => index !== at));
  const all = productOf(x!.dims);
  const missing = others === null || all === null ? null : all / others;
  const dims = elements.map((element, index) => (index === at ? missing : element));
  return reshapedTo(c, x!, dims, () => asInt64(c, given!));
};

/** The value without axes of size one: the listed ones, or all. */
export const squeeze: OpRule = (c, [x]) => {
  const rank = x!.dims.length;
  const listed = [...c.node.ints('squeeze_dims'), ...c.node.ints('axis')].map(axis =>
    countedAxis(axis, rank),
  );
  const axes = listed.length > 0 ? listed : x!.dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const dims = x!.dims.filter((_, axis) => !axes.includes(axis));
  const kept = x!.dims.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const ordered = kept
    .map(axis => physicalAxis(x!, axis))
    .every((axis, index, all) => index === 0 || axis > all[index - 1]!);
  const value = ordered ? x! : inOrder(c, x!);
  const emit = (): string =>
    c.e.op('Squeeze', [value.name, c.e.ints(axes.map(axis => physicalAxis(value, axis)))]);
  if (x!.dtype === 'int32') return integerValue(c, dims, c.integers.of(x!), emit);
  return plain(dims, emit(), x!.dtype);
};

export const expandDims: OpRule = (c, [x, given]) => {
  const rank = x!.dims.length;
  const axis = countedAxis(given ? knownIntegers(c, given, 'axis')[0]! : c.node.int('axis', 0), rank + 1);
  const dims = [...x!.dims.slice(0, axis), 1, ...x!.dims.slice(axis)];
  const value = inOrder(c, x!);
  const emit = (): string => c.e.op('Unsqueeze', [value.name, c.e.ints([axis])]);
  if (x!.dtype === 'int32') return integerValue(c, dims, c.integers.of(x!), emit);
  return plain(dims, emit(), x!.dtype);
};

export const transpose: OpRule = (c, [x, given]) => {
  const perm = given
    ? knownIntegers(c, given, 'order of axes').map(axis => countedAxis(axis, x!.dims.length))
    : x!.dims.map((_, axis) => x!.dims.length - 1 - axis);
  // The order of axes as they lie: no value is put in order only to be moved again.
  const physical = perm.map(axis => physicalAxis(x!, axis));
  return plain(
    perm.map(axis => x!.dims[axis]!),
    c.e.rearranged(x!.name, physical),
    x!.dtype,
  );
};

/** Values joined along an axis. */
function joined(c: OpContext, values: readonly KnownValue[], given: number): KnownValue {
  const [first] = values as [KnownValue, ...KnownValue[]];
  const axis = countedAxis(given, first.dims.length);
  const total = values.reduce<Size>((sum, { dims }) => {
    const size = dims[axis] ?? null;
    return sum === null || size === null ? null : sum + size;
  }, 0);
  const dims = first.dims.map((dim, at) =>
    at === axis ? total : (dim ?? values.map(value => value.dims[at]!).find(size => size !== null) ?? null),
  );
  const moved = values.every(({ layout }) => layout === 'channels-first');
  const operands = moved ? values : values.map(value => inOrder(c, value));
  const along = moved ? physicalAxis(first, axis) : axis;
  const emit = (): string =>
    operands.length === 1
      ? operands[0]!.name
      : c.e.op(
          'Concat',
          operands.map(({ name }) => name),
          { axis: along },
        );
  if (first.dtype === 'int32') {
    const lists = first.dims.length === 1 ? values.map(value => c.integers.of(value)) : [null];
    return integerValue(c, dims, lists.every(list => list !== null) ? lists.flat() : null, emit);
  }
  return { name: emit(), dtype: first.dtype, dims, layout: moved ? 'channels-first' : 'plain' };
}

export const concatenate: OpRule = (c, inputs) => {
  const axis = inputs.at(-1);
  return joined(c, inputs.slice(0, -1), knownIntegers(c, axis, 'axis')[0]!);
};

/** The older form, whose axis comes first. */
export const concatenateOld: OpRule = (c, [axis, ...values]) =>
  joined(c, values, knownIntegers(c, axis, 'axis')[0]!);

/** Values stacked along a new axis. */
export const pack: OpRule = (c, inputs) => {
  const [first] = inputs as [KnownValue, ...KnownValue[]];
  const axis = countedAxis(c.node.int('axis', 0), first.dims.length + 1);
  const dims = [...first.dims.slice(0, axis), inputs.length, ...first.dims.slice(axis)];
  const emit = (): string =>
    c.e.op(
      'Concat',
      inputs.map(input => c.e.op('Unsqueeze', [inOrder(c, input).name, c.e.ints([axis])])),
      { axis },
    );
  if (first.dtype !== 'int32') return plain(dims, emit(), first.dtype);
  const lists = first.dims.length === 0 ? inputs.map(input => c.integers.of(input)) : [null];
  return integerValue(c, dims, lists.every(list => list !== null) ? lists.flat() : null, emit);
};

/** The slices along an axis, each a value without it. */
export const unpack: OpRule = (c, [x]) => {
  const value = inOrder(c, x!);
  const axis = countedAxis(c.node.int('axis', 0), value.dims.length);
  const count = value.dims[axis];
  if (count === null || count === undefined)
    throw new Untranslatable('gives a number of values that the data decide');
  const dims = value.dims.filter((_, at) => at !== axis);
  const elements = value.dims.length === 1 ? c.integers.of(value) : null;
  const parts =
    count === 1 ? [value.name] : c.e.multi('Split', [value.name], count, { axis, num_outputs: count });
  return parts.map((part, index) => {
    const emit = (): string => c.e.op('Squeeze', [part, c.e.ints([axis])]);
    return value.dtype === 'int32'
      ? integerValue(c, dims, elements && [elements[index]!], emit)
      : plain(dims, emit(), value.dtype);
  });
};

/** Parts of given sizes along an axis. */
function parted(c: OpContext, x: KnownValue, given: number, sizes: readonly number[]): KnownValue[] {
  const axis = countedAxis(given, x.dims.length);
  const rest = x.dims[axis] ?? null;
  const known = sizes.reduce((sum, size) => sum + Math.max(0, size), 0);
  if (sizes.includes(-1) && rest === null)
    throw new Untranslatable('cuts off a rest whose size the data decide');
  const full = sizes.map(size => (size < 0 ? rest! - known : size));
  const names =
    full.length === 1
      ? [x.name]
      : c.e.multi('Split', [x.name, c.e.ints(full)], full.length, { axis: physicalAxis(x, axis) });
  return names.map((name, index) => ({
    ...x,
    name,
    dims: x.dims.map((dim, at) => (at === axis ? full[index]! : dim)),
  }));
}

export const split: OpRule = (c, [given, x]) => {
  const count = c.node.int('num_split', 1);
  const axis = countedAxis(knownIntegers(c, given, 'axis')[0]!, x!.dims.length);
  const size = x!.dims[axis];
  if (size === null || size === undefined || size % count !== 0)
    throw new Untranslatable(`cuts ${size ?? '?'} elements into ${count} equal parts`);
  return parted(c, x!, axis, Array<number>(count).fill(size / count));
};

export const splitBySizes: OpRule = (c, [x, sizes, axis]) =>
  parted(c, x!, knownIntegers(c, axis, 'axis')[0]!, knownIntegers(c, sizes, 'sizes'));

export const tile: OpRule = (c, [x, given]) => {
  const repeats = knownIntegers(c, given, 'repeats');
  const value = inOrder(c, x!);
  const dims = value.dims.map((dim, axis) => dim && dim * repeats[axis]!);
  return plain(dims, c.e.op('Tile', [value.name, c.e.ints(repeats)]), value.dtype);
};

export const broadcastTo: OpRule = (c, [x, given]) => {
  const elements = c.integers.of(given!);
  const value = inOrder(c, x!);
  if (!elements) throw new Untranslatable('computes its shape from the data');
  return plain(
    broadcast(value.dims, elements),
    c.e.op('Expand', [value.name, asInt64(c, given!)]),
    value.dtype,
  );
};

/** A shape filled with one number. */
export const fill: OpRule = (c, [given, value]) => {
  const elements = c.integers.of(given!);
  if (!elements) throw new Untranslatable('computes its shape from the data');
  const emit = (): string => c.e.op('Expand', [value!.name, asInt64(c, given!)]);
  if (value!.dtype !== 'int32') return plain(elements, emit(), value!.dtype);
  const number = c.integers.of(value!)?.[0];
  const count = productOf(elements);
  const filled =
    number === undefined || count === null || count > 1024 ? null : Array<Size>(count).fill(number);
  return integerValue(c, elements, filled, emit);
};

export const shapeOf: OpRule = (c, [x]) => {
  const value = (): string => c.e.op('Cast', [c.e.op('Shape', [inOrder(c, x!).name])], { to: 6 });
  return integerValue(c, [x!.dims.length], x!.dims, value);
};

export const rankOf: OpRule = (c, [x]) => integerValue(c, [], [x!.dims.length], () => '');

export const sizeOf: OpRule = (c, [x]) =>
  integerValue(c, [], [productOf(x!.dims)], () => c.e.op('Cast', [c.e.op('Size', [x!.name])], { to: 6 }));

export const range: OpRule = (c, inputs) => {
  const [start, limit, delta] = inputs.map(input => c.integers.of(input)?.[0] ?? null) as [Size, Size, Size];
  const known = start !== null && limit !== null && delta !== null;
  const elements = known
    ? Array.from(
        { length: Math.max(0, Math.ceil((limit - start) / delta)) },
        (_, index) => start + index * delta,
      )
    : null;
  const emit = (): string =>
    c.e.op(
      'Range',
      inputs.map(({ name }) => name),
    );
  const dtype = inputs[0]!.dtype;
  if (dtype !== 'int32') return plain([null], emit(), dtype);
  return integerValue(c, [elements?.length ?? null], elements, emit);
};

export const oneHot: OpRule = (c, [indices, depth, on, off]) => {
  const value = inOrder(c, indices!);
  const [count] = knownIntegers(c, depth, 'depth') as [number];
  const rank = value.dims.length;
  const axis = countedAxis(c.node.int('axis', -1), rank + 1);
  const choice = [off!, on!].map(({ name }) => c.e.op('Unsqueeze', [name, c.e.ints([0])]));
  const values = c.e.op('Concat', choice, { axis: 0 });
  const name = c.e.op('OneHot', [asInt64(c, value), c.e.ints([count]), values], { axis });
  return plain([...value.dims.slice(0, axis), count, ...value.dims.slice(axis)], name, on!.dtype);
};
