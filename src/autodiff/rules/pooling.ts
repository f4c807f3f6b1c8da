// Rules of pooling operators.
import { elementCount } from '../../tensor/tensor';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';
import { zeroGate } from './elementwise';
import { transposedConvolution, windowSlice, windowsOf, kernelOffsets } from './window';
import type { Windows } from '../windows';

/**
 * MaxPool: the cotangent goes to the element that ONNX Runtime picked, the first of equal ones. Where windows tile
 * the input, 0/1 masks by window position do it without indices (faster); else the indices of the pooling itself.
 */
export const maxPoolRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const w = windowsOf(c, kernelOf(c));
    if (!tiles(w)) return [scatter(c, dy)];
    const meaning = { x: c.in(0), y: c.out(), dy, windows: w };
    return [c.b.mark(spreadTiles(c, dy, w), { kind: 'tileGradient', ...meaning })];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [undefined];
    const flat = c.b.reshape(dx, [elementCount(c.inDims(0))]);
    const picks = c.b.reshape(indices(c), [elementCount(c.outDims())]);
    const gathered = c.b.op('Gather', [flat, picks], [elementCount(c.outDims())], { axis: 0 });
    return [c.b.reshape(gathered, c.outDims())];
  },
};

function kernelOf(c: RuleContext): readonly number[] {
  const kernel = c.ints('kernel_shape');
  if (!kernel)
    throw new DifferentiationError(`${describeNode(c.node)} lacks its kernel_shape. Export the model again.`);
  return kernel;
}

/** Whether the windows neither overlap nor leave gaps nor reach over the edge. */
function tiles(w: Windows): boolean {
  return w.kernel.every(
    (size, axis) =>
      size === w.strides[axis] &&
      w.dilations[axis] === 1 &&
      w.before[axis] === 0 &&
      w.output[axis]! * size <= w.input[axis]!,
  );
}

/** dx = dy where the element is the first maximum of its window, 0 elsewhere. */
function spreadTiles(c: RuleContext, dy: string, w: Windows): string {
  const { b } = c;
  const y = c.out();
  const outDims = c.outDims();
  const offsets = kernelOffsets(w.kernel);
  const parts: string[] = [];
  // What of dy is still to be given away once earlier positions of the window had their turn.
  let rest = dy;
  offsets.forEach((offset, index) => {
    if (index === offsets.length - 1) {
      parts.push(rest);
      return;
    }
    const below = b.binary('Sub', y, windowSlice(b, c.in(0), w, offset));
    const isMaximum = zeroGate(c, below);
    const part = b.binary('Mul', rest, isMaximum);
    parts.push(part);
    rest = b.binary('Sub', rest, part);
  });
  return interleave(c, parts, w, outDims);
}

/** Puts the parts of all window positions back in place: the inverse of taking strided slices. */
function interleave(
  c: RuleContext,
  parts: readonly string[],
  w: Windows,
  outDims: readonly number[],
): string {
  const { b } = c;
  const rank = w.kernel.length;
  const lead = outDims.slice(0, 2);
  // Joining from the last axis on: [.., w] for every offset of that axis becomes [.., w, k], then [.., w·k].
  let current = [...parts];
  let spatial = [...w.output];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = w.kernel[axis]!;
    const expanded = [...lead, ...spatial.slice(0, axis + 1), 1, ...spatial.slice(axis + 1)];
    const joined: string[] = [];
    const nextSpatial = spatial.map((dim, index) => (index === axis ? dim * size : dim));
    for (let start = 0; start < current.length; start += size) {
      const group = current.slice(start, start + size).map(part => b.reshape(part, expanded));
      joined.push(b.reshape(b.concat(group, axis + 3), [...lead, ...nextSpatial]));
    }
    current = joined;
    spatial = nextSpatial;
  }
  const missing = w.input.map((size, axis) => size - spatial[axis]!);
  return b.pad(current[0] as string, [0, 0, ...missing.map(() => 0)], [0, 0, ...missing]);
}

/** The flat indices of the maxima, as ONNX Runtime picks them. */
function indices(c: RuleContext): string {
  const name = c.b.fresh('MaxPool');
  const outputs = [name, `${name}:indices`];
  const attributes = new Map(c.node.attributes);
  attributes.delete('storage_order');
  c.b.push({ ...c.node, name, inputs: [c.in(0)], outputs, attributes });
  c.b.declare(name, c.outDims());
  return c.b.declare(outputs[1] as string, c.outDims());
}

