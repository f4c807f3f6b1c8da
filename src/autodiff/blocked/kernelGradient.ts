// The gradient of a convolution's kernel in the blocked layout: a convolution itself, whose channels are the samples,
// whose filter is the cotangent, and whose results are the kernel's elements. Sample by sample, every one is a group.
import { elementCount } from '../../tensor/tensor';
import type { Windows } from '../windows';
import type { Blocks } from './blocks';
import { planOf } from './convolution';

/** The summed kernel gradient in the kernel's own layout, or null where the blocked kernels do not take it. */
export function kernelGradient(
  k: Blocks,
  x: string,
  dy: string,
  w: Windows,
  group: number,
  dims: readonly number[],
): string | null {
  const plan = planOf(dims, group);
  if (!plan) return null;
  if (plan.depthwise) return depthwise(k, x, dy, w, dims, true);
  const samples = k.b.dims(x)[0]!;
  // The samples fill whole blocks; filling them up must not cost more than it gains.
  if (plan.channels < k.size || k.padded(samples) > 1.5 * samples) return null;
  if (w.dilations.some(dilation => dilation > 1)) return null;
  return full(k, x, dy, w, dims);
}

/** The kernel gradients of every sample, [N, …dims]: of depthwise kernels. Null for others. */
export function kernelGradients(
  k: Blocks,
  x: string,
  dy: string,
  w: Windows,
  group: number,
  dims: readonly number[],
): string | null {
  return planOf(dims, group)?.depthwise ? depthwise(k, x, dy, w, dims, false) : null;
}

/**
 * The kernel gradients of every sample as the blocked convolutions leave them, without a copy: a value for each block of
 * input channels. In memory it is [N, M/B, kernel, B, B]: last the output in its block, before it the channel. Null
 * where the blocked kernels do not take it.
 */
export function kernelGradientPieces(
  k: Blocks,
  x: string,
  dy: string,
  w: Windows,
  group: number,
  dims: readonly number[],
): string[] | null {
  const { b, size } = k;
  const plan = planOf(dims, group);
  const samples = b.dims(x)[0]!;
  if (!plan || plan.depthwise || plan.channels % size !== 0 || plan.outputs % size !== 0) return null;
  // The samples are the channels of one image: fewer than a block, or whole blocks.
  if (samples >= size && samples % size !== 0) return null;
  if (w.dilations.some(dilation => dilation > 1)) return null;
  const [inner, outputs] = [plan.channels / size, plan.outputs];
  const { before, after } = edges(w);
  const cutRows = Math.min(0, after[0]!);
  const split = b.reshape(k.blocked(x), [samples, inner, ...w.input, size]);
  // As in the sum over the samples, columns beyond the edge are written out.
  const wide = b.pad(split, [0, 0, 0, before[1]!, 0], [0, 0, cutRows, after[1]!, 0]);
  const [rows, line] = [w.input[0]! + cutRows, (w.input[1]! + before[1]! + after[1]!) * size];
  const flat = b.reshape(wide, [samples, inner, rows, line]);
  const parts =
    inner === 1
      ? [flat]
      : b.multi('Split', [flat], Array(inner).fill([samples, 1, rows, line]), {
          axis: 1,
          num_outputs: inner,
        });
  const filter = b.reshape(k.blocked(dy), [samples * outputs, 1, ...w.output]);
  return parts.map(part => {
    const source = b.reshape(part, [1, samples, rows, line]);
    const found = [1, samples * outputs, w.kernel[0]!, w.kernel[1]! * size];
    return k.op('Conv', [source, filter], found, {
      kernel_shape: w.output,
      strides: [1, 1],
      dilations: [w.strides[0]!, w.strides[1]! * size],
      pads: [before[0]!, 0, Math.max(0, after[0]!), 0],
      group: samples,
    });
  });
}

/** How many elements before and after each axis the windows reach over; negative where they leave some out. */
function edges(w: Windows): { before: readonly number[]; after: number[] } {
  const after = w.output.map((count, axis) => {
    const reach = (count - 1) * w.strides[axis]! + w.dilations[axis]! * (w.kernel[axis]! - 1) + 1;
    return reach - w.input[axis]! - w.before[axis]!;
  });
  return { before: w.before, after };
}

