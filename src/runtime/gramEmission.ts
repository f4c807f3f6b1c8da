// What the graphs of a projection's linear algebra share: where nodes go, precisions, small products.
import type { GraphBuilder } from '../autodiff/builder';

export const float64Type = 11;
export const float32Type = 1;

/** Where the nodes go, and what they start from. */
export interface Emission {
  readonly b: GraphBuilder;
  /** Samples: columns of G. */
  readonly columns: number;
  /** A float32 graph input, made the first time. */
  readonly input: (name: string, dims: readonly number[]) => string;
}

/** α as float64 or, where that is precise enough, as float32: [k]. */
export interface Coefficients {
  readonly name: string;
  readonly double: boolean;
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

/** v − share in the precision of the share, as float32. */
export function lessShare(b: GraphBuilder, vector: string, share: string, double: boolean): string {
  return double
    ? b.cast(b.binary('Sub', b.cast(vector, float64Type), share), float32Type)
    : b.binary('Sub', vector, share);
}

/** A float32 value in the precision that Gα is computed in. */
export function inPrecision(b: GraphBuilder, value: string, double: boolean): string {
  return double ? b.cast(value, float64Type) : value;
}
