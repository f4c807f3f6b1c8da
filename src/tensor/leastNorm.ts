// Least-norm least-squares solutions and basic solutions of X W = Y in float64.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { gramSolver } from './pseudoInverse';

/** A matrix in row-major order. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Larger Gram matrices are not decomposed in plain JavaScript. */
export const leastNormLimit = 1200;

/** X⁺ of a fixed X. */
export interface LeastNormSolver {
  readonly rank: number;
  /** W = X⁺ Y, [columns of X, columns of Y]. */
  solve(y: Dense): Dense;
}

/**
 * Prepares X⁺ from the smaller of XXᵀ and XᵀX; singular values below 1e-5 of the largest count as zero. Each solution is
 * refined once with its own residual. Throws a RangeError when X has both more rows and more columns than can be
 * decomposed (`leastNormLimit`).
 */
export function leastNormSolver(x: Dense): LeastNormSolver {
  const apply = x.rows <= x.columns ? byRows(x) : byColumns(x);
  return {
    rank: apply.rank,
    solve(y) {
      const first = apply.solve(y);
      const again = apply.solve(subtract(y, multiply(x, first)));
      for (let index = 0; index < first.data.length; index++) first.data[index]! += again.data[index]!;
      return first;
    },
  };
}

/** Xᵀ(XXᵀ)⁺Y: however (XXᵀ)⁺ picks among dependent rows, Xᵀ of it is the same. */
function byRows(x: Dense): LeastNormSolver {
  const solver = gramSolver(outerGram(x), x.rows);
  return {
    rank: solver.rank,
    solve(y) {
      const result = new Float64Array(x.columns * y.columns);
      const column = new Float64Array(x.rows);
      for (let target = 0; target < y.columns; target++) {
        for (let row = 0; row < x.rows; row++) column[row] = y.data[row * y.columns + target]!;
        const alpha = solver.solve(column);
        for (let row = 0; row < x.rows; row++)
          for (let at = 0; at < x.columns; at++)
            result[at * y.columns + target]! += alpha[row]! * x.data[row * x.columns + at]!;
      }
      return { rows: x.columns, columns: y.columns, data: result };
    },
  };
}

/** (XᵀX)⁺XᵀY by eigendecomposition. */
function byColumns(x: Dense): LeastNormSolver {
  const size = x.columns;
  if (size > leastNormLimit)
    throw new RangeError(
      `A matrix of ${x.rows} × ${size} is too large: at most ${leastNormLimit} of the smaller.`,
    );
  const gram = innerGram(x);
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(size, size, gram), {
    assumeSymmetric: true,
  });
  const values = decomposition.realEigenvalues;
  const vectors = decomposition.eigenvectorMatrix;
  const largest = Math.max(0, ...values);
  const kept = values.map((_, index) => index).filter(index => values[index]! > 1e-10 * largest);
  return {
    rank: kept.length,
    solve(y) {
      const product = transposedTimes(x, y);
      const result = new Float64Array(size * y.columns);
      for (let target = 0; target < y.columns; target++)
        for (const index of kept) {
          let along = 0;
          for (let row = 0; row < size; row++)
            along += vectors.get(row, index) * product[row * y.columns + target]!;
          along /= values[index]!;
          for (let row = 0; row < size; row++)
            result[row * y.columns + target]! += along * vectors.get(row, index);
        }
      return { rows: size, columns: y.columns, data: result };
    },
  };
}

/**
 * Columns of X that span all of them, chosen by Gram–Schmidt with pivots (the column with the largest rest first),
 * until the rest is below 1e-6 of the largest column.
 */
export function spanningColumns(x: Dense): number[] {
  const rest = Array.from({ length: x.columns }, (_, column) =>
    Float64Array.from({ length: x.rows }, (__, row) => x.data[row * x.columns + column]!),
  );
  const squares = rest.map(column => dot(column, column));
  const cutOff = 1e-12 * Math.max(0, ...squares);
  const chosen: number[] = [];
  while (chosen.length < Math.min(x.rows, x.columns)) {
    let best = 0;
    for (let column = 1; column < squares.length; column++)
      if (squares[column]! > squares[best]!) best = column;
    if (!(squares[best]! > cutOff)) break;
    chosen.push(best);
    const length = Math.sqrt(squares[best]!);
    const unit = rest[best]!.map(value => value / length);
    squares[best] = -1;
    rest.forEach((column, index) => {
      if (squares[index]! < 0) return;
      const along = dot(unit, column);
      for (let row = 0; row < column.length; row++) column[row]! -= along * unit[row]!;
      squares[index] = dot(column, column);
    });
  }
  return chosen.sort((a, b) => a - b);
}

/** A · B. */
export function multiply(a: Dense, b: Dense): Dense {
  const data = new Float64Array(a.rows * b.columns);
  for (let row = 0; row < a.rows; row++)
    for (let inner = 0; inner < a.columns; inner++) {
      const factor = a.data[row * a.columns + inner]!;
      if (factor === 0) continue;
      const from = inner * b.columns;
      const to = row * b.columns;
      for (let column = 0; column < b.columns; column++)
        data[to + column]! += factor * b.data[from + column]!;
    }
  return { rows: a.rows, columns: b.columns, data };
}

/** A − B. */
export function subtract(a: Dense, b: Dense): Dense {
  return { ...a, data: a.data.map((value, index) => value - b.data[index]!) };
}

/** The matrix with a column of ones behind it. */
export function withOnes(x: Dense): Dense {
  const columns = x.columns + 1;
  const data = new Float64Array(x.rows * columns).fill(1);
  for (let row = 0; row < x.rows; row++)
    data.set(x.data.subarray(row * x.columns, (row + 1) * x.columns), row * columns);
  return { rows: x.rows, columns, data };
}

function outerGram(x: Dense): Float64Array {
  const gram = new Float64Array(x.rows * x.rows);
  const row = (index: number): Float64Array => x.data.subarray(index * x.columns, (index + 1) * x.columns);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j <= i; j++) gram[i * x.rows + j] = gram[j * x.rows + i] = dot(row(i), row(j));
  return gram;
}

function innerGram(x: Dense): Float64Array {
  return transposedTimes(x, x);
}

/** Xᵀ Y, row-major. */
function transposedTimes(x: Dense, y: Dense): Float64Array {
  const result = new Float64Array(x.columns * y.columns);
  for (let row = 0; row < x.rows; row++)
    for (let i = 0; i < x.columns; i++) {
      const factor = x.data[row * x.columns + i]!;
      if (factor === 0) continue;
      const from = row * y.columns;
      const to = i * y.columns;
      for (let j = 0; j < y.columns; j++) result[to + j]! += factor * y.data[from + j]!;
    }
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
