// A projection that holds no gradient of a single sample: conjugate gradients on products with G and Gᵀ (DESIGN §2, D2).
import type { FloatArray } from '../tensor/dtype';
import { allocateFloats, elementCount, floats, zeros, type Tensor } from '../tensor/tensor';
import { chunkLimit, chunksOf, takeChunk } from './batches';
import { alongColumns, combineColumns, type ColumnPlan } from './columns';
import type { ParameterValues } from './contracts';
import { cotangentGraph, seedName, tangentGraph, tangentName } from './graphs';
import { RuntimeFailure, feed, type RuntimeTensor } from './session';
import { sampleCount, shapeKey, type Workspace } from './workspace';

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
  /** ‖Gᵀr‖ / ‖Gᵀv‖ at the end. */
  readonly relativeResidual: number;
  /** ‖Gᵀr‖ / (√λ_max ‖r‖), λ_max from the directions that the iteration took: never too small. */
  readonly residual: number;
  /** Whether nothing of v is left: G spans it. */
  readonly spanned: boolean;
  /** Sample-gradient evaluations. */
  readonly cost: number;
}

/**
 * P_{G⊥} v, v being the parameters' values, by conjugate gradients on ‖v − Gα‖² (CGLS: Björck, *Numerical Methods for
 * Least Squares Problems*, 1996, algorithm 7.4.1). An iteration costs one product Gᵀr and one Gα over all samples, in
 * the model's type with sums over samples in float64. `outputs` names the value behind each head of the plan. Ends at a relative
 * residual of 1e-3 or after 200 iterations; where there are as many columns as parameters, once nothing of v is left.
 * Throws a RuntimeFailure when a product is not finite.
 */
export async function projectMatrixFree(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  plan: ColumnPlan,
  outputs: readonly string[],
): Promise<MatrixFreeVector> {
  const products = await Products.over(workspace, values, inputs, outputs);
  const samples = sampleCount(inputs);
  const rest = new Map([...values].map(([name, data]) => [name, Float64Array.from(data)]));
  const parameters = [...values.values()].reduce((sum, data) => sum + data.length, 0);
  const start = norm(rest.values());
  let slope = alongColumns(plan, await products.tangents(rest));
  const first = norm([slope]);
  let gamma = first ** 2;
  let direction = slope;
  let [iterations, largest, relative] = [0, 0, first === 0 ? 0 : 1];
  const spanned = (): boolean => norm(rest.values()) <= nothingLeft * start;
  while (
    iterations < mostIterations &&
    relative > (plan.columns.length < parameters ? relativeTolerance : 0) &&
    !spanned()
  ) {
    const step = await products.gradients(combineColumns(plan, samples, direction));
    const length = norm(step.values()) ** 2;
    if (!(length > 0)) break;
    largest = Math.max(largest, length / norm([direction]) ** 2);
    const size = gamma / length;
    for (const [name, data] of rest) {
      const along = step.get(name);
      if (along) for (let index = 0; index < data.length; index++) data[index]! -= size * along[index]!;
    }
    slope = alongColumns(plan, await products.tangents(rest));
    const next = norm([slope]) ** 2;
    if (!Number.isFinite(next))
      throw new RuntimeFailure(
        `The projection of ${workspace.parts.model.path} met a product that is not finite in iteration ${iterations + 1}. ` +
          'Look for extreme values in the weights and in the data.',
      );
    const ratio = next / gamma;
    direction = direction.map((value, index) => slope[index]! + ratio * value);
    gamma = next;
    relative = Math.sqrt(next) / first;
    iterations++;
  }
  const left = norm(rest.values());
  return {
    rest,
    iterations,
    relativeResidual: relative,
    residual: largest === 0 || left === 0 ? 0 : Math.sqrt(gamma / largest) / left,
    spanned: spanned(),
    // A product with G is a backward pass; one with Gᵀ about as much.
    cost: samples * (2 * iterations + 1),
  };
}

/** Products with the Jacobian of some outputs at one point, over all samples in chunks. */
class Products {
  private constructor(
    private readonly workspace: Workspace,
    private readonly values: ParameterValues,
    private readonly inputs: readonly Tensor[],
    private readonly outputs: readonly string[],
    private readonly shapes: Awaited<ReturnType<Workspace['gradientShapesFor']>>,
    private readonly blockSize: number | null,
  ) {}

