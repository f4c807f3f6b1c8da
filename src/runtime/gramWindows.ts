// K, b and v − Gα of a convolution's kernel from what lies at each position: windows overlap, so what they see is never
// written out. Positions come first and samples after them, so that all that is shifted stays in runs of samples.
import type { GraphBuilder } from '../autodiff/builder';
import { kernelOffsets } from '../autodiff/rules/window';
import { elementCount } from '../tensor/tensor';
import type { WindowFactors } from './factors';
import {
  inPrecision,
  lessShare,
  scaledBy,
  sideBySide,
  timesTransposed,
  toDouble,
  type Coefficients,
  type Emission,
} from './gramEmission';

/** A kernel element: the positions of the result whose windows have it inside the input, and what they see there. */
interface Reach {
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly shift: readonly number[];
  readonly count: number;
}

/** K_ij = Σ_ts (δ_it · δ_js) Σ_o (x_i,t+o · x_j,s+o), and b_i = Σ_o Σ_t δ_it · (v_o x_i,t+o). */
export function windowShares(e: Emission, factor: WindowFactors, vector: string): string[] {
  const { b, columns } = e;
  const [outputs, channels] = [factor.leftDims[2]!, factor.rightDims[2]!];
  const given = positionsFirst(e, factor.left, factor.windows.output, outputs, true);
  const seen = positionsFirst(e, factor.right, factor.windows.input, channels, true);
  const all = elementCount(factor.windows.output) * columns;
  const flat = (value: string): string => {
    const dims = b.dims(value);
    return b.reshape(value, [elementCount(dims.slice(0, -1)), dims[dims.length - 1]!]);
  };
  const pairs = b.binary(
    'Mul',
    timesTransposed(b, flat(given), flat(given)),
    b.reshape(overShifts(b, factor, timesTransposed(b, flat(seen), flat(seen)), [columns, columns]), [
      all,
      all,
    ]),
  );
  const positions = all / columns;
  const gram = b.sum(b.reshape(pairs, [positions, columns, positions, columns]), [0, 2]);
  const products: string[] = [];
  const parts = elementsFirst(e, factor, vector);
  byElement(factor).forEach((reach, element) => {
    if (reach.count === 0) return;
    const [rows, window] = [part(b, given, reach, false), part(b, seen, reach, true)];
    const weights = toDouble(b, elementOf(e, factor, parts, element));
    const applied = timesTransposed(b, flat(window), weights);
    const terms = b.binary('Mul', applied, flat(rows));
    products.push(b.sum(b.reshape(terms, [reach.count, columns, outputs]), [0, 2]));
  });
  // Where all windows lie in the padding, nothing is seen.
  const product = products.length > 0 ? b.total(products) : toDouble(b, b.expand(b.scalar(0), [columns]));
  return [sideBySide(e, gram, product)];
}

export function windowRest(e: Emission, factor: WindowFactors, vector: string, alpha: Coefficients): string {
  const { b, columns } = e;
  const [outputs, channels] = [factor.leftDims[2]!, factor.rightDims[2]!];
  const double = alpha.parts === null;
  const given = positionsFirst(e, factor.left, factor.windows.output, outputs, false);
  const seen = positionsFirst(e, factor.right, factor.windows.input, channels, double);
  const scaled = scaledBy(b, given, alpha);
  const size = elementCount(factor.windows.kernel);
  const parts = elementsFirst(e, factor, vector);
  const rests = byElement(factor).map((reach, element) => {
    const weights = elementOf(e, factor, parts, element);
    if (reach.count === 0) return b.reshape(weights, [1, outputs * channels]);
    const rows = reach.count * columns;
    const left = b.reshape(part(b, scaled, reach, false), [rows, outputs]);
    const right = b.reshape(part(b, seen, reach, true), [rows, channels]);
    const share = b.op('Gemm', [left, right], [outputs, channels], { transA: 1 });
    return b.reshape(lessShare(b, weights, share, double), [1, outputs * channels]);
  });
  return b.reshape(b.transpose(b.concat(rests, 0), [1, 0]), [outputs * channels * size]);
}

/** A factor [k, positions, size] as [… positions, k, size]. */
function positionsFirst(
  e: Emission,
  name: string,
  spatial: readonly number[],
  size: number,
  double: boolean,
): string {
  const { b, columns } = e;
  const whole = e.input(name, [columns, elementCount(spatial), size]);
  const turned = b.transpose(whole, [1, 0, 2]);
  return b.reshape(inPrecision(b, turned, double), [...spatial, columns, size]);
}

/** A vector in the order of the kernel [M, C, …] by element of the kernel: [elements, M · C]. */
function elementsFirst(e: Emission, factor: WindowFactors, vector: string): string {
  const size = elementCount(factor.windows.kernel);
  const count = factor.leftDims[2]! * factor.rightDims[2]!;
  return e.b.transpose(e.b.reshape(vector, [count, size]), [1, 0]);
}

/** Its part for one element: [M, C]. */
function elementOf(e: Emission, factor: WindowFactors, byElement: string, element: number): string {
  const one = e.b.slice(byElement, [0], [element], [element + 1]);
  return e.b.reshape(one, [factor.leftDims[2]!, factor.rightDims[2]!]);
}

function byElement({ windows: w }: WindowFactors): Reach[] {
  return kernelOffsets(w.kernel).map(offset => {
    const shift = offset.map((place, axis) => place * w.dilations[axis]! - w.before[axis]!);
    const from = shift.map(by => Math.max(0, -by));
    const to = shift.map((by, axis) => Math.min(w.output[axis]!, w.input[axis]! - by));
    const count = elementCount(from.map((start, axis) => Math.max(0, to[axis]! - start)));
    return { from, to, shift, count };
  });
}

/** The positions of an element's reach: of the result, or of the input when `seen`. */
function part(b: GraphBuilder, value: string, { from, to, shift }: Reach, seen: boolean): string {
  const moved = (places: readonly number[]): number[] =>
    places.map((place, axis) => place + (seen ? shift[axis]! : 0));
  return b.slice(
    value,
    from.map((_, axis) => axis),
    moved(from),
    moved(to),
  );
}

/**
 * Products of pairs of input positions, [S·k, S·l], to Σ over the kernel of those that two windows see at the same
 * element: [… output, k, … output, l]. One axis after the other: a sum over 3 × 3 elements is two sums of three.
 */
export function overShifts(
  b: GraphBuilder,
  { windows: w }: WindowFactors,
  products: string,
  [k, l]: readonly [number, number],
): string {
  const rank = w.input.length;
  const second = rank + 1;
  let value = b.reshape(products, [...w.input, k, ...w.input, l]);
  for (let axis = rank - 1; axis >= 0; axis--) {
    const [dilation, count, length] = [w.dilations[axis]!, w.kernel[axis]!, w.output[axis]!];
    const needed = (count - 1) * dilation + length;
    const after = Math.max(0, needed - w.input[axis]! - w.before[axis]!);
    const around = (by: number): number[] =>
      b.dims(value).map((_, at) => (at === axis || at === axis + second ? by : 0));
    const padded = b.pad(value, around(w.before[axis]!), around(after));
    const shifted = Array.from({ length: count }, (_, place) => {
      const start = place * dilation;
      return b.slice(padded, [axis, axis + second], [start, start], [start + length, start + length]);
    });
    value = b.total(shifted);
  }
  return value;
}
