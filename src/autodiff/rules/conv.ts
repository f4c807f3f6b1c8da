// The rule of Conv: any number of spatial axes, stride, dilation, padding and groups.
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import type { OuterFactor, Rule, RuleContext, WindowFactor } from '../rule';
import { sumTangents } from './elementwise';
import { factorsPay } from './factorCost';
import { columns, kernelGradient, kernelGradients } from './kernelGradient';
import { transposedConvolution, windowsOf } from './window';
import type { Windows } from '../windows';

/** Y[n, m] = Σ over channels and kernel of W[m] · X[n] under the window, plus B[m]. */
export const convRule: Rule = {
  inputs: [0, 1, 2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const w = geometry(c);
    return [
      c.wants(0) ? markedInputGradient(c, dy, w) : undefined,
      c.wants(1) ? weightGradient(c, dy, w) : undefined,
      c.wants(2) ? c.sumBatch(dy, [0, ...w.input.map((_, axis) => axis + 2)], 2) : undefined,
    ];
  },
  jvp: tangent,
  outer: (c, input, dy, columns) => (input === 1 ? factorOf(c, dy, columns) : undefined),
};

function geometry(c: RuleContext): Windows {
  return windowsOf(c, c.inDims(1).slice(2));
}

/** The tangent of a convolution of either kind, which is linear in its input, its kernel and its bias. */
function tangent(
  c: RuleContext,
  [dx, dw, db]: readonly (string | undefined)[],
): readonly (string | undefined)[] {
  const spatial = c.inDims(0).slice(2);
  return [
    sumTangents(c, [
      dx && convolve(c, dx, c.in(1)),
      dw && convolve(c, c.in(0), dw),
      db && c.b.reshape(db, [c.b.dims(db)[0]!, ...spatial.map(() => 1)]),
    ]),
  ];
}

function convolve(c: RuleContext, x: string, weight: string): string {
  const name = c.b.fresh('Conv');
  c.b.push({ ...c.node, name, inputs: [x, weight], outputs: [name] });
  return c.b.declare(name, c.outDims());
}

function markedInputGradient(c: RuleContext, dy: string, windows: Windows): string {
  const meaning = { dy, kernel: c.in(1), windows, group: c.int('group', 1) };
  return c.b.mark(inputGradient(c, dy, windows), { kind: 'inputGradient', ...meaning });
}

function inputGradient(c: RuleContext, dy: string, w: Windows): string {
  const { b } = c;
  const group = c.int('group', 1);
  const [outputs, inner] = c.inDims(1) as [number, number];
  const channels = c.inDims(0)[1]!;
  const edge = (pads: readonly number[]): number[] =>
    pads.map((pad, axis) => w.dilations[axis]! * (w.kernel[axis]! - 1) - pad);
  const [before, after] = [edge(w.before), edge(w.after)];
  if (w.strides.some(stride => stride !== 1) || [...before, ...after].some(pad => pad < 0))
    return transposedConvolution(b, dy, c.in(1), w, channels, group);
  // Stride 1: a plain convolution with the kernel turned around, far faster than a transposed one.
  const rank = w.kernel.length;
  const grouped = b.reshape(c.in(1), [group, outputs / group, inner, ...w.kernel]);
  const swapped = b.transpose(grouped, [0, 2, 1, ...w.kernel.map((_, axis) => axis + 3)]);
  const turned = flip(b, b.reshape(swapped, [channels, outputs / group, ...w.kernel]), rank);
  return b.op('Conv', [dy, turned], c.inDims(0), {
    kernel_shape: w.kernel,
    dilations: w.dilations,
    pads: [...before, ...after],
    strides: w.strides,
    group,
  });
}

/** The value reversed along its last `rank` axes. */
function flip(b: GraphBuilder, x: string, rank: number): string {
  const dims = b.dims(x);
  const axes = dims
    .map((_, axis) => axis)
    .slice(dims.length - rank)
    .filter(axis => dims[axis] !== 1);
  if (axes.length === 0) return x;
  const each = (value: number): string => b.ints(axes.map(() => value));
  return b.op('Slice', [x, each(-1), each(-(2 ** 31)), b.ints(axes), each(-1)], dims);
}

function weightGradient(c: RuleContext, dy: string, w: Windows): string {
  const group = c.int('group', 1);
  if (c.perSample(1)) {
    const meaning = { kind: 'kernelGradients', x: c.in(0), dy, windows: w, group } as const;
    const each = c.b.mark(kernelGradients(c.b, c.in(0), dy, w, group), meaning);
    return c.b.reshape(each, [c.inDims(0)[0]!, ...c.inDims(1)]);
  }
  const gradient = c.b.reshape(kernelGradient(c.b, c.in(0), dy, w, group), c.inDims(1));
  return c.b.mark(gradient, { kind: 'kernelGradient', x: c.in(0), dy, windows: w, group });
}