  static async over(
    workspace: Workspace,
    values: ParameterValues,
    inputs: readonly Tensor[],
    outputs: readonly string[],
  ): Promise<Products> {
    const shapes = await workspace.gradientShapesFor(values, inputs);
    return new Products(workspace, values, inputs, outputs, shapes, await workspace.blockSize());
  }

  /** Jv: the tangents of each output, [samples, …]. */
  async tangents(direction: ReadonlyMap<string, Float64Array>): Promise<FloatArray[]> {
    const { outputs, shapes, workspace } = this;
    const float = workspace.parts.precision.type;
    const samples = sampleCount(this.inputs);
    const results = outputs.map(name => {
      const dims = shapes.dims(name, shapes.fixedBatch ?? samples);
      return allocateFloats(float, samples * elementCount(dims.slice(1)));
    });
    const moves = Object.fromEntries(
      workspace.parts.trainable.map(({ name, dims }) => [
        tangentName(name),
        feed(floats(float, dims, direction.get(name)!)),
      ]),
    );
    for (const chunk of this.chunks()) {
      const key = `tangent|${shapeKey(this.inputs)}|${chunk.size}|${outputs.join()}`;
      const graph = workspace.graph(key, () => tangentGraph(shapes, chunk.size, outputs, this.blockSize));
      const session = await workspace.session(key, 'the forward products', () => graph.spec);
      const found = await session.run({ ...this.feeds(chunk), ...moves });
      outputs.forEach((name, index) => {
        const tangent = graph.tangents.get(name);
        if (tangent === undefined) return;
        const data = found[tangent]?.data as FloatArray;
        const row = data.length / chunk.size;
        results[index]?.set(data.subarray(0, (chunk.end - chunk.start) * row), chunk.start * row);
      });
    }
    return results;
  }

  /** Jᵀu for cotangents u of each output, [samples, …]: by parameter; none where nothing arrives. */
  async gradients(cotangents: readonly Tensor[]): Promise<Map<string, Float64Array>> {
    const { outputs, shapes, workspace } = this;
    const sums = new Map<string, Float64Array>();
    for (const chunk of this.chunks()) {
      const key = `cotangent|${shapeKey(this.inputs)}|${chunk.size}|${outputs.join()}`;
      const graph = workspace.graph(key, () => cotangentGraph(shapes, chunk.size, outputs, this.blockSize));
      const session = await workspace.session(key, 'the gradient graph', () => graph.spec);
      const feeds = this.feeds(chunk);
      outputs.forEach((name, index) => {
        feeds[seedName(name)] = feed(takePadded(cotangents[index] as Tensor, chunk));
      });
      const found = await session.run(feeds);
      for (const [name, output] of graph.gradients) {
        const data = found[output]?.data as FloatArray;
        const sum = sums.get(name);
        if (!sum) sums.set(name, Float64Array.from(data));
        else for (let index = 0; index < sum.length; index++) sum[index]! += data[index]!;
      }
    }
    return sums;
  }

  private chunks(): ReturnType<typeof chunksOf> {
    return chunksOf(sampleCount(this.inputs), chunkLimit(this.shapes, 3), this.shapes.fixedBatch);
  }

  private feeds(chunk: ReturnType<typeof chunksOf>[number]): Record<string, RuntimeTensor> {
    return {
      ...this.workspace.dataFeeds(this.inputs.map(input => takeChunk(input, chunk))),
      ...this.workspace.weights(this.values),
    };
  }
}

/** The rows of a chunk; padding has no cotangent. */
function takePadded(tensor: Tensor, chunk: ReturnType<typeof chunksOf>[number]): Tensor {
  const rest = tensor.dims.slice(1);
  const row = elementCount(rest);
  const result = zeros(tensor.dtype, [chunk.size, ...rest]);
  (result.data as FloatArray).set((tensor.data as FloatArray).subarray(chunk.start * row, chunk.end * row));
  return result;
}

function norm(parts: Iterable<Float64Array>): number {
  let squares = 0;
  for (const part of parts) for (const value of part) squares += value * value;
  return Math.sqrt(squares);
}
