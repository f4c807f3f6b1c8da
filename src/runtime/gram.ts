// The linear algebra of a projection, as graphs over per-sample factors: K = GᵀG and b = Gᵀv, then v − Gα.
// Everything is cast to float64 before it is multiplied; the p×k matrix G is never formed (DESIGN §2, D2).
import { GraphBuilder } from '../autodiff/builder';
import { internalOpset } from '../onnx/upgrade';
import type { ValueInfo } from '../onnx/model';
import { elementCount } from '../tensor/tensor';
import type { FactorOutput } from './graphs';
import type { GraphSpec } from './session';

const float64Type = 11;
const float32Type = 1;

/** Names of the graph inputs and outputs. */
export const gramNames = {
  gram: 'lethe/gram',
  product: 'lethe/product',
  coefficients: 'lethe/coefficients',
  vector: (parameter: string): string => `lethe/vector/${parameter}`,
  rest: (parameter: string): string => `lethe/rest/${parameter}`,
  explicit: (parameter: string): string => `lethe/explicit/${parameter}`,
};

/** A factor in double precision, as matrices. */
type Factor =
  | { readonly kind: 'explicit'; readonly rows: string; readonly size: number }
  | {
      readonly kind: 'outer';
      readonly left: string;
      readonly right: string;
      readonly positions: number;
      readonly size: readonly [number, number];
    };

interface Setup {
  readonly b: GraphBuilder;
  readonly inputs: ValueInfo[];
  readonly factors: readonly { readonly parameter: string; readonly factor: Factor }[];
}

/**
 * The graph from factors and vectors v (one a parameter, float32) to K [k, k] and b [k], both float64. Gradients of
 * parameters that factors leave out come as explicit inputs [k, …].
 */
export function gramGraph(factors: readonly FactorOutput[], columns: number): GraphSpec {
  const { b, inputs, factors: list } = setUp(factors, columns);
  const grams: string[] = [];
  const products: string[] = [];
  for (const { parameter, factor } of list) {
    grams.push(gramOf(b, factor, columns));
    products.push(productWith(b, factor, vectorOf(b, parameter, factor), columns));
  }
  const outputs = [
    output(b, b.total(grams), gramNames.gram),
    output(b, b.total(products), gramNames.product),
  ];
  return spec(b, inputs, outputs);
}

/** The graph from factors, vectors v and coefficients α (float64 [k]) to v − Gα (float32) and Gᵀ(v − Gα). */
export function projectGraph(factors: readonly FactorOutput[], columns: number): GraphSpec {
  const { b, inputs, factors: list } = setUp(factors, columns);
  inputs.push({ name: gramNames.coefficients, dtype: 'float64', dims: [columns] });
  b.declare(gramNames.coefficients, [columns]);
  const outputs: ValueInfo[] = [];
  const products: string[] = [];
  for (const { parameter, factor } of list) {
    const rest = b.binary('Sub', vectorOf(b, parameter, factor), combination(b, factor, columns));
    const single = b.op('Cast', [rest], b.dims(rest), { to: float32Type });
    outputs.push(output(b, single, gramNames.rest(parameter), 'float32'));
    products.push(productWith(b, factor, rest, columns));
  }
  outputs.push(output(b, b.total(products), gramNames.product));
  return spec(b, inputs, outputs);
}

