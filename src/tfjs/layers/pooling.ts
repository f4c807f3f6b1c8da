// Pooling over windows and over whole maps.
import { range, type KnownValue } from '../emitter';
import type { LayerContext, LayerRule } from './layerContext';
import { fromMaps, mapsOf, windowPadding } from './spatial';

/** MaxPooling or AveragePooling over windows of `rank` axes; padding does not count for averages. */
export function pooling(op: 'MaxPool' | 'AveragePool', rank: number): LayerRule {
  return (c, [x]) => {
    const maps = mapsOf(c, x!, rank);
    const kernel = c.ints('pool_size', rank, 2);
    const strides = c.has('strides') ? c.ints('strides', rank, 1) : kernel;
    const dilations = kernel.map(() => 1);
    const padding = c.text('padding', 'valid');
    const { attributes, space } = windowPadding({ kernel, strides, dilations, padding }, maps.space);
    const name = c.e.op(op, [maps.name], { kernel_shape: kernel, strides, ...attributes });
    return fromMaps(c, x!, { name, channels: maps.channels, space });
  };
}

/** The mean or the maximum over all spatial axes. */
export function globalPooling(op: 'ReduceMean' | 'ReduceMax'): LayerRule {
  return (c, [x]) => {
    const kept = c.flag('keepdims', false);
    const rank = x!.dims.length;
    const channelsAxis = c.channelsFirst ? 1 : rank - 1;
    const behindBatch = c.channelsFirst || x!.layout === 'channels-first';
    const axes = behindBatch ? range(2, rank) : range(1, rank - 1);
    const name = c.e.op(op, [x!.name, c.e.ints(axes)], { keepdims: kept ? 1 : 0 });
    const dims = x!.dims.map((size, axis) => (axis === 0 || axis === channelsAxis ? size : 1));
    if (kept) return { ...x!, name, dims };
    return c.value(name, [x!.dims[0]!, x!.dims[channelsAxis]!]);
  };
}

/** A global pooling rule needs data of one layout: channels_first layers take theirs as they lie. */
export function plainIfChannelsFirst(rule: LayerRule): LayerRule {
  return (c: LayerContext, [x]) => rule(c, [c.channelsFirst ? (c.e.plain(x!) as KnownValue) : x!]);
}
