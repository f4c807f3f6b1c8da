// The linear algebra of a projection, as graphs over per-sample gradients: K = GᵀG and b = Gᵀv, then v − Gα. What can be
// a product of factors never becomes a p×k matrix (DESIGN §2, D2).
import { GraphBuilder } from '../autodiff/builder';
import { internalOpset } from '../onnx/upgrade';
import type { ValueInfo } from '../onnx/model';
import type { FloatArray, FloatType } from '../tensor/dtype';
import { elementCount } from '../tensor/tensor';
import { sizeOf, valuesOf, type FactorOutput } from './factors';
import { coefficients, type Emission } from './gramEmission';
import { gramShares, restOf } from './gramForms';
import { feedFloats, type GraphSpec, type RuntimeTensor } from './session';

/** Names of the graph inputs and outputs. */
export const gramNames = {
  gram: 'lethe/gram',
  coefficients: 'lethe/coefficients',
  vector: (parameter: string): string => `lethe/vector/${parameter}`,
  rest: (parameter: string): string => `lethe/rest/${parameter}`,
  explicit: (parameter: string): string => `lethe/explicit/${parameter}`,
};

/**
 * The graph from factors and vectors v (one a parameter), both of type `float`, to K and b side by side, float64 [k, k + 1].
 * Gradients of parameters that factors leave out come as explicit inputs [k, …].
 */
export function gramGraph(factors: readonly FactorOutput[], columns: number, float: FloatType): GraphSpec {
  const { e, inputs } = setUp(columns, float);
  // K and b of a piece make one value: were they apart, ONNX Runtime would keep all pieces in double for the other one.
  const shares = factors.flatMap(factor => gramShares(e, factor, vectorOf(e, factor)));
  return spec(e.b, inputs, [output(e.b, e.b.total(shares), gramNames.gram)]);
}

/**
 * The graph from factors, vectors v and coefficients α (float64 [k]) to v − Gα as `float`. Gα is computed in float64 or,
 * without `double`, in `float`.
 */
export function projectGraph(
  factors: readonly FactorOutput[],
  columns: number,
  float: FloatType,
  double: boolean,
): GraphSpec {
  const { e, inputs } = setUp(columns, float);
  inputs.push({ name: gramNames.coefficients, dtype: 'float64', dims: [columns] });
  e.b.declare(gramNames.coefficients, [columns]);
  const alpha = coefficients(e.b, gramNames.coefficients, double);
  const outputs = factors.map(factor => {
    const rest = restOf(e, factor, vectorOf(e, factor), alpha);
    return output(e.b, rest, gramNames.rest(factor.parameter));
  });
  return spec(e.b, inputs, outputs);
}

/** The feeds of both graphs that hold the factors, in the dims that the graphs expect. */
export function factorFeeds(
  factors: readonly FactorOutput[],
  values: Readonly<Record<string, RuntimeTensor>>,
  columns: number,
): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const factor of factors) {
    const explicit = factor.kind === 'explicit' || factor.kind === 'blocks';
    for (const [name, dims] of valuesOf(factor))
      feeds[name] ??= feedFloats(
        (values[name] as RuntimeTensor).data as FloatArray,
        explicit ? [columns, elementCount(dims.slice(1))] : dims,
      );
  }
  return feeds;
}

function setUp(columns: number, float: FloatType): { e: Emission; inputs: ValueInfo[] } {
  const b = new GraphBuilder('lethe-gram', float);
  const inputs: ValueInfo[] = [];
  const input = (name: string, dims: readonly number[]): string => {
    if (b.hasDims(name)) return b.reshape(name, dims);
    inputs.push({ name, dtype: float, dims });
    return b.declare(name, dims);
  };
  return { e: { b, columns, input }, inputs };
}

function vectorOf(e: Emission, factor: FactorOutput): string {
  return e.input(gramNames.vector(factor.parameter), [sizeOf(factor)]);
}

function output(b: GraphBuilder, value: string, name: string): ValueInfo {
  b.push({ name, opType: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: new Map() });
  return { name, dtype: name === gramNames.gram ? 'float64' : b.float, dims: b.dims(value) };
}

function spec(b: GraphBuilder, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): GraphSpec {
  return {
    nodes: b.nodes,
    constants: b.constants,
    inputs,
    outputs,
    opsets: new Map([['', internalOpset]]),
  };
}
