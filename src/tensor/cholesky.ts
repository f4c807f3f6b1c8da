// The Cholesky factorisation of a symmetric positive definite matrix in float64, for some thousand rows at most.

/** A factored matrix A = L Lᵀ. */
export interface Cholesky {
  /** The squares of L's diagonal: what is left of each row's diagonal element once the rows before it are known. */
  readonly pivots: Float64Array;
  /** A⁻¹ b. */
  solve(b: Float64Array): Float64Array;
}

/**
 * Factors a symmetric matrix (row-major, size × size; only its lower half is read). Throws a RangeError that names the
 * row at which it is not positive definite.
 */
export function choleskyOf(matrix: Float64Array, size: number): Cholesky {
  const lower = new Float64Array(size * size);
  const pivots = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    const own = lower.subarray(row * size, row * size + row + 1);
    for (let column = 0; column <= row; column++) {
      const other = lower.subarray(column * size, column * size + column + 1);
      let sum = matrix[row * size + column]!;
      for (let inner = 0; inner < column; inner++) sum -= own[inner]! * other[inner]!;
      if (column < row) own[column] = sum / other[column]!;
      else {
        if (!(sum > 0)) throw new RangeError(`The matrix is not positive definite at row ${row}.`);
        pivots[row] = sum;
        own[row] = Math.sqrt(sum);
      }
    }
  }
  return {
    pivots,
    solve(b) {
      const x = Float64Array.from(b);
      for (let row = 0; row < size; row++) {
        let sum = x[row]!;
        for (let inner = 0; inner < row; inner++) sum -= lower[row * size + inner]! * x[inner]!;
        x[row] = sum / lower[row * size + row]!;
      }
      for (let row = size - 1; row >= 0; row--) {
        const value = (x[row] = x[row]! / lower[row * size + row]!);
        for (let inner = 0; inner < row; inner++) x[inner]! -= lower[row * size + inner]! * value;
      }
      return x;
    },
  };
}