/** Every sample's channels are channels of one depthwise convolution; the sum over the samples may follow. */
function depthwise(
  k: Blocks,
  x: string,
  dy: string,
  w: Windows,
  dims: readonly number[],
  summed: boolean,
): string {
  const { b } = k;
  const [seen, given] = [k.blocked(x), k.blocked(dy)];
  const [samples, channels] = b.dims(seen) as [number, number];
  const all = samples * channels;
  const { before, after } = edges(w);
  const extra = after.map(count => Math.max(0, count));
  const found = w.kernel.map(
    (size, axis) => size + Math.floor((extra[axis]! - after[axis]!) / w.dilations[axis]!),
  );
  const made = k.op(
    'Conv',
    [b.reshape(seen, [1, all, ...w.input]), b.reshape(given, [all, 1, ...w.output])],
    [1, all, ...found],
    {
      kernel_shape: w.output,
      strides: w.dilations,
      dilations: w.strides,
      pads: [...before, ...extra],
      group: all,
    },
  );
  const split = b.reshape(made, [samples, channels / k.size, ...found, k.size]);
  const cut = b.slice(split, [2, 3], [0, 0], w.kernel);
  if (!summed) {
    const each = b.reshape(cut, [samples, channels, ...w.kernel]);
    return b.reshape(k.unblock(each, [samples, dims[0]!, ...w.kernel]), [samples, ...dims]);
  }
  const sum = b.sum(b.reshape(cut, [samples, channels * elementCount(w.kernel)]), [0]);
  const blocked = b.reshape(sum, [1, channels, ...w.kernel]);
  return b.reshape(k.unblock(blocked, [1, dims[0]!, ...w.kernel]), dims);
}

function full(k: Blocks, x: string, dy: string, w: Windows, dims: readonly number[]): string {
  const { b, size } = k;
  const [seen, given] = [k.blocked(x), k.blocked(dy)];
  const [samples, channels] = b.dims(seen) as [number, number];
  const outputs = b.dims(given)[1]!;
  const missing = k.padded(samples) - samples;
  const groups = (samples + missing) / size;
  const [inner, outer] = [channels / size, outputs / size];
  const { before, after } = edges(w);
  const [height, width] = [w.input[0]!, w.input[1]! + before[1]! + after[1]!];
  const cutRows = Math.min(0, after[0]!);
  const rows = height + cutRows;
  // Columns beyond the edge are written out: a window that reaches over it would be computed element by element.
  const wide = b.pad(
    b.reshape(seen, [samples, inner, ...w.input, size]),
    [0, 0, 0, before[1]!, 0],
    [missing, 0, cutRows, after[1]!, 0],
  );
  const line = width * size;
  const channelsFirst = b.transpose(b.reshape(wide, [samples + missing, inner, rows * line]), [1, 0, 2]);
  const turned = b.reshape(channelsFirst, [inner, samples + missing, rows, line]);
  const source = k.reorder(turned, b.dims(turned));
  const positions = elementCount(w.output);
  const filled = b.pad(b.reshape(given, [samples, outer, positions, size]), [0, 0, 0, 0], [missing, 0, 0, 0]);
  const filter = b.transpose(b.reshape(filled, [groups, size, outer, positions, size]), [2, 0, 3, 1, 4]);
  const made = k.op(
    'Conv',
    [source, b.reshape(filter, [outputs, samples + missing, ...w.output])],
    [inner, outputs, w.kernel[0]!, w.kernel[1]! * size],
    {
      kernel_shape: w.output,
      strides: [1, 1],
      dilations: [w.strides[0]!, w.strides[1]! * size],
      pads: [before[0]!, 0, Math.max(0, after[0]!), 0],
      group: 1,
    },
  );
  return fromBlocks(k, made, [outputs, channels, ...w.kernel], dims);
}

/** [C/B][M/B][h][w · B of C][B of M] as [M, C, h, w], cut to `dims`. */
function fromBlocks(k: Blocks, made: string, whole: readonly number[], dims: readonly number[]): string {
  const { b, size } = k;
  const [outputs, channels, ...kernel] = whole as [number, number, number, number];
  const [inner, places] = [channels / size, elementCount(kernel)];
  const byOutput = k.unblock(made, [inner, outputs, kernel[0]!, kernel[1]! * size]);
  const swapped = b.transpose(b.reshape(byOutput, [inner, outputs, places * size]), [1, 0, 2]);
  const blocks = b.reshape(swapped, [outputs * inner, size, 1, places]);
  const plain = places === 1 ? blocks : k.unblock(blocks, [outputs * inner, size, 1, places]);
  return b.slice(b.reshape(plain, whole), [0, 1], [0, 0], dims.slice(0, 2));
}
