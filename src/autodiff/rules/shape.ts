// Rules of operators that move elements without changing them.
import { sameDims } from '../builder';
import { copyPadAdjoint } from './resize';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';

/** Flatten, Reshape, Squeeze, Unsqueeze: the cotangent goes back into the input's dims. */
export const reshapeRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.b.reshape(dy, c.inDims(0))],
  jvp: (c, [dx]) => [dx && c.b.reshape(dx, c.outDims())],
};

export const transposeRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    const perm = permutation(c);
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [dy && c.b.transpose(dy, inverse)];
  },
  jvp: (c, [dx]) => [dx && c.b.transpose(dx, permutation(c))],
};

function permutation(c: RuleContext): readonly number[] {
  const rank = c.inDims(0).length;
  return c.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

export const concatRule: Rule = {
  inputs: 'all',
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const axis = c.axis('axis', 0, c.outDims().length);
    let start = 0;
    return c.node.inputs.map((_, index) => {
      const end = start + (c.inDims(index)[axis] as number);
      const part = c.wants(index) ? c.b.slice(dy, [axis], [start], [end]) : undefined;
      start = end;
      return part;
    });
  },
  jvp: (c, tangents) => {
    const axis = c.axis('axis', 0, c.outDims().length);
    const parts = tangents.map((tangent, index) => tangent ?? zeros(c, c.inDims(index)));
    return [c.b.concat(parts, axis)];
  },
};

/** A value of zeros. */
export function zeros(c: RuleContext, dims: readonly number[]): string {
  return c.b.expand(c.b.scalar(0), dims);
}

/**
 * Pad: the cotangent of what was there before, and of every copy that reflection or repetition made of it. Negative
 * pads cut, so theirs is filled with zeros.
 */
export const padRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { before, after } = padsOf(c);
    const mode = c.string('mode', 'constant');
    const [dims, padded] = [c.inDims(0), c.outDims()];
    if (mode !== 'constant') {
      if ([...before, ...after].some(pad => pad < 0))
        throw new DifferentiationError(
          `${describeNode(c.node)} cuts and pads by ${mode} at once, which has no gradient rule. Freeze the parameters ` +
            'before it with "parameters": { "freeze": […] }.',
        );
      return [copyPadAdjoint(c, dy, mode, before, after)];
    }
    const positive = (pads: readonly number[]): number[] => pads.map(pad => Math.max(0, pad));
    const negative = (pads: readonly number[]): number[] => pads.map(pad => Math.max(0, -pad));
    const kept = c.b.slice(
      dy,
      dims.map((_, axis) => axis),
      positive(before),
      padded.map((size, axis) => size - Math.max(0, after[axis]!)),
    );
    return [c.b.pad(kept, negative(before), negative(after))];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [undefined];
    const { before, after } = padsOf(c);
    const mode = c.string('mode', 'constant');
    return [c.b.op('Pad', [dx, c.b.ints([...before, ...after])], c.outDims(), { mode })];
  },
};

function padsOf(c: RuleContext): { before: number[]; after: number[] } {
  const pads = c.knownInts(1);
  const rank = c.inDims(0).length;
  const axes = (c.has(3) ? c.knownInts(3) : c.inDims(0).map((_, axis) => axis))?.map(axis =>
    axis < 0 ? axis + rank : axis,
  );
  if (!pads || !axes)
    throw new DifferentiationError(
      `${describeNode(c.node)} computes its pads from the data, which has no gradient rule. Export the model with ` +
        'constant padding.',
    );
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, index) => {
    before[axis] = pads[index]!;
    after[axis] = pads[index + axes.length]!;
  });
  return { before, after };
}

/** Expand: a broadcast, undone by a sum. */
export const expandRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.unbroadcast(dy, 0)],
  jvp: (c, [dx]) => [dx && (sameDims(c.b.dims(dx), c.outDims()) ? dx : c.b.expand(dx, c.outDims()))],
};

/** Cast: passes gradients between floating types, which are all one here. */
export const castRule: Rule = {
  inputs: node => {
    const to = node.attributes.get('to');
    return to?.type === 'int' && floatingTypes.includes(to.value) ? [0] : [];
  },
  vjp: (_, [dy]) => [dy],
  jvp: (_, [dx]) => [dx],
};

/** ONNX data type numbers of float32, float16, float64 and bfloat16. */
const floatingTypes: readonly number[] = [1, 10, 11, 16];
