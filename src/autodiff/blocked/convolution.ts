// Convolutions, their input gradients and their kernel gradients in the blocked layout.
import { elementCount } from '../../tensor/tensor';
import type { Windows } from '../windows';
import type { Blocks } from './blocks';

/** Convolutions with fewer input channels than this read the plain layout. */
const fewChannels = 8;

/** What a kernel [M, C/group, …] means for the blocked layout. */
export interface KernelPlan {
  readonly outputs: number;
  readonly channels: number;
  readonly depthwise: boolean;
}

/** How the blocked kernels take a convolution over two axes; null where they do not. */
export function planOf(kernelDims: readonly number[], group: number): KernelPlan | null {
  if (kernelDims.length !== 4) return null;
  const [outputs, inner] = kernelDims as [number, number];
  if (outputs % 4 !== 0) return null;
  if (group > 1)
    return inner === 1 && outputs === group ? { outputs, channels: group, depthwise: true } : null;
  return inner < fewChannels || inner % 4 === 0 ? { outputs, channels: inner, depthwise: false } : null;
}

/** Turns kernels into filters, each kernel once. */
export class Filters {
  private readonly made = new Map<string, string>();

  constructor(private readonly k: Blocks) {}

  private once(key: string, make: () => string): string {
    let value = this.made.get(key);
    if (value === undefined) this.made.set(key, (value = make()));
    return value;
  }

  /** The kernel with whole blocks of outputs: [M', C, h, w]. */
  private whole(kernel: string): string {
    return this.once(`whole|${kernel}`, () => {
      const outputs = this.k.b.dims(kernel)[0]!;
      return this.k.b.pad(kernel, [0, 0, 0, 0], [this.k.padded(outputs) - outputs, 0, 0, 0]);
    });
  }

  /** Inputs in whole blocks and side by side: [M', C'/B, h · w, B]. */
  private inputsLast(kernel: string): string {
    return this.once(`inputsLast|${kernel}`, () => {
      const { b, size } = this.k;
      const whole = this.whole(kernel);
      const [outputs, inner, ...area] = b.dims(whole) as [number, number, number, number];
      const blocked = this.k.reorder(whole, [outputs, this.k.padded(inner), ...area]);
      return b.reshape(blocked, [outputs, this.k.padded(inner) / size, elementCount(area), size]);
    });
  }

  /** The filter of the convolution itself: outputs innermost, then inputs of a block. */
  forward(kernel: string, plan: KernelPlan): string {
    return this.once(`forward|${kernel}`, () => {
      const { b, size } = this.k;
      const few = !plan.depthwise && plan.channels < fewChannels;
      const whole = this.whole(kernel);
      const [outputs, inner, ...area] = b.dims(whole) as [number, number, number, number];
      const alone = few || plan.depthwise;
      const dims = [outputs, alone ? inner : this.k.padded(inner), ...area];
      const view = [outputs / size, size, 1, elementCount(dims.slice(1))];
      const source = alone ? whole : this.inputsLast(kernel);
      return b.reshape(this.k.reorder(b.reshape(source, view), view), dims);
    });
  }

  /**
   * The filter that takes cotangents back through the kernel's elements at `places` (flat positions in the kernel, in
   * the order of the new kernel `area`): inputs and outputs change roles.
   */
  backward(kernel: string, plan: KernelPlan, places: readonly number[], area: readonly number[]): string {
    const { b, size } = this.k;
    if (plan.depthwise) {
      const filter = this.forward(kernel, plan);
      const [outputs, , ...all] = b.dims(filter) as [number, number, number, number];
      const flat = b.reshape(filter, [outputs / size, elementCount(all), size]);
      return b.reshape(pick(this.k, flat, 1, places), [outputs, 1, ...area]);
    }
    const turned = this.once(`turned|${kernel}`, () => {
      const source = this.inputsLast(kernel);
      const [outputs, blocks, count] = b.dims(source) as [number, number, number, number];
      const split = b.reshape(source, [outputs / size, size, blocks, count, size]);
      return b.transpose(split, [2, 0, 3, 1, 4]);
    });
    const [inner, outer] = b.dims(turned) as [number, number];
    return b.reshape(pick(this.k, turned, 2, places), [inner * size, outer * size, ...area]);
  }
}

function pick(k: Blocks, x: string, axis: number, places: readonly number[]): string {
  const dims = k.b.dims(x).map((dim, at) => (at === axis ? places.length : dim));
  if (places.length === k.b.dims(x)[axis] && places.every((place, index) => place === index)) return x;
  return k.b.op('Gather', [x, k.b.ints(places)], dims, { axis });
}

/** A convolution: the blocked result, or null where the blocked kernels do not take it. */
export function convolve(
  k: Blocks,
  filters: Filters,
  x: string,
  kernel: string,
  bias: string | undefined,
  w: Windows,
  group: number,
): string | null {
  const { b } = k;
  const plan = planOf(b.dims(kernel), group);
  if (!plan) return null;
  const few = !plan.depthwise && plan.channels < fewChannels;
  const missing = k.padded(plan.outputs) - plan.outputs;
  const inputs = [few ? k.plain(x) : k.blocked(x), filters.forward(k.plain(kernel), plan)];
  if (bias !== undefined) inputs.push(b.pad(k.plain(bias), [0], [missing]));
  const dims = [b.dims(x)[0]!, k.padded(plan.outputs), ...w.output];
  const { source, pads } = few
    ? { source: inputs[0]!, pads: [...w.before, ...w.after] }
    : withEdges(k, inputs[0]!, [...w.before, ...w.after], w.output[1]!);
  return k.op('Conv', [source, ...inputs.slice(1)], dims, {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads,
    group: plan.depthwise ? k.padded(group) : 1,
  });
}

