// Rules of operators that pick, place or repeat elements.
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';
import { addRows } from './lookup';
import { zeros } from './shape';

function known(c: RuleContext, index: number, what: string): readonly number[] {
  const values = c.knownInts(index);
  if (!values)
    throw new DifferentiationError(
      `${describeNode(c.node)} computes its ${what} from the data, which has no gradient rule. Export the model with ` +
        `constant ${what}.`,
    );
  return values;
}

/**
 * The adjoint of picking positions along an axis, each at most once: [.., size, ..] with zeros at what was not
 * picked. One Gather from the cotangent and a row of zeros.
 */
function unpick(b: GraphBuilder, dy: string, axis: number, picked: readonly number[], size: number): string {
  const dims = b.dims(dy);
  const before = dims.map(() => 0);
  const after = dims.map((_, at) => (at === axis ? 1 : 0));
  const padded = b.pad(dy, before, after);
  const source = new Array<number>(size).fill(picked.length);
  picked.forEach((position, at) => (source[position] = at));
  return b.op(
    'Gather',
    [padded, b.ints(source)],
    dims.map((dim, at) => (at === axis ? size : dim)),
    { axis },
  );
}

/** Slice: starts, ends, axes and steps as ONNX clamps them; negative steps run backwards. */
export const sliceRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const dims = c.inDims(0);
    const rank = dims.length;
    const starts = known(c, 1, 'starts');
    const axes = c.has(3) ? known(c, 3, 'axes') : starts.map((_, index) => index);
    const steps = c.has(4) ? known(c, 4, 'steps') : starts.map(() => 1);
    let result = dy;
    axes.forEach((given, index) => {
      const axis = given < 0 ? given + rank : given;
      const [size, step, length] = [dims[axis]!, steps[index]!, c.outDims()[axis]!];
      const raw = starts[index]! < 0 ? starts[index]! + size : starts[index]!;
      const start = step > 0 ? Math.min(Math.max(raw, 0), size) : Math.min(Math.max(raw, 0), size - 1);
      if (step === 1) {
        const at = (count: number): number[] => dims.map((_, other) => (other === axis ? count : 0));
        result = b.pad(result, at(start), at(size - start - length));
      } else {
        const picked = Array.from({ length }, (_, position) => start + position * step);
        result = unpick(b, result, axis, picked, size);
      }
    });
    return [result];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

export const splitRule: Rule = {
  inputs: [0],
  vjp: (c, cotangents) => {
    const axis = c.axis('axis', 0, c.inDims(0).length);
    const parts = c.node.outputs.map((_, index) => cotangents[index] ?? zeros(c, c.outDims(index)));
    return [c.b.concat(parts, axis)];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [];
    const name = c.b.fresh('Split');
    const outputs = c.node.outputs.map((_, index) => `${name}:${index}`);
    c.b.push({ ...c.node, name, inputs: [dx, ...c.node.inputs.slice(1)], outputs });
    return outputs.map((output, index) => c.b.declare(output, c.outDims(index)));
  },
};

/** Tile: the repeats are summed. */
export const tileRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const dims = c.inDims(0);
    const pairs = dims.flatMap((dim, axis) => [dim === 0 ? 0 : c.outDims()[axis]! / dim, dim]);
    const repeated = dims.map((_, axis) => 2 * axis);
    return [c.b.reshape(c.b.sum(c.b.reshape(dy, pairs), repeated), dims)];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** Trilu keeps a triangle, both ways. */
export const triluRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.again({ 0: dy })],
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** CumSum: the cotangent is summed from the other end. */
export const cumSumRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [
    dy &&
      c.b.op('CumSum', [dy, c.in(1)], c.inDims(0), {
        exclusive: c.int('exclusive', 0),
        reverse: 1 - c.int('reverse', 0),
      }),
  ],
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** TopK: values carry gradients to the places that the indices name; indices carry none. */
export const topKRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const axis = c.axis('axis', -1, c.inDims(0).length);
    const target = zeros(c, c.inDims(0));
    return [c.b.op('ScatterElements', [target, topIndices(c), dy], c.inDims(0), { axis })];
  },
  jvp: (c, [dx]) => {
    const axis = c.axis('axis', -1, c.inDims(0).length);
    return [dx && c.b.op('GatherElements', [dx, topIndices(c)], c.outDims(), { axis }), undefined];
  },
};

