// One projection θ ← θ − ρ P_{G⊥} θ from per-sample factors that lie in ONNX Runtime (DESIGN §2, D2).
import { gramSolver } from '../tensor/pseudoInverse';
import { gramGraph, gramNames, projectGraph } from './gram';
import type { FactorOutput } from './graphs';
import { feed, feedFloats, type RuntimeTensor, type Session } from './session';
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
 * P_{G⊥} v for v given by parameter. `factors` describe G, `values` hold them. Done twice with the same G: the
 * second pass removes what rounding left of G in the first ("twice is enough"). The residual is
 * ‖G̃ᵀv_⊥‖ / (√λ_max(G̃ᵀG̃) ‖v_⊥‖) with G̃ the columns of G at unit length.
 */
export async function projectOut(
  vector: ParameterValues,
  factors: readonly FactorOutput[],
  values: Readonly<Record<string, RuntimeTensor>>,
  columns: number,
  sessions: SessionSource,
): Promise<ProjectedVector> {
  const key = `${columns}|${factors.map(describe).join(';')}`;
  const gram = await sessions(`gram|${key}`, 'the Gram matrix', () => gramGraph(factors, columns));
  const project = await sessions(`project|${key}`, 'the projection', () => projectGraph(factors, columns));
  const names = factors.map(factor => factor.parameter);
  const vectors = (source: ParameterValues): Record<string, RuntimeTensor> =>
    Object.fromEntries(
      names.map(name => {
        const data = source.get(name) as Float32Array;
        return [gramNames.vector(name), feedFloats(data, [data.length])];
      }),
    );
  const first = await gram.run({ ...values, ...vectors(vector) });
  const solver = gramSolver(dataOf(first[gramNames.gram]), columns);
  let rest = vector;
  let product = dataOf(first[gramNames.product]);
  for (let pass = 0; pass < 2; pass++) {
    const alpha = solver.solve(product);
    const found = await project.run({
      ...values,
      ...vectors(rest),
      [gramNames.coefficients]: feed({ dtype: 'float64', dims: [columns], data: alpha }),
    });
    const next: ParameterValues = new Map(vector);
    for (const name of names) next.set(name, found[gramNames.rest(name)]?.data as Float32Array);
    rest = next;
    product = dataOf(found[gramNames.product]);
  }
  return {
    rest,
    rank: solver.rank,
    residual: residualOf(product, solver.scale, solver.largest, rest, names),
  };
}

/** ‖G̃ᵀv_⊥‖ / (√λ_max ‖v_⊥‖) from Gᵀv_⊥, the scale of the columns and λ_max of the scaled Gram matrix. */
export function residualOf(
  product: Float64Array,
  scale: Float64Array,
  largest: number,
  rest: ParameterValues,
  names: readonly string[],
): number {
  let squares = 0;
  for (const name of names) for (const value of rest.get(name) as Float32Array) squares += value * value;
  if (squares === 0 || largest === 0) return 0;
  let products = 0;
  product.forEach((value, index) => (products += (value * (scale[index] as number)) ** 2));
  return Math.sqrt(products / (largest * squares));
}

function describe(factor: FactorOutput): string {
  return factor.kind === 'explicit'
    ? `${factor.parameter}=${factor.value}[${factor.dims.join()}]`
    : `${factor.parameter}=${factor.left}[${factor.leftDims.join()}]×${factor.right}[${factor.rightDims.join()}]`;
}

function dataOf(tensor: RuntimeTensor | undefined): Float64Array {
  return tensor?.data as Float64Array;
}
