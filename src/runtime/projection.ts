// One projection θ ← θ − ρ P_{G⊥} θ from per-sample factors that lie in ONNX Runtime (DESIGN §2, D2).
import type { FloatArray } from '../tensor/dtype';
import { gramSolver } from '../tensor/pseudoInverse';
import { allocateFloats, floatTypeOf } from '../tensor/tensor';
import { factorFeeds, gramGraph, gramNames, projectGraph } from './gram';
import { describeFactor, type FactorOutput } from './factors';
import { feedFloats, type RuntimeTensor, type Session } from './session';
import type { GraphSpec } from './session';
import type { ParameterValues } from './contracts';

/** What the linear algebra of a projection found. */
export interface ProjectedVector {
  /** P_{G⊥} v by parameter; parameters that no gradient reaches keep v. */
  readonly rest: ParameterValues;
  readonly rank: number;
  readonly residual: number;
}

/** A session for a graph; cached by the caller under the key. */
export type SessionSource = (key: string, what: string, make: () => GraphSpec) => Promise<Session>;

/**
 * P_{G⊥} v for v given by parameter. `factors` describe G, `values` hold them. α = K⁺b is refined once with what
 * rounding left, b − Kα = Gᵀ(v − Gα) ("twice is enough"), and Gα is taken off in float64, or in float32 where its terms
 * together are less than a quarter as long as v, so that rounding them is less than rounding v. The residual is
 * ‖G̃ᵀv_⊥‖ / (√λ_max(G̃ᵀG̃) ‖v_⊥‖) with G̃ the columns of G at unit length.
 */
export async function projectOut(
  vector: ParameterValues,
  factors: readonly FactorOutput[],
  values: Readonly<Record<string, RuntimeTensor>>,
  columns: number,
  sessions: SessionSource,
): Promise<ProjectedVector> {
  const [first] = vector.values();
  const float = first ? floatTypeOf(first) : 'float32';
  const key = `${columns}|${factors.map(describeFactor).join(';')}`;
  const gram = await sessions(`gram|${key}`, 'the Gram matrix', () => gramGraph(factors, columns, float));
  const names = factors.map(factor => factor.parameter);
  const feeds = factorFeeds(factors, values, columns);
  for (const name of names) {
    const data = vector.get(name) as FloatArray;
    feeds[gramNames.vector(name)] = feedFloats(data, [data.length]);
  }
  const { matrix, product } = apart((await gram.run(feeds))[gramNames.gram]?.data as Float64Array, columns);
  const solver = gramSolver(matrix, columns);
  const alpha = solver.solve(product);
  const left = remainder(matrix, product, alpha);
  solver.solve(left).forEach((value, index) => (alpha[index]! += value));
  const long = spread(matrix, alpha) > Math.sqrt(squaredLength(vector.values())) / 4;
  const double = float === 'float64' || long;
  const project = await sessions(`project|${double}|${key}`, 'the projection', () =>
    projectGraph(factors, columns, float, double),
  );
  const rest: ParameterValues = new Map(vector);
  // Written where it stays: what ONNX Runtime allocates itself would be copied.
  for (const name of names) rest.set(name, allocateFloats(float, vector.get(name)!.length));
  await project.run(
    { ...feeds, [gramNames.coefficients]: feedFloats(alpha, [columns]) },
    Object.fromEntries(
      names.map(name => {
        const data = rest.get(name)!;
        return [gramNames.rest(name), feedFloats(data, [data.length])];
      }),
    ),
  );
  return {
    rest,
    rank: solver.rank,
    residual: residualOf(
      remainder(matrix, product, alpha),
      solver.scale,
      solver.largest,
      names.map(name => rest.get(name) as FloatArray),
    ),
  };
}

/** K and b from the rows of [K | b]. */
function apart(joined: Float64Array, columns: number): { matrix: Float64Array; product: Float64Array } {
  const matrix = new Float64Array(columns * columns);
  const product = new Float64Array(columns);
  for (let row = 0; row < columns; row++) {
    const start = row * (columns + 1);
    matrix.set(joined.subarray(start, start + columns), row * columns);
    product[row] = joined[start + columns] as number;
  }
  return { matrix, product };
}

/** b − Kα. */
function remainder(matrix: Float64Array, product: Float64Array, alpha: Float64Array): Float64Array {
  const columns = product.length;
  return product.map((value, row) => {
    let sum = value;
    for (let column = 0; column < columns; column++)
      sum -= (matrix[row * columns + column] as number) * (alpha[column] as number);
    return sum;
  });
}

/** Σ |α_i| ‖g_i‖: how long the terms of Gα are together. */
function spread(matrix: Float64Array, alpha: Float64Array): number {
  const columns = alpha.length;
  return alpha.reduce(
    (sum, value, index) => sum + Math.abs(value) * Math.sqrt(Math.max(0, matrix[index * (columns + 1)]!)),
    0,
  );
}

function squaredLength(parts: Iterable<FloatArray>): number {
  let squares = 0;
  // Indices, not iterators: there are millions of elements.
  for (const part of parts)
    for (let index = 0; index < part.length; index++) squares += part[index]! * part[index]!;
  return squares;
}

/** ‖G̃ᵀv_⊥‖ / (√λ_max ‖v_⊥‖) from Gᵀv_⊥, the scale of the columns and λ_max of the scaled Gram matrix. */
export function residualOf(
  product: Float64Array,
  scale: Float64Array,
  largest: number,
  rest: Iterable<FloatArray>,
): number {
  const squares = squaredLength(rest);
  if (squares === 0 || largest === 0) return 0;
  let products = 0;
  product.forEach((value, index) => (products += (value * (scale[index] as number)) ** 2));
  return Math.sqrt(products / (largest * squares));
}