function topIndices(c: RuleContext): string {
  if (c.node.outputs[1]) return c.out(1);
  const name = c.b.fresh('TopK');
  c.b.push({ ...c.node, name, outputs: [name, `${name}:indices`] });
  c.b.declare(name, c.outDims());
  return c.b.declare(`${name}:indices`, c.outDims());
}

export const gatherElementsRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const axis = c.axis('axis', 0, c.inDims(0).length);
    const target = zeros(c, c.inDims(0));
    return [c.b.op('ScatterElements', [target, c.in(1), dy], c.inDims(0), { axis, reduction: 'add' })];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** GatherND, with batch axes: every place becomes the number of a row, and the cotangent's rows are added there. */
export const gatherNdRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const [dims, indexDims] = [c.inDims(0), c.inDims(1)];
    const batch = c.int('batch_dims', 0);
    const depth = indexDims[indexDims.length - 1]!;
    const batches = elementCount(dims.slice(0, batch));
    const picks = elementCount(indexDims.slice(batch, -1));
    const indexed = dims.slice(batch, batch + depth);
    const width = elementCount(dims.slice(batch + depth));
    const places = b.reshape(c.in(1), [batches, picks, depth]);
    const column = [batches, picks, 1];
    const parts = indexed.map((size, axis) => {
      const part = b.slice(places, [2], [axis], [axis + 1]);
      const negative = b.op('Less', [part, b.ints([0])], column);
      const counted = b.op('Where', [negative, b.op('Add', [part, b.ints([size])], column), part], column);
      return b.op('Mul', [counted, b.ints([elementCount(indexed.slice(axis + 1))])], column);
    });
    const rowsPerBatch = elementCount(indexed);
    const offsets = b.tensor({
      dtype: 'int64',
      dims: [batches, 1, 1],
      data: BigInt64Array.from({ length: batches }, (_, at) => BigInt(at * rowsPerBatch)),
    });
    const rows = parts.reduce((sum, part) => b.op('Add', [sum, part], column), b.expand(offsets, column));
    const sum = addRows(
      c.b,
      b.reshape(rows, [batches * picks, 1]),
      b.reshape(dy, [batches * picks, width]),
      batches * rowsPerBatch,
    );
    return [b.reshape(sum, dims)];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** DepthToSpace and SpaceToDepth only move elements: both are a reshape, a transpose and a reshape. */
export const depthToSpaceRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { perm, moved } = blocks(c, c.inDims(0), c.string('mode', 'DCR'));
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [c.b.reshape(c.b.transpose(c.b.reshape(dy, moved), inverse), c.inDims(0))];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

export const spaceToDepthRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { split, perm } = blocks(c, c.outDims(), 'DCR');
    return [c.b.reshape(c.b.transpose(c.b.reshape(dy, split), perm), c.inDims(0))];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** How [N, C·k², h, w] becomes [N, C, h·k, w·k]: split, permuted, and then joined. */
function blocks(
  c: RuleContext,
  deep: readonly number[],
  mode: string,
): { split: number[]; perm: number[]; moved: number[] } {
  const size = c.int('blocksize', 1);
  const [samples, channels, height, width] = deep as [number, number, number, number];
  const inner = channels / size ** 2;
  const split =
    mode === 'CRD'
      ? [samples, inner, size, size, height, width]
      : [samples, size, size, inner, height, width];
  const perm = mode === 'CRD' ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return { split, perm, moved: perm.map(axis => split[axis]!) };
}

/** OneHot: off and on values, chosen by indices. Linear in the two values. */
export const oneHotRule: Rule = {
  inputs: [2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const samples = c.perSample(2) ? c.outDims()[0]! : 1;
    const flat = [samples, elementCount(c.outDims()) / samples];
    const chosen = c.again({ 2: b.floats([2], [0, 1]) });
    const all = b.sum(b.reshape(dy, flat), [1], true);
    const on = b.sum(b.reshape(b.binary('Mul', dy, chosen), flat), [1], true);
    const both = b.concat([b.binary('Sub', all, on), on], 1);
    return [undefined, undefined, c.perSample(2) ? both : b.reshape(both, [2])];
  },
  jvp: (c, [, , dvalues]) => [dvalues && c.again({ 2: dvalues })],
};
