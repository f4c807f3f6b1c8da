// What K = GᵀG, b = Gᵀv and v − Gα are for the gradients of one parameter, in each form that they come in. Operands are
// cast to float64 before they are multiplied; only Gα may be asked for in float32.
import { microsoftDomain, type GraphBuilder } from '../autodiff/builder';
import { elementCount } from '../tensor/tensor';
import type { BlockedGradients, ExplicitGradients, FactorOutput, OuterFactors } from './factors';
import { sizeOf, valuesOf } from './factors';
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
import { tableRest, tableShares } from './gramTable';
import { windowRest, windowShares } from './gramWindows';

/** Explicit gradients are cast in pieces of at most this many bytes: the whole in double would leave all caches. */
const pieceBytes = 1.6e7;

/** The factor's shares of K and b side by side, float64 [k, k + 1]. `vector` is its part of v, [size]. */
export function gramShares(e: Emission, factor: FactorOutput, vector: string): string[] {
  switch (factor.kind) {
    case 'explicit':
    case 'blocks':
      return explicitShares(e, factor, vector);
    case 'outer':
      return outerShares(e, factor, vector);
    case 'table':
      return tableShares(e, factor, vector);
    default:
      return windowShares(e, factor, vector);
  }
}

/** The factor's part of v − Gα, [size]. */
export function restOf(e: Emission, factor: FactorOutput, vector: string, alpha: Coefficients): string {
  switch (factor.kind) {
    case 'explicit':
    case 'blocks':
      return explicitRest(e, factor, vector, alpha);
    case 'outer':
      return outerRest(e, factor, vector, alpha);
    case 'table':
      return tableRest(e, factor, vector, alpha);
    default:
      return windowRest(e, factor, vector, alpha);
  }
}

/** Some elements of explicit gradients [k, …] and of the vector beside them. */
interface Piece {
  readonly rows: string;
  readonly vector: string;
  readonly size: number;
}

/** Explicit gradients piece by piece, each emitted when it is used. `vector` has the order of the gradients. */
function* piecesOf(
  e: Emission,
  factor: ExplicitGradients | BlockedGradients,
  vector: string,
): Generator<Piece> {
  const { b, columns } = e;
  let before = 0;
  for (const [name, dims] of valuesOf(factor)) {
    const count = elementCount(dims.slice(1));
    const value = e.input(name, [columns, count]);
    const most = Math.max(64, Math.floor(pieceBytes / (8 * columns)));
    const width = Math.ceil(count / Math.ceil(count / most));
    for (let start = 0; start < count; start += width) {
      const end = Math.min(count, start + width);
      yield {
        rows: b.slice(value, [1], [start], [end]),
        vector: b.slice(vector, [0], [before + start], [before + end]),
        size: end - start,
      };
    }
    before += count;
  }
}

function explicitShares(e: Emission, factor: ExplicitGradients | BlockedGradients, vector: string): string[] {
  const { b, columns } = e;
  const shares: string[] = [];
  for (const piece of piecesOf(e, factor, inOrder(b, factor, vector))) {
    const rows = toDouble(b, piece.rows);
    const part = b.reshape(toDouble(b, piece.vector), [piece.size, 1]);
    shares.push(sideBySide(e, gramOfRows(e, rows), b.op('MatMul', [rows, part], [columns, 1])));
  }
  return shares;
}

/** How many products a Gram matrix is the sum of, so that each thread of ONNX Runtime has its own. */
const runs = 8;

/** R Rᵀ of rows in double precision, as a sum over runs of elements: a single product would be cut among threads. */
function gramOfRows({ b, columns }: Emission, rows: string): string {
  const count = b.dims(rows)[1]!;
  if (count % runs !== 0) return timesTransposed(b, rows, rows);
  const split = b.reshape(rows, [columns, runs, count / runs]);
  const attributes = { transBatchA: 1, transBatchB: 1, transB: 1 };
  const each = b.op('FusedMatMul', [split, split], [runs, columns, columns], attributes, microsoftDomain);
  return b.sum(each, [0]);
}

