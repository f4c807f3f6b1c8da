// Rules of operators that move elements without changing them.
import { elementCount } from '../../tensor/tensor';
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

/** Gather: the cotangent is added back into the rows it came from. */
export const gatherRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    if (c.perSample(0)) return [gatherPerSample(c, dy)];
    const data = c.inDims(0);
    const axis = c.axis('axis', 0, data.length);
    const indices = c.inDims(1);
    const [before, size, after] = [
      elementCount(data.slice(0, axis)),
      data[axis]!,
      elementCount(data.slice(axis + 1)),
    ];
    const picks = elementCount(indices);
    // Gathered axis first, so that one row of updates belongs to one index.
    const rows = c.b.reshape(c.b.transpose(c.b.reshape(dy, [before, picks, after]), [1, 0, 2]), [
      picks,
      before * after,
    ]);
    const sum = addRows(c, positiveIndices(c, [picks, 1], size), rows, size);
    const back = c.b.transpose(c.b.reshape(sum, [size, before, after]), [1, 0, 2]);
    return [c.b.reshape(back, data)];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/**
 * Per-sample gradient of an embedding table: rows scattered into one table a sample. None where the indices do not
 * follow the samples.
 */
function gatherPerSample(c: RuleContext, dy: string): string | undefined {
  const data = c.inDims(0);
  const axis = c.axis('axis', 0, data.length);
  const samples = c.b.dims(dy)[0]!;
  const indices = c.inDims(1);
  if (axis !== 0 || indices[0] !== samples) return undefined;
  const [size, after] = [data[0]!, elementCount(data.slice(1))];
  const picks = elementCount(indices.slice(1));
  const flat = c.b.reshape(positiveIndices(c, [samples, picks], size), [samples, picks]);
  const offsets = c.b.tensor({
    dtype: 'int64',
    dims: [samples, 1],
    data: BigInt64Array.from({ length: samples }, (_, sample) => BigInt(sample * size)),
  });
  const rows = c.b.reshape(c.b.op('Add', [flat, offsets], [samples, picks]), [samples * picks, 1]);
  const updates = c.b.reshape(dy, [samples * picks, after]);
  const sum = addRows(c, rows, updates, samples * size);
  return c.b.reshape(sum, [samples, ...data]);
}

/**
 * [size, width] with every row of `rows` added where `indices` [count, 1] says. By ScatterElements: the ScatterND of
 * ONNX Runtime adds in parallel and loses rows that share an index.
 */
export function addRows(c: RuleContext, indices: string, rows: string, size: number): string {
  const [picks, width] = c.b.dims(rows) as [number, number];
  const target = c.b.expand(c.b.scalar(0), [size, width]);
  return c.b.op('ScatterElements', [target, c.b.expand(indices, [picks, width]), rows], [size, width], {
    axis: 0,
    reduction: 'add',
  });
}

/** The indices as int64 in the given dims, negative ones counted from the end. */
function positiveIndices(c: RuleContext, dims: readonly number[], size: number): string {
  const given = c.b.reshape(c.b.cast(c.in(1), 7), dims);
  const negative = c.b.op('Less', [given, c.b.ints([0])], dims);
  return c.b.op('Where', [negative, c.b.op('Add', [given, c.b.ints([size])], dims), given], dims);
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
