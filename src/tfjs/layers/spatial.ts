// Values as convolutions and pooling see them: [N, C, …space], whatever the layout of the layer's data.
import { Untranslatable, range, type KnownValue, type Size } from '../emitter';
import type { LayerContext } from './layerContext';

/** A value with its channels behind the batch: [N, channels, …space]. */
export interface Maps {
  readonly name: string;
  readonly channels: Size;
  readonly space: readonly Size[];
}

/** The input of a layer as maps of `rank` spatial axes. */
export function mapsOf(c: LayerContext, x: KnownValue, rank: number): Maps {
  if (x.dims.length !== rank + 2) {
    throw new Untranslatable(`takes ${rank + 2} axes, but its input has ${x.dims.length}`);
  }
  if (c.channelsFirst) {
    return { name: c.e.plain(x).name, channels: x.dims[1]!, space: x.dims.slice(2) };
  }
  return { name: c.e.channelsFirst(x).name, channels: x.dims.at(-1)!, space: x.dims.slice(1, -1) };
}

/** The maps of a layer as its output. */
export function fromMaps(c: LayerContext, x: KnownValue, { name, channels, space }: Maps): KnownValue {
  const batch = x.dims[0]!;
  return c.channelsFirst
    ? { name, dtype: x.dtype, dims: [batch, channels, ...space], layout: 'plain' }
    : { name, dtype: x.dtype, dims: [batch, ...space, channels], layout: 'channels-first' };
}

/** How windows move over maps. */
export interface WindowSettings {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: string;
}

/**
 * The padding of windows in ONNX terms, and the sizes of the result. TensorFlow puts the larger half of an odd padding
 * behind; where a size is not known, ONNX Runtime works that out.
 */
export function windowPadding(
  { kernel, strides, dilations, padding }: WindowSettings,
  space: readonly Size[],
): { attributes: Record<string, readonly number[] | string>; space: Size[] } {
  const reach = kernel.map((size, axis) => dilations[axis]! * (size - 1) + 1);
  if (padding === 'valid') {
    const sizes = space.map((size, axis) =>
      size === null ? null : Math.floor((size - reach[axis]!) / strides[axis]!) + 1,
    );
    if (sizes.some(size => size !== null && size < 1)) {
      throw new Untranslatable('has windows larger than its input');
    }
    return { attributes: { pads: Array<number>(2 * kernel.length).fill(0) }, space: sizes };
  }
  if (padding !== 'same')
    throw new Untranslatable(`has the padding "${padding}", which TensorFlow.js does not compute`);
  const sizes = space.map((size, axis) => (size === null ? null : Math.ceil(size / strides[axis]!)));
  const total = space.map((size, axis) => {
    if (strides[axis] === 1) return reach[axis]! - 1;
    if (size === null) return null;
    return Math.max(0, (sizes[axis]! - 1) * strides[axis]! + reach[axis]! - size);
  });
  if (total.includes(null)) return { attributes: { auto_pad: 'SAME_UPPER' }, space: sizes };
  const before = total.map(pad => Math.floor(pad! / 2));
  const after = total.map((pad, axis) => pad! - before[axis]!);
  return { attributes: { pads: [...before, ...after] }, space: sizes };
}

/** The order of axes that puts the last `count` of `rank` axes first, last one first. */
export function kernelOrder(rank: number, last: readonly number[]): number[] {
  return [...last, ...range(0, rank - last.length)];
}
