// The gradient of a convolution's kernel. Which of three forms is fastest depends on the shapes (`bench/SPEED.md`).
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import { kernelOffsets, padForWindows, windowSlice } from './window';
import type { Windows } from '../windows';

/** What every kernel element sees: [N, group, C/group · kernel, positions]. */
export function columns(b: GraphBuilder, x: string, w: Windows, group: number): string {
  const [samples, channels] = b.dims(x) as [number, number];
  const positions = elementCount(w.output);
  const padded = padForWindows(b, x, w);
  const slices = kernelOffsets(w.kernel).map(offset =>
    b.reshape(windowSlice(b, padded, w, offset), [samples, channels, 1, positions]),
  );
  return b.reshape(b.concat(slices, 2), [
    samples,
    group,
    (channels / group) * elementCount(w.kernel),
    positions,
  ]);
}

/**
 * The gradient of a convolution's kernel, sample by sample, from what its windows see and the cotangent of its
 * result: [samples, group, M/group, C/group · kernel].
 */
export function kernelGradients(b: GraphBuilder, x: string, dy: string, w: Windows, group: number): string {
  const [samples, outputs] = b.dims(dy) as [number, number];
  const rows = b.reshape(dy, [samples, group, outputs / group, elementCount(w.output)]);
  return b.matmul(rows, columns(b, x, w, group), { transB: true });
}

/** The same summed over the samples, in the order of [M, C/group, …kernel]. */
export function kernelGradient(b: GraphBuilder, x: string, dy: string, w: Windows, group: number): string {
  const [channels, outputs] = [b.dims(x)[1]!, b.dims(dy)[1]!];
  const size = elementCount(w.kernel);
  if (group === 1 && size > 1 && channels >= fewChannels)
    return channels * outputs <= 4 * elementCount(w.output)
      ? bySampleAndOffset(b, x, dy, w)
      : overAllPositions(b, x, dy, w);
  if (group === 1 && size === 1 && channels * outputs > 4 * elementCount(w.output))
    return overAllPositions(b, x, dy, w);
  return b.sum(kernelGradients(b, x, dy, w, group), [0]);
}

/** Products with fewer channels than this on one side leave the matrix kernels idle. */
const fewChannels = 8;

/** Large maps: a product for every sample and kernel element, then the sum over the samples. */
function bySampleAndOffset(b: GraphBuilder, x: string, dy: string, w: Windows): string {
  const [samples, channels] = b.dims(x) as [number, number];
  const outputs = b.dims(dy)[1]!;
  const positions = elementCount(w.output);
  const padded = padForWindows(b, x, w);
  const rows = b.reshape(dy, [samples, outputs, positions]);
  const each = kernelOffsets(w.kernel).map(offset => {
    const seen = b.reshape(windowSlice(b, padded, w, offset), [samples, channels, positions]);
    return b.reshape(b.sum(b.matmul(rows, seen, { transB: true }), [0]), [outputs, channels, 1]);
  });
  return b.concat(each, 2);
}

/** Small maps: channels last, one product over all positions of all samples for every kernel element. */
function overAllPositions(b: GraphBuilder, x: string, dy: string, w: Windows): string {
  const [samples, channels] = b.dims(x) as [number, number];
  const outputs = b.dims(dy)[1]!;
  const positions = elementCount(w.output);
  const rank = w.kernel.length;
  const last = b.transpose(x, [0, ...w.input.map((_, axis) => axis + 2), 1]);
  const needed = w.output.map(
    (size, axis) => (size - 1) * w.strides[axis]! + w.dilations[axis]! * (w.kernel[axis]! - 1) + 1,
  );
  const after = needed.map((size, axis) => Math.max(0, size - w.input[axis]! - w.before[axis]!));
  const padded = b.pad(last, [0, ...w.before, 0], [0, ...after, 0]);
  const rows = b.reshape(b.transpose(b.reshape(dy, [samples, outputs, positions]), [1, 0, 2]), [
    outputs,
    samples * positions,
  ]);
  const axes = Array.from({ length: rank }, (_, axis) => axis + 1);
  const each = kernelOffsets(w.kernel).map(offset => {
    const starts = offset.map((position, axis) => position * w.dilations[axis]!);
    const ends = starts.map((start, axis) => start + (w.output[axis]! - 1) * w.strides[axis]! + 1);
    const seen = b.reshape(b.slice(padded, axes, starts, ends, w.strides), [samples * positions, channels]);
    return b.reshape(b.matmul(rows, seen), [outputs, 1, channels]);
  });
  return b.transpose(b.concat(each, 1), [0, 2, 1]);
}
