// Sliding windows as TensorFlow describes them, in the terms of ONNX.
import { Untranslatable, type KnownValue, type ShortAttributes, type Size } from '../emitter';
import type { OpContext } from './opContext';

/** The windows of a convolution or pooling over the middle axes of [N, …, C]. */
export interface Windows {
  /** Attributes of the ONNX node. */
  readonly attributes: ShortAttributes;
  /** The sizes of the middle axes of the result. */
  readonly output: readonly Size[];
}

/** Reads strides, dilations and padding of a node whose value x has the channels last. */
export function windowsOf({ node }: OpContext, x: KnownValue, kernel: readonly number[]): Windows {
  const format = node.text('data_format', kernel.length === 3 ? 'NDHWC' : 'NHWC');
  if (!['NHWC', 'NDHWC', 'channelsLast'].includes(format)) {
    throw new Untranslatable(`has the data_format ${format}, which has no translation`);
  }
  const spatial = (name: string): number[] => {
    const all = node.ints(name);
    return all.length === kernel.length + 2 ? all.slice(1, -1) : kernel.map(() => 1);
  };
  const [strides, dilations] = [spatial('strides'), spatial('dilations')];
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  const input = x.dims.slice(1, -1);
  const padding = node.text('padding', 'VALID').toUpperCase();
  const shared = { strides, ...(dilations.some(dilation => dilation !== 1) ? { dilations } : {}) };
  if (padding === 'VALID') {
    const output = input.map((size, axis) => size && after(size, reach[axis]!, strides[axis]!));
    return { attributes: shared, output };
  }
  if (padding === 'EXPLICIT') {
    const pads = node.ints('explicit_paddings').slice(2, -2);
    const [before, behind] = [0, 1].map(side => kernel.map((_, axis) => pads[2 * axis + side] ?? 0)) as [
      number[],
      number[],
    ];
    const output = input.map(
      (size, axis) => size && after(size + before[axis]! + behind[axis]!, reach[axis]!, strides[axis]!),
    );
    return { attributes: { ...shared, pads: [...before, ...behind] }, output };
  }
  if (padding !== 'SAME') throw new Untranslatable(`has the padding ${padding}, which has no translation`);
  const output = input.map((size, axis) => size && Math.ceil(size / strides[axis]!));
  const total = output.map(
    (size, axis) => size && Math.max(0, (size - 1) * strides[axis]! + reach[axis]! - input[axis]!),
  );
  if (total.some(pad => pad === null)) return { attributes: { ...shared, auto_pad: 'SAME_UPPER' }, output };
  const before = total.map(pad => Math.floor(pad! / 2));
  const pads = [...before, ...total.map((pad, axis) => pad! - before[axis]!)];
  return { attributes: pads.some(pad => pad > 0) ? { ...shared, pads } : shared, output };
}

function after(size: number, reach: number, stride: number): number {
  const count = Math.floor((size - reach) / stride) + 1;
  if (count < 1)
    throw new Untranslatable(`has windows of ${reach}, larger than the ${size} elements they slide over`);
  return count;
}
