// Rules of operators that are linear maps along single axes: resizing, and padding by reflection or repetition.
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';

/** The value multiplied along an axis by a matrix [from, to]. */
function alongAxis(b: GraphBuilder, value: string, axis: number, matrix: string): string {
  const dims = b.dims(value);
  const last = dims.length - 1;
  const perm = dims.map((_, at) => (at === axis ? last : at === last ? axis : at));
  const moved = b.transpose(value, perm);
  const movedDims = b.dims(moved);
  const rows = elementCount(movedDims.slice(0, -1));
  const product = b.matmul(b.reshape(moved, [rows, dims[axis]!]), matrix);
  const to = b.dims(matrix)[1]!;
  return b.transpose(b.reshape(product, [...movedDims.slice(0, -1), to]), perm);
}

/**
 * Resize: separable, so its adjoint multiplies each axis by the transposed weights. Those are had from the operator
 * itself, applied to an identity matrix along one axis: every mode and every way of counting coordinates is right.
 */
export const resizeRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    if (c.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize')
      throw new DifferentiationError(
        `${describeNode(c.node)} crops while it resizes, which has no gradient rule. Freeze the parameters before it ` +
          'with "parameters": { "freeze": […] }.',
      );
    const [from, to] = [c.inDims(0), c.outDims()];
    const given = c.b.constants.get(c.node.inputs[2] ?? '');
    const scales = given && given.data.length > 0 ? Array.from(given.data as Float32Array) : null;
    const axes =
      c.ints('axes')?.map(axis => (axis < 0 ? axis + from.length : axis)) ?? from.map((_, axis) => axis);
    let result = dy;
    from.forEach((size, axis) => {
      const scale = scales?.[axes.indexOf(axis)];
      if (size === to[axis] && (scale === undefined || scale === 1)) return;
      result = alongAxis(c.b, result, axis, weights(c, size, to[axis]!, scale));
    });
    return [result];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
};

/** The transposed weights of resizing one axis: [to, from]. */
function weights(c: RuleContext, from: number, to: number, scale: number | undefined): string {
  const { b } = c;
  const identity = new Float32Array(from * from);
  for (let at = 0; at < from; at++) identity[at * (from + 1)] = 1;
  const source = b.table([1, 1, from, from], identity);
  const attributes = new Map(c.node.attributes);
  attributes.delete('axes');
  attributes.delete('keep_aspect_ratio_policy');
  const name = b.fresh('Resize');
  const inputs =
    scale === undefined
      ? [source, '', '', b.ints([1, 1, from, to])]
      : [source, '', b.floats([4], [1, 1, 1, scale])];
  b.push({ ...c.node, name, inputs, outputs: [name], attributes });
  b.declare(name, [1, 1, from, to]);
  return b.transpose(b.reshape(name, [from, to]), [1, 0]);
}

/** Pad by reflection, repetition of the edge or wrapping: each padded element is a copy of one inside. */
export function copyPadAdjoint(
  c: RuleContext,
  dy: string,
  mode: string,
  before: readonly number[],
  after: readonly number[],
): string {
  let result = dy;
  c.inDims(0).forEach((size, axis) => {
    const [head, tail] = [before[axis]!, after[axis]!];
    if (head === 0 && tail === 0) return;
    const length = size + head + tail;
    const matrix = new Float32Array(length * size);
    for (let at = 0; at < length; at++) matrix[at * size + sourceOf(at - head, size, mode)] = 1;
    result = alongAxis(c.b, result, axis, c.b.table([length, size], matrix));
  });
  return result;
}

/** The element that a padded position copies. */
function sourceOf(position: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(position, 0), size - 1);
  if (mode === 'wrap') return ((position % size) + size) % size;
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const folded = ((position % period) + period) % period;
  return folded < size ? folded : period - folded;
}
