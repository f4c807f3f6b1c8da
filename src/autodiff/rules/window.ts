// The geometry of sliding windows (convolution and pooling), and the sums that undo them.
import type { GraphBuilder } from '../builder';
import { DifferentiationError, describeNode, type RuleContext } from '../rule';
import type { Windows } from '../windows';

/** Reads the geometry of a node whose input 0 and output 0 are [N, C, …spatial]. */
export function windowsOf(c: RuleContext, kernel: readonly number[]): Windows {
  const input = c.inDims(0).slice(2);
  const output = c.outDims().slice(2);
  const ones = kernel.map(() => 1);
  const strides = c.ints('strides') ?? ones;
  const dilations = c.ints('dilations') ?? ones;
  const autoPad = c.string('auto_pad', 'NOTSET');
  let before: number[];
  let after: number[];
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    const total = input.map((size, axis) =>
      Math.max(0, (output[axis]! - 1) * strides[axis]! + dilations[axis]! * (kernel[axis]! - 1) + 1 - size),
    );
    before = total.map(pad => (autoPad === 'SAME_UPPER' ? Math.floor(pad / 2) : Math.ceil(pad / 2)));
    after = total.map((pad, axis) => pad - before[axis]!);
  } else if (autoPad === 'NOTSET' || autoPad === 'VALID') {
    const pads = (autoPad === 'NOTSET' ? c.ints('pads') : undefined) ?? [...ones, ...ones].map(() => 0);
    before = pads.slice(0, kernel.length);
    after = pads.slice(kernel.length);
  } else {
    throw new DifferentiationError(
      `${describeNode(c.node)} has auto_pad ${autoPad}, which ONNX does not define. Export the model again.`,
    );
  }
  if (before.length !== kernel.length || after.length !== kernel.length)
    throw new DifferentiationError(
      `${describeNode(c.node)} has ${before.length + after.length} pads for ${kernel.length} spatial axes. ` +
        'Export the model again.',
    );
  return { kernel, strides, dilations, before, after, input, output };
}

/** The offsets of every element of a kernel, last axis fastest. */
export function kernelOffsets(kernel: readonly number[]): number[][] {
  let offsets: number[][] = [[]];
  for (const size of kernel)
    offsets = offsets.flatMap(start => Array.from({ length: size }, (_, offset) => [...start, offset]));
  return offsets;
}

/** The value with the padding of its windows, enough that every window lies inside. */
export function padForWindows(b: GraphBuilder, x: string, w: Windows, value = 0): string {
  const needed = w.output.map(
    (size, axis) => (size - 1) * w.strides[axis]! + w.dilations[axis]! * (w.kernel[axis]! - 1) + 1,
  );
  const after = needed.map((size, axis) => Math.max(0, size - w.input[axis]! - w.before[axis]!));
  return b.pad(x, [0, 0, ...w.before], [0, 0, ...after], value);
}

/** What the kernel's element at `offset` sees: [N, C, …output] of a padded value. */
export function windowSlice(b: GraphBuilder, padded: string, w: Windows, offset: readonly number[]): string {
  const starts = offset.map((position, axis) => position * w.dilations[axis]!);
  const ends = starts.map((start, axis) => start + (w.output[axis]! - 1) * w.strides[axis]! + 1);
  const axes = starts.map((_, axis) => axis + 2);
  return b.slice(padded, axes, starts, ends, w.strides);
}

/**
 * The adjoint of a convolution with respect to its input: [N, C, …input] from [N, M, …output] and the kernel
 * [M, C/group, …]. A transposed convolution; cropped or filled where the windows do not meet the input's edges.
 */
export function transposedConvolution(
  b: GraphBuilder,
  dy: string,
  kernel: string,
  w: Windows,
  channels: number,
  group: number,
): string {
  const reach = w.output.map(
    (size, axis) => (size - 1) * w.strides[axis]! + w.dilations[axis]! * (w.kernel[axis]! - 1) + 1,
  );
  const rest = w.input.map((size, axis) => size + w.before[axis]! + w.after[axis]! - reach[axis]!);
  const samples = b.dims(dy)[0]!;
  const shared = { strides: w.strides, dilations: w.dilations, kernel_shape: w.kernel, group };
  if (rest.every((size, axis) => size >= 0 && size < w.strides[axis]!))
    return b.op('ConvTranspose', [dy, kernel], [samples, channels, ...w.input], {
      ...shared,
      pads: [...w.before, ...w.after],
      output_padding: rest,
    });
  const full = b.op('ConvTranspose', [dy, kernel], [samples, channels, ...reach], shared);
  const ends = reach.map((size, axis) => Math.min(size, w.before[axis]! + w.input[axis]!));
  const cropped = b.slice(
    full,
    w.input.map((_, axis) => axis + 2),
    w.before,
    ends,
  );
  const missing = w.input.map((size, axis) => size - (ends[axis]! - w.before[axis]!));
  return b.pad(cropped, [0, 0, ...missing.map(() => 0)], [0, 0, ...missing]);
}