/** Factors by position, where the map is so small that they beat the gradient of every sample. */
function factorOf(c: RuleContext, dy: string, gradients: number): OuterFactor | WindowFactor | undefined {
  if (c.int('group', 1) !== 1) return undefined;
  const w = geometry(c);
  const [samples, channels] = c.inDims(0) as [number, number];
  const [outputs, positions] = [c.outDims()[1]!, elementCount(w.output)];
  const area = elementCount(w.kernel);
  // What windows see overlaps: with stride 1 the products of what they see are sums of products of positions.
  if (area > 1 && w.strides.every(stride => stride === 1)) {
    const seen = { positions: elementCount(w.input), size: channels, shifts: area };
    if (!factorsPay(gradients, { positions, size: outputs }, seen)) return undefined;
    return { x: c.in(0), dy, windows: w };
  }
  const inner = channels * area;
  if (!factorsPay(gradients, { positions, size: outputs }, { positions, size: inner })) return undefined;
  const { b } = c;
  return {
    left: b.channelsLast(dy),
    right:
      area === 1 && w.input.every((size, axis) => size === w.output[axis]) && w.before.every(pad => pad === 0)
        ? b.channelsLast(c.in(0))
        : b.transpose(b.reshape(columns(b, c.in(0), w, 1), [samples, inner, positions]), [0, 2, 1]),
  };
}

/** ConvTranspose: the adjoint of a convolution from its result to its input, so the roles of the two turn around. */
export const convTransposeRule: Rule = {
  inputs: [0, 1, 2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const w = transposedGeometry(c);
    const group = c.int('group', 1);
    const gradient = (): string =>
      c.perSample(1)
        ? b.reshape(kernelGradients(b, dy, c.in(0), w, group), [c.inDims(0)[0]!, ...c.inDims(1)])
        : b.reshape(kernelGradient(b, dy, c.in(0), w, group), c.inDims(1));
    return [
      c.wants(0) ? backConvolution(c, dy, w, group) : undefined,
      c.wants(1) ? gradient() : undefined,
      c.wants(2) ? c.sumBatch(dy, [0, ...w.input.map((_, axis) => axis + 2)], 2) : undefined,
    ];
  },
  jvp: tangent,
};

/** The plain convolution of which the node is the adjoint: its input is the node's output. */
function transposedGeometry(c: RuleContext): Windows {
  const kernel = c.inDims(1).slice(2);
  const ones = kernel.map(() => 1);
  const [input, output] = [c.outDims().slice(2), c.inDims(0).slice(2)];
  const strides = c.ints('strides') ?? ones;
  const dilations = c.ints('dilations') ?? ones;
  const reach = output.map(
    (count, axis) => (count - 1) * strides[axis]! + dilations[axis]! * (kernel[axis]! - 1) + 1,
  );
  const autoPad = c.string('auto_pad', 'NOTSET');
  const extra = c.ints('output_padding') ?? ones.map(() => 0);
  let before: number[];
  if (c.ints('output_shape') || autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    const total = reach.map((length, axis) => Math.max(0, length + extra[axis]! - input[axis]!));
    before = total.map(pad => (autoPad === 'SAME_UPPER' ? Math.floor(pad / 2) : Math.ceil(pad / 2)));
  } else {
    before = ((autoPad === 'NOTSET' ? c.ints('pads') : undefined) ?? ones.map(() => 0)).slice(
      0,
      kernel.length,
    );
  }
  const after = input.map((length, axis) => Math.max(0, reach[axis]! - before[axis]! - length));
  return { kernel, strides, dilations, before, after, input, output };
}

/** The plain convolution of a cotangent; what lies beyond the last window is cut first. */
function backConvolution(c: RuleContext, dy: string, w: Windows, group: number): string {
  const used = w.output.map(
    (count, axis) =>
      (count - 1) * w.strides[axis]! +
      w.dilations[axis]! * (w.kernel[axis]! - 1) +
      1 -
      w.before[axis]! -
      w.after[axis]!,
  );
  const cut = c.b.slice(
    dy,
    used.map((_, axis) => axis + 2),
    used.map(() => 0),
    used.map((length, axis) => Math.min(length, w.input[axis]!)),
  );
  return c.b.op('Conv', [cut, c.in(1)], c.inDims(0), {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.before, ...w.after],
    group,
  });
}
