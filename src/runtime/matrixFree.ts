// A projection that holds no gradient of a single sample: conjugate gradients on products with G and Gᵀ (DESIGN §2, D2).
import { throwIfCancelled } from '../shared/errors';
import type { Tensor } from '../tensor/tensor';
import { alongColumns, combineColumns, type ColumnPlan } from './columns';
import type { ParameterValues, ProjectionHooks } from './contracts';
import { Jacobian } from './jacobian';
import { nystromPreconditioner } from './nystrom';
import { RuntimeFailure } from './session';
import { sampleCount, type Workspace } from './workspace';

/** Iterations at most. */
export const mostIterations = 200;
/** The relative residual ‖Gᵀr‖ / ‖Gᵀv‖ at which the iteration ends. */
export const relativeTolerance = 1e-3;
/** What is left of v when it lies in the span of G, as far as products in float32 can tell. */
const nothingLeft = 1e-4;

/** Where an iteration ended. */
export interface MatrixFreeVector {
  /** P_{G⊥} v by parameter, as far as the iteration came. */
  readonly rest: ReadonlyMap<string, Float64Array>;
  readonly iterations: number;
  /** ‖Gᵀr‖ / ‖Gᵀv‖ at the end, from a product with the r that is returned. */
  readonly relativeResidual: number;
  /** ‖Gᵀr‖ / (√λ_max ‖r‖), with the largest ‖Gd‖² / ‖d‖² seen for λ_max: never too small. */
  readonly residual: number;
  /** Whether nothing of v is left: G spans it. */
  readonly spanned: boolean;
  /** Sample-gradient evaluations. */
  readonly cost: number;
}

/** Settings of the iteration. */
export interface MatrixFreeOptions extends ProjectionHooks {
  /** false iterates on K as it is, for comparison. */
  readonly precondition?: boolean;
}

/**
 * P_{G⊥} v, v being the parameters' values, by preconditioned conjugate gradients on ‖v − Gα‖² (CGLS: Björck, *Numerical
 * Methods for Least Squares Problems*, 1996, algorithms 7.4.1 and 7.4.3). Since what counts is how far constrained outputs
 * still move, ‖Gᵀr‖, the iterates are combined so that it is least (minimal residual smoothing: Weiss,
 * *Parameter-Free Iterative Linear Solvers*, 1996). An iteration costs one product Gᵀr and one Gα over all samples, in
 * the model's type with sums over samples in float64. `outputs` names the value behind each head of the plan. Ends at a relative
 * residual of 1e-3 or after 200 iterations; where there are as many columns as parameters, once nothing of v is left.
 * Throws a RuntimeFailure when a product is not finite, a CancelledError between products once the signal is aborted.
 */
export async function projectMatrixFree(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  plan: ColumnPlan,
  outputs: readonly string[],
  options: MatrixFreeOptions = {},
): Promise<MatrixFreeVector> {
  const { signal, progress } = options;
  const jacobian = await Jacobian.at(workspace, values, inputs, outputs, signal);
  const samples = sampleCount(inputs);
  const slopeOf = async (vector: Vector): Promise<Float64Array> =>
    alongColumns(plan, await jacobian.tangents(vector));
  const rest: Vector = new Map([...values].map(([name, data]) => [name, Float64Array.from(data)]));
  const parameters = [...values.values()].reduce((sum, data) => sum + data.length, 0);
  const start = norm(rest.values());
  let slope = await slopeOf(rest);
  const first = norm([slope]);
  const preconditioner =
    options.precondition === false || first === 0
      ? null
      : await nystromPreconditioner(workspace, values, inputs, plan, outputs, signal);
  const towards = (residual: Float64Array): Float64Array => preconditioner?.apply(residual) ?? residual;
  const smooth = { rest: copyOf(rest), slope: slope.slice() };
  let direction = towards(slope).slice();
  let gamma = dot(slope, direction);
  let [iterations, relative] = [0, first === 0 ? 0 : 1];
  // Preconditioned directions have little in them of the largest eigenvectors; the first slope has much.
  let largest = preconditioner
    ? (norm((await jacobian.gradients(combineColumns(plan, samples, slope))).values()) / first) ** 2
    : 0;
  const target = plan.columns.length < parameters ? relativeTolerance : 0;
  const spanned = (): boolean => norm(smooth.rest.values()) <= nothingLeft * start;
  while (iterations < mostIterations && relative > target && !spanned()) {
    progress?.({ iteration: iterations + 1, most: mostIterations, residual: relative, target });
    const step = await jacobian.gradients(combineColumns(plan, samples, direction));
    const length = norm(step.values()) ** 2;
    if (!(length > 0)) break;
    largest = Math.max(largest, length / norm([direction]) ** 2);
    const size = gamma / length;
    for (const [name, data] of rest) {
      const along = step.get(name);
      if (along) for (let index = 0; index < data.length; index++) data[index]! -= size * along[index]!;
    }
    slope = await slopeOf(rest);
    throwIfCancelled(signal);
    const next = towards(slope);
    const nextGamma = dot(slope, next);
    if (!Number.isFinite(nextGamma))
      throw new RuntimeFailure(
        `The projection of ${workspace.parts.model.path} met a product that is not finite in iteration ${iterations + 1}. ` +
          'Look for extreme values in the weights and in the data.',
      );
    moveTowards(smooth, rest, slope);
    const ratio = nextGamma / gamma;
    direction = direction.map((value, index) => next[index]! + ratio * value);
    gamma = nextGamma;
    relative = norm([smooth.slope]) / first;
    iterations++;
  }
  // What is told is measured: the combined slope would hide what rounding in float32 adds.
  const honest = iterations === 0 ? first : norm([await slopeOf(smooth.rest)]);
  const left = norm(smooth.rest.values());
  return {
    rest: smooth.rest,
    iterations,
    relativeResidual: first === 0 ? 0 : honest / first,
    residual: largest === 0 || left === 0 ? 0 : honest / Math.sqrt(largest) / left,
    spanned: spanned(),
    // A product with G is a backward pass; one with Gᵀ about as much.
    cost: samples * 2 * (iterations + 1) + (preconditioner ? samples + preconditioner.cost : 0),
  };
}

type Vector = Map<string, Float64Array>;

/** Moves (r̄, Gᵀr̄) along the line to (r, Gᵀr) to where ‖Gᵀr̄‖ is least. */
function moveTowards(
  smooth: { readonly rest: Vector; readonly slope: Float64Array },
  rest: Vector,
  slope: Float64Array,
): void {
  const change = slope.map((value, index) => value - smooth.slope[index]!);
  const square = dot(change, change);
  if (!(square > 0)) return;
  const share = -dot(smooth.slope, change) / square;
  for (let index = 0; index < change.length; index++) smooth.slope[index]! += share * change[index]!;
  for (const [name, data] of smooth.rest) {
    const other = rest.get(name)!;
    for (let index = 0; index < data.length; index++) data[index]! += share * (other[index]! - data[index]!);
  }
}

function copyOf(vector: Vector): Vector {
  return new Map([...vector].map(([name, data]) => [name, data.slice()]));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

function norm(parts: Iterable<Float64Array>): number {
  let squares = 0;
  for (const part of parts) squares += dot(part, part);
  return Math.sqrt(squares);
}