function explicitRest(
  e: Emission,
  factor: ExplicitGradients | BlockedGradients,
  vector: string,
  { name, parts }: Coefficients,
): string {
  const { b, columns } = e;
  const double = parts === null;
  const rests: string[] = [];
  for (const { rows, vector: part, size } of piecesOf(e, factor, inOrder(b, factor, vector))) {
    const gradients = inPrecision(b, rows, double);
    // Two products of one row each: ONNX Runtime multiplies a row as fast as it reads the matrix.
    const shares = (parts ?? [name]).map(alpha =>
      b.op('MatMul', [b.reshape(alpha, [1, columns]), gradients], [1, size]),
    );
    rests.push(lessShare(b, part, b.reshape(b.total(shares), [size]), double));
  }
  return fromOrder(b, factor, b.concat(rests, 0));
}

/** A vector in the order of a kernel [M, C, …] in the order of its blocked gradients; others keep theirs. */
function inOrder(b: GraphBuilder, factor: ExplicitGradients | BlockedGradients, vector: string): string {
  if (factor.kind === 'explicit') return vector;
  const [, outer, places, size] = factor.dims as [number, number, number, number];
  const split = b.reshape(vector, [outer, size, factor.values.length, size, places]);
  return b.reshape(b.transpose(split, [2, 0, 4, 3, 1]), [sizeOf(factor)]);
}

/** The way back. */
function fromOrder(b: GraphBuilder, factor: ExplicitGradients | BlockedGradients, vector: string): string {
  if (factor.kind === 'explicit') return vector;
  const [, outer, places, size] = factor.dims as [number, number, number, number];
  const split = b.reshape(vector, [factor.values.length, outer, places, size, size]);
  return b.reshape(b.transpose(split, [1, 4, 0, 3, 2]), [sizeOf(factor)]);
}

/** A factor [k, positions, size] as a matrix. */
function matrix(e: Emission, name: string, dims: readonly number[], double: boolean): string {
  const [, positions, size] = dims as [number, number, number];
  return e.b.reshape(inPrecision(e.b, e.input(name, dims), double), [e.columns * positions, size]);
}

/** For one position K is (L Lᵀ) ∘ (R Rᵀ), else that summed over pairs of positions; b is Σ L v ∘ R. */
function outerShares(e: Emission, factor: OuterFactors, vector: string): string[] {
  const { b, columns } = e;
  const [positions, rows, width] = [factor.leftDims[1]!, factor.leftDims[2]!, factor.rightDims[2]!];
  const left = matrix(e, factor.left, factor.leftDims, true);
  const right = matrix(e, factor.right, factor.rightDims, true);
  const pairs = b.binary('Mul', timesTransposed(b, left, left), timesTransposed(b, right, right));
  const gram =
    positions === 1 ? pairs : b.sum(b.reshape(pairs, [columns, positions, columns, positions]), [1, 3]);
  const applied = b.op('MatMul', [left, b.reshape(toDouble(b, vector), [rows, width])], b.dims(right));
  const terms = b.reshape(b.binary('Mul', applied, right), [columns, positions * width]);
  return [sideBySide(e, gram, b.sum(terms, [1]))];
}

function outerRest(e: Emission, factor: OuterFactors, vector: string, alpha: Coefficients): string {
  const { b, columns } = e;
  const [positions, rows, width] = [factor.leftDims[1]!, factor.leftDims[2]!, factor.rightDims[2]!];
  const double = alpha.parts === null;
  const left = matrix(e, factor.left, factor.leftDims, double);
  const right = b.reshape(e.input(factor.right, factor.rightDims), [columns, positions * width]);
  const scaled = b.reshape(scaledBy(b, right, alpha), [columns * positions, width]);
  const share = b.op('Gemm', [left, scaled], [rows, width], { transA: 1 });
  return lessShare(b, vector, b.reshape(share, [rows * width]), double);
}
