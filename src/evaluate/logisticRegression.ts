// Logistic regression with a small ridge, fitted by Newton's method on standardised features.

/** Scores samples: the larger, the likelier of kind 1; above 0 means more likely than not. */
export type Scorer = (features: readonly number[]) => number;

const ridge = 1e-2;
const steps = 25;

/**
 * Fits log p/(1 − p) = w·x + b to rows of features and kinds 0 or 1, minimising the summed log-loss plus
 * ½·ridge·‖w‖². Features are standardised by the rows' own mean and deviation. The ridge keeps separable data finite.
 */
export function logisticRegression(rows: readonly (readonly number[])[], kinds: readonly (0 | 1)[]): Scorer {
  const width = rows[0]?.length ?? 0;
  const means = Array.from({ length: width }, (_, column) => mean(rows.map(row => row[column]!)));
  const deviations = means.map((center, column) =>
    Math.sqrt(mean(rows.map(row => (row[column]! - center) ** 2))),
  );
  // A feature without spread tells nothing.
  const standardised = (row: readonly number[]): number[] => [
    ...row.map((value, column) =>
      deviations[column]! > 0 ? (value - means[column]!) / deviations[column]! : 0,
    ),
    1,
  ];
  const x = rows.map(standardised);
  const weights = new Array<number>(width + 1).fill(0);
  const score = (row: readonly number[]): number =>
    row.reduce((sum, value, column) => sum + value * weights[column]!, 0);
  for (let step = 0; step < steps; step++) {
    const gradient = weights.map((weight, column) => (column < width ? ridge * weight : 0));
    const hessian = weights.map((_, row) => weights.map((__, column) => (row === column ? ridge : 0)));
    x.forEach((row, sample) => {
      const p = 1 / (1 + Math.exp(-score(row)));
      const curvature = Math.max(1e-9, p * (1 - p));
      for (let a = 0; a <= width; a++) {
        gradient[a]! += (p - kinds[sample]!) * row[a]!;
        for (let b = 0; b <= width; b++) hessian[a]![b]! += curvature * row[a]! * row[b]!;
      }
    });
    const move = solve(hessian, gradient);
    // Newton's step may overshoot far from the optimum.
    const scale = Math.min(1, 5 / Math.max(...move.map(Math.abs), 1e-300));
    move.forEach((value, column) => (weights[column]! -= scale * value));
    if (Math.max(...move.map(Math.abs)) < 1e-9) break;
  }
  return features => score(standardised(features));
}

/** Solves a small symmetric positive definite system by Gaussian elimination with pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index]!]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++)
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let row = column + 1; row < size; row++) {
      const factor = rows[row]![column]! / rows[column]![column]!;
      for (let at = column; at <= size; at++) rows[row]![at]! -= factor * rows[column]![at]!;
    }
  }
  const result = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row--) {
    let rest = rows[row]![size]!;
    for (let column = row + 1; column < size; column++) rest -= rows[row]![column]! * result[column]!;
    result[row] = rest / rows[row]![row]!;
  }
  return result;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