function scatter(c: RuleContext, dy: string): string {
  const { b } = c;
  const [from, to] = [elementCount(c.outDims()), elementCount(c.inDims(0))];
  const target = b.expand(b.scalar(0), [to]);
  const sum = b.op('ScatterElements', [target, b.reshape(indices(c), [from]), b.reshape(dy, [from])], [to], {
    axis: 0,
    reduction: 'add',
  });
  return b.reshape(sum, c.inDims(0));
}

/**
 * AveragePool is linear; its adjoint spreads each cotangent over its window, divided by what the forward pass
 * divided by. That divisor is had from the operator itself (its mean of ones), so every way of counting is right.
 */
export const averagePoolRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const w = windowsOf(c, kernelOf(c));
    const [samples, channels] = c.inDims(0) as [number, number];
    const ones = b.table([1, 1, ...w.input], new Float32Array(elementCount(w.input)).fill(1));
    const mean = b.fresh('AveragePool');
    b.push({ ...c.node, name: mean, inputs: [ones], outputs: [mean] });
    b.declare(mean, [1, 1, ...w.output]);
    const share = b.binary('Div', mean, coverage(c, w));
    const single = b.reshape(b.binary('Mul', dy, share), [samples * channels, 1, ...w.output]);
    const kernel = b.floats([1, 1, ...w.kernel], new Array<number>(elementCount(w.kernel)).fill(1));
    return [b.reshape(transposedConvolution(b, single, kernel, w, 1, 1), c.inDims(0))];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** How many elements of the input each window covers: [1, 1, …output]. */
function coverage(c: RuleContext, w: Windows): string {
  let counts = [1];
  w.output.forEach((outputs, axis) => {
    const along = Array.from({ length: outputs }, (_, position) => {
      let covered = 0;
      for (let offset = 0; offset < w.kernel[axis]!; offset++) {
        const at = position * w.strides[axis]! + offset * w.dilations[axis]! - w.before[axis]!;
        if (at >= 0 && at < w.input[axis]!) covered++;
      }
      return covered;
    });
    counts = counts.flatMap(count => along.map(covered => count * covered));
  });
  return c.b.floats([1, 1, ...w.output], counts);
}

/** GlobalAveragePool: the mean over all spatial axes. */
export const globalAveragePoolRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const positions = elementCount(c.inDims(0).slice(2));
    return [c.b.expand(c.b.scale(dy, 1 / positions), c.inDims(0))];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** LpPool: y = (Σ|x|^p)^(1/p) over a window, so dx = sign(x)·|x|^(p−1) times the sum of dy·y^(1−p) over its windows. */
export const lpPoolRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const p = c.int('p', 2);
    const w = windowsOf(c, kernelOf(c));
    const [samples, channels] = c.inDims(0) as [number, number];
    const shares = b.reshape(b.binary('Mul', dy, lpScale(c, p)), [samples * channels, 1, ...w.output]);
    const kernel = b.floats([1, 1, ...w.kernel], new Array<number>(elementCount(w.kernel)).fill(1));
    const spread = b.reshape(transposedConvolution(b, shares, kernel, w, 1, 1), c.inDims(0));
    return [b.binary('Mul', spread, lpSlope(c, p))];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [undefined];
    const { b } = c;
    const p = c.int('p', 2);
    const w = windowsOf(c, kernelOf(c));
    const [samples, channels] = c.inDims(0) as [number, number];
    const weighted = b.reshape(b.binary('Mul', dx, lpSlope(c, p)), [samples * channels, 1, ...w.input]);
    const kernel = b.floats([1, 1, ...w.kernel], new Array<number>(elementCount(w.kernel)).fill(1));
    const sums = b.op('Conv', [weighted, kernel], [samples * channels, 1, ...w.output], {
      kernel_shape: w.kernel,
      strides: w.strides,
      dilations: w.dilations,
      pads: [...w.before, ...w.after],
    });
    return [b.binary('Mul', b.reshape(sums, c.outDims()), lpScale(c, p))];
  },
};

/** sign(x)·|x|^(p−1). */
function lpSlope(c: RuleContext, p: number): string {
  const { b } = c;
  if (p === 2) return c.in(0);
  const sign = b.unary('Sign', c.in(0));
  if (p === 1) return sign;
  return b.binary('Mul', sign, b.op('Pow', [b.unary('Abs', c.in(0)), b.scalar(p - 1)], c.inDims(0)));
}

/** y^(1−p); 0 where y is 0. */
function lpScale(c: RuleContext, p: number): string {
  const { b } = c;
  const zero = b.op('Equal', [c.out(), b.scalar(0)], c.outDims());
  const safe = b.op('Where', [zero, b.scalar(1), c.out()], c.outDims());
  const power = b.op('Pow', [safe, b.scalar(1 - p)], c.outDims());
  return b.op('Where', [zero, b.scalar(0), power], c.outDims());
}
