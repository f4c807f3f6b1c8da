// Solving with a Gram matrix whose columns may be dependent: K⁺b in float64, with the rank that it found.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** A Gram matrix prepared for solving, its columns scaled to unit length first. */
export interface GramSolver {
  readonly rank: number;
  /** The largest eigenvalue of the scaled matrix. */
  readonly largest: number;
  /** 1 / √K_ii; 0 for a column that is zero. */
  readonly scale: Float64Array;
  /** α = K⁺ b. */
  solve(b: ArrayLike<number>): Float64Array;
}

/** Above this many columns the eigendecomposition in plain JavaScript is too slow. */
const eigenLimit = 300;

/**
 * Prepares K = GᵀG (row-major, k×k) for K⁺b. Eigenvalues below `cutOff` times the largest count as zero. Up to 300
 * columns by eigendecomposition; beyond by pivoted Cholesky, which keeps a largest independent subset of columns:
 * Gα is then the projection onto the same span.
 */
export function gramSolver(gram: ArrayLike<number>, columns: number, cutOff = 1e-10): GramSolver {
  const scale = new Float64Array(columns);
  for (let index = 0; index < columns; index++) {
    const diagonal = gram[index * columns + index] as number;
    scale[index] = diagonal > 0 ? 1 / Math.sqrt(diagonal) : 0;
  }
  const scaled = new Float64Array(columns * columns);
  for (let row = 0; row < columns; row++)
    for (let column = 0; column < columns; column++)
      scaled[row * columns + column] =
        (gram[row * columns + column] as number) * (scale[row] as number) * (scale[column] as number);
  return columns <= eigenLimit ? byEigenvalues(scaled, scale, cutOff) : byCholesky(scaled, scale, cutOff);
}

function byEigenvalues(scaled: Float64Array, scale: Float64Array, cutOff: number): GramSolver {
  const columns = scale.length;
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(columns, columns, scaled), {
    assumeSymmetric: true,
  });
  const values = decomposition.realEigenvalues;
  const vectors = decomposition.eigenvectorMatrix;
  const largest = Math.max(0, ...values);
  const kept = values.map((_, index) => index).filter(index => (values[index] as number) > cutOff * largest);
  return {
    rank: kept.length,
    largest,
    scale,
    solve(b) {
      const result = new Float64Array(columns);
      for (const index of kept) {
        let along = 0;
        for (let row = 0; row < columns; row++)
          along += vectors.get(row, index) * (scale[row] as number) * (b[row] as number);
        along /= values[index] as number;
        for (let row = 0; row < columns; row++) result[row]! += along * vectors.get(row, index);
      }
      return result.map((value, row) => value * (scale[row] as number));
    },
  };
}

function byCholesky(scaled: Float64Array, scale: Float64Array, cutOff: number): GramSolver {
  const columns = scale.length;
  const factor = Float64Array.from(scaled);
  const order = Array.from({ length: columns }, (_, index) => index);
  const rest = Float64Array.from(
    { length: columns },
    (_, index) => scaled[index * columns + index] as number,
  );
  // Row i of `lower` belongs to the column order[i]; only pivots are kept.
  const lower: Float64Array[] = Array.from({ length: columns }, () => new Float64Array(columns));
  let rank = 0;
  for (; rank < columns; rank++) {
    let pivot = rank;
    for (let index = rank + 1; index < columns; index++)
      if (rest[order[index]!]! > rest[order[pivot]!]!) pivot = index;
    const value = rest[order[pivot]!]!;
    if (!(value > cutOff)) break;
    [order[rank], order[pivot]] = [order[pivot]!, order[rank]!];
    const chosen = order[rank]!;
    const root = Math.sqrt(value);
    lower[chosen]![rank] = root;
    const chosenRow = lower[chosen]!;
    for (let index = rank + 1; index < columns; index++) {
      const other = order[index]!;
      const row = lower[other]!;
      let sum = factor[other * columns + chosen]!;
      for (let inner = 0; inner < rank; inner++) sum -= row[inner]! * chosenRow[inner]!;
      row[rank] = sum / root;
      rest[other]! -= row[rank]! ** 2;
    }
  }
  const pivots = order.slice(0, rank);
  return {
    rank,
    largest: largestEigenvalue(scaled, columns),
    scale,
    solve(b) {
      const solution = new Float64Array(rank);
      for (let index = 0; index < rank; index++) {
        const row = lower[pivots[index]!]!;
        let sum = b[pivots[index]!]! * scale[pivots[index]!]!;
        for (let inner = 0; inner < index; inner++) sum -= row[inner]! * solution[inner]!;
        solution[index] = sum / row[index]!;
      }
      for (let index = rank - 1; index >= 0; index--) {
        let sum = solution[index]!;
        for (let inner = index + 1; inner < rank; inner++)
          sum -= lower[pivots[inner]!]![index]! * solution[inner]!;
        solution[index] = sum / lower[pivots[index]!]![index]!;
      }
      const result = new Float64Array(columns);
      pivots.forEach((column, index) => (result[column] = solution[index]! * scale[column]!));
      return result;
    },
  };
}

/** The largest eigenvalue by power iteration; a few digits are enough for a relative residual. */
function largestEigenvalue(matrix: Float64Array, columns: number): number {
  let vector = new Float64Array(columns).fill(1 / Math.sqrt(columns));
  let value = 0;
  for (let round = 0; round < 50; round++) {
    const next = new Float64Array(columns);
    for (let row = 0; row < columns; row++) {
      let sum = 0;
      for (let column = 0; column < columns; column++)
        sum += matrix[row * columns + column]! * vector[column]!;
      next[row] = sum;
    }
    value = Math.hypot(...next);
    if (value === 0) return 0;
    vector = next.map(entry => entry / value);
  }
  return value;
}
