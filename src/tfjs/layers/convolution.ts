// Convolutions: plain, transposed, by channel, and separable.
import { Untranslatable, type KnownValue } from '../emitter';
import { activated } from './activations';
import type { LayerContext, LayerRule } from './layerContext';
import { fromMaps, kernelOrder, mapsOf, windowPadding, type Maps, type WindowSettings } from './spatial';

/** Conv1D, Conv2D or Conv3D; the file keeps kernels as [...space, in, out]. */
export function convolution(rank: number): LayerRule {
  return (c, [x]) => {
    refuseGroups(c);
    const maps = mapsOf(c, x!, rank);
    const filters = c.int('filters', 0);
    const settings = windowSettings(c, rank);
    const [kernel, bias] = c.weights([
      { name: 'kernel', dims: [...settings.kernel, maps.channels, filters] },
      ...biasOf(c, filters),
    ]);
    const weight = c.e.rearranged(kernel!.name, kernelOrder(rank + 2, [rank + 1, rank]));
    return finished(c, x!, convolve(c, maps, weight, bias, { ...settings, filters, group: 1 }));
  };
}

/** DepthwiseConv2D; the file keeps kernels as [...space, in, multiplier]. */
export const depthwise: LayerRule = (c, [x]) => {
  const maps = mapsOf(c, x!, 2);
  const settings = windowSettings(c, 2);
  const { weight, filters, bias } = depthwiseKernel(c, maps, settings, 'depthwise_kernel');
  return finished(c, x!, convolve(c, maps, weight, bias, { ...settings, filters, group: maps.channels! }));
};

/** SeparableConv2D: by channel, then a plain one with windows of one element. */
export const separable: LayerRule = (c, [x]) => {
  const maps = mapsOf(c, x!, 2);
  const settings = windowSettings(c, 2);
  const between = requireChannels(maps) * c.int('depth_multiplier', 1);
  const filters = c.int('filters', 0);
  const [byChannel, point, bias] = c.weights([
    { name: 'depthwise_kernel', dims: [...settings.kernel, maps.channels, c.int('depth_multiplier', 1)] },
    { name: 'pointwise_kernel', dims: [1, 1, between, filters] },
    ...biasOf(c, filters),
  ]);
  const first = convolve(c, maps, byChannelWeight(c, byChannel!, settings, between), undefined, {
    ...settings,
    filters: between,
    group: maps.channels!,
  });
  const weight = c.e.rearranged(point!.name, kernelOrder(4, [3, 2]));
  const one: WindowSettings = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' };
  return finished(c, x!, convolve(c, first, weight, bias, { ...one, filters, group: 1 }));
};

/** Conv2DTranspose and Conv3DTranspose; the file keeps kernels as [...space, out, in]. */
export function transposed(rank: number): LayerRule {
  return (c, [x]) => {
    const maps = mapsOf(c, x!, rank);
    const filters = c.int('filters', 0);
    const { kernel: size, strides, dilations, padding } = windowSettings(c, rank);
    if (dilations.some(dilation => dilation !== 1)) throw new Untranslatable('is dilated');
    if (c.has('output_padding')) throw new Untranslatable('has an output_padding');
    const [kernel, bias] = c.weights([
      { name: 'kernel', dims: [...size, filters, maps.channels] },
      ...biasOf(c, filters),
    ]);
    if (padding !== 'same' && padding !== 'valid') throw new Untranslatable(`has the padding "${padding}"`);
    // By how much the windows reach over the result (cut off), or fall short of it (filled with the bias).
    const over = size.map((length, axis) => length - strides[axis]!);
    const total = over.map(excess => (padding === 'same' ? Math.max(0, excess) : 0));
    const before = total.map(pad => Math.floor(pad / 2));
    const weight = c.e.rearranged(kernel!.name, kernelOrder(rank + 2, [rank + 1, rank]));
    const name = c.e.op('ConvTranspose', [maps.name, weight, ...(bias ? [bias.name] : [])], {
      kernel_shape: size,
      strides,
      pads: [...before, ...total.map((pad, axis) => pad - before[axis]!)],
      output_padding: over.map(excess => Math.max(0, -excess)),
    });
    const space = maps.space.map((length, axis) =>
      length === null ? null : length * strides[axis]! + (padding === 'valid' ? Math.max(0, over[axis]!) : 0),
    );
    return finished(c, x!, { name, channels: filters, space });
  };
}

function windowSettings(c: LayerContext, rank: number): WindowSettings {
  return {
    kernel: c.ints('kernel_size', rank, 1),
    strides: c.ints('strides', rank, 1),
    dilations: c.ints('dilation_rate', rank, 1),
    padding: c.text('padding', 'valid'),
  };
}

function refuseGroups(c: LayerContext): void {
  if (c.int('groups', 1) !== 1) throw new Untranslatable('has groups, which TensorFlow.js does not compute');
}

function biasOf(c: LayerContext, filters: number): { name: string; dims: number[] }[] {
  return c.flag('use_bias', true) ? [{ name: 'bias', dims: [filters] }] : [];
}

function requireChannels({ channels }: Maps): number {
  if (channels === null) throw new Untranslatable('needs to know the channels of its input');
  return channels;
}

function depthwiseKernel(
  c: LayerContext,
  maps: Maps,
  settings: WindowSettings,
  name: string,
): { weight: string; filters: number; bias: KnownValue | undefined } {
  const multiplier = c.int('depth_multiplier', 1);
  const filters = requireChannels(maps) * multiplier;
  const [kernel, bias] = c.weights([
    { name, dims: [...settings.kernel, maps.channels, multiplier] },
    ...biasOf(c, filters),
  ]);
  return { weight: byChannelWeight(c, kernel!, settings, filters), filters, bias };
}

/** [...space, in, multiplier] as [in · multiplier, 1, ...space]. */
function byChannelWeight(
  c: LayerContext,
  kernel: KnownValue,
  { kernel: size }: WindowSettings,
  filters: number,
): string {
  const rank = size.length;
  const moved = c.e.rearranged(kernel.name, kernelOrder(rank + 2, [rank, rank + 1]));
  return c.e.op('Reshape', [moved, c.e.ints([filters, 1, ...size])]);
}

function convolve(
  c: LayerContext,
  maps: Maps,
  weight: string,
  bias: KnownValue | undefined,
  settings: WindowSettings & { readonly filters: number; readonly group: number },
): Maps {
  const { attributes, space } = windowPadding(settings, maps.space);
  const name = c.e.op('Conv', [maps.name, weight, ...(bias ? [bias.name] : [])], {
    kernel_shape: settings.kernel,
    strides: settings.strides,
    dilations: settings.dilations,
    group: settings.group,
    ...attributes,
  });
  return { name, channels: settings.filters, space };
}

/** The output of a convolution with the layer's activation. */
function finished(c: LayerContext, x: KnownValue, maps: Maps): KnownValue {
  return activated(c, fromMaps(c, x, maps));
}