/** Results in rows shorter than this lie mostly at the edge, where ONNX Runtime computes them one by one. */
const shortRow = 6;

/** The value with its padding along rows written out where rows are short, and what padding is left to do. */
function withEdges(
  k: Blocks,
  x: string,
  pads: readonly number[],
  columns: number,
): { source: string; pads: readonly number[] } {
  const [top, left, bottom, right] = pads as [number, number, number, number];
  if (columns >= shortRow || left + right === 0) return { source: x, pads };
  const [samples, channels, height, width] = k.b.dims(x) as [number, number, number, number];
  const split = k.b.reshape(x, [samples * (channels / k.size), height, width, k.size]);
  const wide = k.b.pad(split, [0, 0, left, 0], [0, 0, right, 0]);
  const source = k.b.reshape(wide, [samples, channels, height, left + width + right]);
  return { source, pads: [top, 0, bottom, 0] };
}

/**
 * The adjoint of a convolution by its input. The elements of the input that share their position modulo the stride
 * see the same elements of the kernel: a convolution of the cotangent for each such phase, put together afterwards.
 */
export function inputGradient(
  k: Blocks,
  filters: Filters,
  dy: string,
  kernel: string,
  w: Windows,
  group: number,
): string | null {
  const { b, size } = k;
  const plan = planOf(b.dims(kernel), group);
  const strided = w.strides.some(stride => stride > 1);
  if (!plan || (!plan.depthwise && plan.channels < fewChannels)) return null;
  if (strided && w.dilations.some(dilation => dilation > 1)) return null;
  const axes = w.strides.map((stride, axis) =>
    Array.from({ length: stride }, (_, phase) => phaseOf(w, axis, phase)),
  ) as [Phase[], Phase[]];
  if (axes.flat().some(phase => phase.before < 0)) return null;
  const [samples, channels] = [b.dims(dy)[0]!, k.padded(plan.channels)];
  const counts = w.input.map((length, axis) => Math.ceil(length / w.strides[axis]!)) as [number, number];
  const part = (rows: Phase, columns: Phase): string => {
    const area = [rows.offsets.length, columns.offsets.length];
    const places = rows.offsets.flatMap(row => columns.offsets.map(column => row * w.kernel[1]! + column));
    if (places.length === 0) return b.expand(b.scalar(0), [samples, channels, ...counts]);
    const filter = filters.backward(k.plain(kernel), plan, places, area);
    const whole = [rows.count, columns.count];
    const around = [rows.before, columns.before, rows.after, columns.after];
    const { source, pads } = withEdges(k, k.blocked(dy), around, whole[1]!);
    const made = k.op('Conv', [source, filter], [samples, channels, ...whole], {
      kernel_shape: area,
      strides: [1, 1],
      dilations: w.dilations,
      pads,
      group: plan.depthwise ? channels : 1,
    });
    if (whole.every((count, axis) => count === counts[axis])) return made;
    const split = b.reshape(made, [samples, channels / size, ...whole, size]);
    return b.reshape(b.slice(split, [2, 3], [0, 0], counts), [samples, channels, ...counts]);
  };
  const parts = axes[0].map(rows => axes[1].map(columns => part(rows, columns)));
  return interleave(k, parts, [samples, channels, ...w.input]);
}

/** The elements of an input axis at one position modulo the stride, and the part of the kernel that reaches them. */
interface Phase {
  /** Offsets in the kernel, in the order of the phase's own kernel. */
  readonly offsets: readonly number[];
  readonly before: number;
  readonly after: number;
  /** How many elements the convolution gives: at least those that are wanted. */
  readonly count: number;
}

function phaseOf(w: Windows, axis: number, phase: number): Phase {
  const [stride, dilation, size] = [w.strides[axis]!, w.dilations[axis]!, w.kernel[axis]!];
  const wanted = Math.ceil(w.input[axis]! / stride);
  const first = (phase + w.before[axis]!) % stride;
  const shift = Math.floor((phase + w.before[axis]!) / stride);
  const taps = Math.max(0, Math.ceil((size - first) / stride));
  const offsets = Array.from({ length: taps }, (_, tap) => first + stride * (taps - 1 - tap));
  const reach = dilation * (taps - 1);
  const before = taps === 0 ? 0 : reach - shift;
  const after = Math.max(0, wanted + reach - w.output[axis]! - before);
  return { offsets, before, after, count: w.output[axis]! + before + after - reach };
}

/** Blocked values of every phase as one: rows and columns in turn, cut to `dims`. */
export function interleave(
  k: Blocks,
  parts: readonly (readonly string[])[],
  dims: readonly number[],
): string {
  const { b, size } = k;
  const first = parts[0]![0]!;
  if (parts.length === 1 && parts[0]!.length === 1) return first;
  const [samples, channels, rows, columns] = b.dims(first) as [number, number, number, number];
  const lead = samples * (channels / size);
  const joined = parts.map(line =>
    b.concat(
      line.map(part => b.reshape(part, [lead, rows, columns, size])),
      3,
    ),
  );
  const width = columns * parts[0]!.length;
  const lines = b.concat(
    joined.map(line => b.reshape(line, [lead, rows, width * size])),
    2,
  );
  const height = rows * parts.length;
  const whole = b.reshape(lines, [lead, height, width, size]);
  return b.reshape(b.slice(whole, [1, 2], [0, 0], dims.slice(2)), dims);
}
