// Dense layers, and layers that only move elements.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import { activated } from './activations';
import type { LayerContext, LayerRule } from './layerContext';

/** Layers that do nothing in inference. */
export const identity: LayerRule = (_, [x]) => x!;

/** y = x · kernel + bias along the last axis. */
export const dense: LayerRule = (c, [input]) => {
  const x = c.e.plain(input!) as KnownValue;
  const units = c.int('units', 0);
  const columns = x.dims.at(-1) ?? null;
  const useBias = c.flag('use_bias', true);
  const [kernel, bias] = c.weights([
    { name: 'kernel', dims: [columns, units] },
    ...(useBias ? [{ name: 'bias', dims: [units] }] : []),
  ]);
  const product = c.e.op('MatMul', [x.name, kernel!.name]);
  const sum = bias ? c.e.op('Add', [product, bias.name]) : product;
  return activated(c, c.value(sum, [...x.dims.slice(0, -1), units]));
};

/** All axes but the first in one. */
export const flatten: LayerRule = (c, [input]) => {
  const x = c.e.plain(input!) as KnownValue;
  return reshaped(c, x, [productOf(x.dims.slice(1))]);
};

/** The product of sizes; null where one depends on the data. */
export function productOf(sizes: readonly Size[]): Size {
  return sizes.reduce<Size>(
    (product, size) => (product === null || size === null ? null : product * size),
    1,
  );
}

/** A plain value with other sizes behind its first axis. Throws an Untranslatable where more than one is not known. */
export function reshaped(c: LayerContext, x: KnownValue, sizes: readonly Size[]): KnownValue {
  if (sizes.filter(size => size === null).length > 1) {
    throw new Untranslatable('needs sizes that are known before the data come');
  }
  // 0 copies the first size and −1 is what is left; one −1 at most may be there.
  const shape = [0, ...sizes.map(size => size ?? -1)];
  return c.value(c.e.op('Reshape', [x.name, c.e.ints(shape)]), [x.dims[0]!, ...sizes], {
    dtype: x.dtype,
    layout: 'plain',
  });
}

/** Other sizes behind the batch; −1 stands for what is left. */
export const reshape: LayerRule = (c, [input]) => {
  const x = c.e.plain(input!) as KnownValue;
  const wanted = c.config
    .at('target_shape')
    .items()
    .map(size => size.integer());
  const total = productOf(x.dims.slice(1));
  const fixed = wanted.filter(size => size >= 0).reduce((product, size) => product * size, 1);
  const free = total === null || fixed === 0 ? null : total / fixed;
  return reshaped(
    c,
    x,
    wanted.map(size => (size >= 0 ? size : free)),
  );
};

/** The axes behind the batch in another order, counted from 1. */
export const permute: LayerRule = (c, [input]) => {
  const x = c.e.plain(input!) as KnownValue;
  const order = c.config
    .at('dims')
    .items()
    .map(axis => axis.count());
  const perm = [0, ...order];
  if ([...perm].sort((a, b) => a - b).some((axis, at) => axis !== at) || perm.length !== x.dims.length) {
    throw new Untranslatable('has an order of axes that is none');
  }
  return { ...x, name: c.e.rearranged(x.name, perm), dims: perm.map(axis => x.dims[axis]!) };
};

/** [N, F] as [N, n, F]. */
export const repeatVector: LayerRule = (c, [x]) => {
  const times = c.int('n', 1);
  const row = c.e.op('Unsqueeze', [x!.name, c.e.ints([1])]);
  const name = c.e.op('Tile', [row, c.e.ints([1, times, 1])]);
  return { ...x!, name, dims: [x!.dims[0]!, times, ...x!.dims.slice(1)] };
};

/** x · scale + offset. */
export const rescaling: LayerRule = (c, [x]) => {
  const scaled = c.e.op('Mul', [x!.name, c.e.scalar(c.float('scale', 1))]);
  const offset = c.float('offset', 0);
  return { ...x!, name: offset === 0 ? scaled : c.e.op('Add', [scaled, c.e.scalar(offset)]) };
};
