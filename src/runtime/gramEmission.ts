// What the graphs of a projection's linear algebra share: where nodes go, precisions, small products.
import type { GraphBuilder } from '../autodiff/builder';
import { numberOf } from '../onnx/dataTypes';

/** Where the nodes go, and what they start from. */
export interface Emission {
  readonly b: GraphBuilder;
  /** Samples: columns of G. */
  readonly columns: number;
  /** A graph input of the graph's own type, made the first time. */
  readonly input: (name: string, dims: readonly number[]) => string;
}

/**
 * α [k] in double precision; with `parts` Gα is computed in the graph's own type, α being the sum of both parts. Rounding
 * α itself would leave some of G in what is orthogonal to it; rounding products and sums leaves noise without direction.
 */
export interface Coefficients {
  readonly name: string;
  readonly parts: readonly [string, string] | null;
}

/** α as it is to be computed with. */
export function coefficients(b: GraphBuilder, name: string, double: boolean): Coefficients {
  if (double) return { name, parts: null };
  const high = b.toFloat(name);
  return { name, parts: [high, b.toFloat(b.binary('Sub', name, toDouble(b, high)))] };
}

/** A factor's vectors [… positions, k, size] or [k, size], each times its column's coefficient. */
export function scaledBy(b: GraphBuilder, vectors: string, alpha: Coefficients): string {
  const columns = b.dims(alpha.name)[0]!;
  const scaled = b.binary('Mul', toDouble(b, vectors), b.reshape(alpha.name, [columns, 1]));
  return alpha.parts && b.float !== 'float64' ? b.toFloat(scaled) : scaled;
}

/** A · Bᵀ of matrices, by Gemm: ONNX Runtime has it in double precision. */
export function timesTransposed(b: GraphBuilder, left: string, right: string): string {
  const dims = [b.dims(left)[0] as number, b.dims(right)[0] as number];
  return b.op('Gemm', [left, right], dims, { transB: 1 });
}

/** Shares of K [k, k] and of b as one value [k, k + 1]. */
export function sideBySide(e: Emission, gram: string, product: string): string {
  return e.b.concat([gram, e.b.reshape(product, [e.columns, 1])], 1);
}

/** v − share in the precision of the share, in the graph's own type. */
export function lessShare(b: GraphBuilder, vector: string, share: string, double: boolean): string {
  const rest = b.binary('Sub', inPrecision(b, vector, double), share);
  return double && b.float !== 'float64' ? b.toFloat(rest) : rest;
}

/** A value in double precision; itself where it is. */
export function toDouble(b: GraphBuilder, value: string): string {
  return b.float === 'float64' ? value : b.cast(value, numberOf('float64'));
}

/** A value in the precision that Gα is computed in. */
export function inPrecision(b: GraphBuilder, value: string, double: boolean): string {
  return double ? toDouble(b, value) : value;
}