function setUp(factors: readonly FactorOutput[], columns: number): Setup {
  const b = new GraphBuilder('lethe-gram');
  const inputs: ValueInfo[] = [];
  const cast = new Map<string, string>();
  const asDouble = (name: string, dims: readonly number[]): string => {
    let value = cast.get(name);
    if (value === undefined) {
      inputs.push({ name, dtype: 'float32', dims });
      b.declare(name, dims);
      value = b.cast(name, float64Type);
      cast.set(name, value);
    }
    return value;
  };
  const list = factors.map(found => {
    const count =
      found.kind === 'explicit'
        ? elementCount(found.dims.slice(1))
        : (found.leftDims[2] as number) * (found.rightDims[2] as number);
    asDouble(gramNames.vector(found.parameter), [count]);
    if (found.kind === 'explicit') {
      const rows = b.reshape(asDouble(found.value, found.dims), [columns, count]);
      return { parameter: found.parameter, factor: { kind: 'explicit' as const, rows, size: count } };
    }
    const [, positions, rows] = found.leftDims as [number, number, number];
    const width = found.rightDims[2] as number;
    const left = b.reshape(asDouble(found.left, found.leftDims), [columns * positions, rows]);
    const right = b.reshape(asDouble(found.right, found.rightDims), [columns * positions, width]);
    const size: readonly [number, number] = [rows, width];
    return { parameter: found.parameter, factor: { kind: 'outer' as const, left, right, positions, size } };
  });
  const vectors = new Map(
    list.map(({ parameter }) => [parameter, cast.get(gramNames.vector(parameter)) as string]),
  );
  for (const [parameter, value] of vectors) b.declare(doubleVector(parameter), b.dims(value));
  for (const [parameter, value] of vectors)
    b.push({
      name: doubleVector(parameter),
      opType: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [doubleVector(parameter)],
      attributes: new Map(),
    });
  return { b, inputs, factors: list };
}

function doubleVector(parameter: string): string {
  return `lethe-gram/double/${parameter}`;
}

function vectorOf(b: GraphBuilder, parameter: string, factor: Factor): string {
  const dims = factor.kind === 'explicit' ? [factor.size, 1] : factor.size;
  return b.reshape(doubleVector(parameter), dims);
}

/** A · Bᵀ of matrices, by Gemm: ONNX Runtime has it in double precision. */
function timesTransposed(b: GraphBuilder, left: string, right: string): string {
  const dims = [b.dims(left)[0] as number, b.dims(right)[0] as number];
  return b.op('Gemm', [left, right], dims, { transB: 1 });
}

/** The factor's share of K. For one position it is (L Lᵀ) ∘ (R Rᵀ), else that summed over pairs of positions. */
function gramOf(b: GraphBuilder, factor: Factor, columns: number): string {
  if (factor.kind === 'explicit') return timesTransposed(b, factor.rows, factor.rows);
  const pairs = b.binary(
    'Mul',
    timesTransposed(b, factor.left, factor.left),
    timesTransposed(b, factor.right, factor.right),
  );
  const { positions } = factor;
  if (positions === 1) return pairs;
  return b.sum(b.reshape(pairs, [columns, positions, columns, positions]), [1, 3]);
}

/** The factor's share of Gᵀv: [k]. */
function productWith(b: GraphBuilder, factor: Factor, vector: string, columns: number): string {
  if (factor.kind === 'explicit')
    return b.reshape(b.op('MatMul', [factor.rows, vector], [columns, 1]), [columns]);
  const applied = b.op('MatMul', [factor.left, vector], b.dims(factor.right));
  const terms = b.binary('Mul', applied, factor.right);
  return b.sum(b.reshape(terms, [columns, elementCount(b.dims(terms)) / columns]), [1]);
}

/** The factor's share of Gα, in the dims of its vector. */
function combination(b: GraphBuilder, factor: Factor, columns: number): string {
  const alpha = gramNames.coefficients;
  if (factor.kind === 'explicit')
    return b.op('Gemm', [factor.rows, b.reshape(alpha, [columns, 1])], [factor.size, 1], { transA: 1 });
  const { positions, size } = factor;
  const byPosition = b.expand(b.reshape(alpha, [columns, 1]), [columns, positions]);
  const scaled = b.binary('Mul', factor.right, b.reshape(byPosition, [columns * positions, 1]));
  return b.op('Gemm', [factor.left, scaled], size, { transA: 1 });
}

function output(
  b: GraphBuilder,
  value: string,
  name: string,
  dtype: 'float64' | 'float32' = 'float64',
): ValueInfo {
  b.push({ name, opType: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: new Map() });
  return { name, dtype, dims: b.dims(value) };
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
