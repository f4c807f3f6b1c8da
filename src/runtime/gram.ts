// The linear algebra of a projection, as graphs over per-sample factors: K = GᵀG and b = Gᵀv, then v − Gα.
// Everything is cast to float64 before it is multiplied; the p×k matrix G is never formed (DESIGN §2, D2).
import { GraphBuilder } from '../autodiff/builder';
import { internalOpset } from '../onnx/upgrade';
import type { ValueInfo } from '../onnx/model';
import { numberOf } from '../onnx/dataTypes';
import type { FloatArray, FloatType } from '../tensor/dtype';
import { elementCount } from '../tensor/tensor';
import type { FactorOutput } from './graphs';
import { feedFloats, type GraphSpec, type RuntimeTensor } from './session';

/** Names of the graph inputs and outputs. */
export const gramNames = {
  gram: 'lethe/gram',
  coefficients: 'lethe/coefficients',
  vector: (parameter: string): string => `lethe/vector/${parameter}`,
  rest: (parameter: string): string => `lethe/rest/${parameter}`,
  explicit: (parameter: string): string => `lethe/explicit/${parameter}`,
};

/** Some columns of explicit gradients in double precision. */
interface Piece {
  readonly rows: string;
  readonly start: number;
  readonly end: number;
}

/** Columns of gradients are cast in pieces of this many bytes, which stay in a processor's cache. */
const pieceBytes = 8e6;

/** A factor as matrices: dense ones in double precision, explicit gradients as they come, to be cast piece by piece. */
type Factor =
  | { readonly kind: 'explicit'; readonly value: string; readonly size: number }
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
  readonly factors: readonly {
    readonly parameter: string;
    /** The name of the vector's part, [size]. */
    readonly vector: string;
    /** Emits what reads the factor; called just before its use, so that ONNX Runtime frees one before the next. */
    read(): Factor;
  }[];
}

/**
 * The graph from factors and vectors v (one a parameter), both of type `float`, to K and b side by side, float64 [k, k + 1].
 * Gradients of parameters that factors leave out come as explicit inputs [k, …].
 */
export function gramGraph(factors: readonly FactorOutput[], columns: number, float: FloatType): GraphSpec {
  const { b, inputs, factors: list } = setUp(factors, columns, float);
  // K and b of a piece make one value: were they apart, ONNX Runtime would keep all pieces in double for the other one.
  const shares: string[] = [];
  for (const { vector, read } of list) {
    const factor = read();
    if (factor.kind === 'explicit')
      for (const { rows, start, end } of piecesOf(b, factor.value)) {
        const part = b.reshape(doublePart(b, vector, start, end), [end - start, 1]);
        const product = b.op('MatMul', [rows, part], [columns, 1]);
        shares.push(b.concat([timesTransposed(b, rows, rows), product], 1));
      }
    else {
      const product = productWith(b, factor, matrixOf(b, vector, factor.size), columns);
      shares.push(b.concat([gramOf(b, factor, columns), b.reshape(product, [columns, 1])], 1));
    }
  }
  return spec(b, inputs, [output(b, b.total(shares), gramNames.gram)]);
}

/** The graph from factors, vectors v and coefficients α (float64 [k]) to v − Gα, computed in float64, as `float`. */
export function projectGraph(factors: readonly FactorOutput[], columns: number, float: FloatType): GraphSpec {
  const { b, inputs, factors: list } = setUp(factors, columns, float);
  inputs.push({ name: gramNames.coefficients, dtype: 'float64', dims: [columns] });
  b.declare(gramNames.coefficients, [columns]);
  const alpha = b.reshape(gramNames.coefficients, [1, columns]);
  const outputs: ValueInfo[] = [];
  for (const { parameter, vector, read } of list) {
    const factor = read();
    const rests: string[] = [];
    if (factor.kind === 'explicit')
      for (const { rows, start, end } of piecesOf(b, factor.value)) {
        const share = b.reshape(b.op('MatMul', [alpha, rows], [1, end - start]), [end - start]);
        rests.push(fromDouble(b, b.binary('Sub', doublePart(b, vector, start, end), share)));
      }
    else {
      const share = combination(b, factor, columns);
      rests.push(fromDouble(b, b.binary('Sub', matrixOf(b, vector, factor.size), share)));
    }
    outputs.push(output(b, b.concat(rests, 0), gramNames.rest(parameter)));
  }
  return spec(b, inputs, outputs);
}

/** The feeds of both graphs that hold the factors, in the dims that the graphs expect. */
export function factorFeeds(
  factors: readonly FactorOutput[],
  values: Readonly<Record<string, RuntimeTensor>>,
  columns: number,
): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  const add = (name: string, dims: readonly number[]): void => {
    feeds[name] ??= feedFloats((values[name] as RuntimeTensor).data as FloatArray, dims);
  };
  for (const factor of factors)
    if (factor.kind === 'explicit') add(factor.value, [columns, elementCount(factor.dims.slice(1))]);
    else {
      add(factor.left, factor.leftDims);
      add(factor.right, factor.rightDims);
    }
  return feeds;
}

function setUp(factors: readonly FactorOutput[], columns: number, float: FloatType): Setup {
  const b = new GraphBuilder('lethe-gram', float);
  const inputs: ValueInfo[] = [];
  const input = (name: string, dims: readonly number[]): string => {
    if (b.hasDims(name)) return b.reshape(name, dims);
    inputs.push({ name, dtype: float, dims });
    return b.declare(name, dims);
  };
  const list = factors.map(found => {
    const count =
      found.kind === 'explicit'
        ? elementCount(found.dims.slice(1))
        : (found.leftDims[2] as number) * (found.rightDims[2] as number);
    return {
      parameter: found.parameter,
      vector: input(gramNames.vector(found.parameter), [count]),
      read: (): Factor => {
        if (found.kind === 'explicit')
          return { kind: 'explicit', value: input(found.value, [columns, count]), size: count };
        const [, positions, rows] = found.leftDims as [number, number, number];
        const width = found.rightDims[2] as number;
        const matrix = (name: string, dims: readonly number[], size: number): string =>
          b.reshape(toDouble(b, input(name, dims)), [columns * positions, size]);
        return {
          kind: 'outer',
          left: matrix(found.left, found.leftDims, rows),
          right: matrix(found.right, found.rightDims, width),
          positions,
          size: [rows, width],
        };
      },
    };
  });
  return { b, inputs, factors: list };
}

/**
 * Explicit gradients [k, count] in pieces, each cast when it is used: the whole in double would be twice as large and
 * leave the processor's caches.
 */
function* piecesOf(b: GraphBuilder, value: string): Generator<Piece> {
  const [columns, count] = b.dims(value) as [number, number];
  const most = Math.max(64, Math.floor(pieceBytes / (8 * columns)));
  const width = Math.ceil(count / Math.ceil(count / most));
  for (let start = 0; start < count; start += width) {
    const end = Math.min(count, start + width);
    yield { rows: toDouble(b, b.slice(value, [1], [start], [end])), start, end };
  }
}

/** A value in double precision; itself where it is. */
function toDouble(b: GraphBuilder, value: string): string {
  return b.float === 'float64' ? value : b.cast(value, numberOf('float64'));
}

/** A value in double precision as the graph's own type. */
function fromDouble(b: GraphBuilder, value: string): string {
  return b.float === 'float64' ? value : b.toFloat(value);
}

/** Elements of a vector in double precision. */
function doublePart(b: GraphBuilder, vector: string, start: number, end: number): string {
  return toDouble(b, b.slice(vector, [0], [start], [end]));
}

/** A vector as a matrix in double precision. */
function matrixOf(b: GraphBuilder, vector: string, size: readonly [number, number]): string {
  return b.reshape(toDouble(b, vector), size);
}

/** A · Bᵀ of matrices, by Gemm: ONNX Runtime has it in double precision. */
function timesTransposed(b: GraphBuilder, left: string, right: string): string {
  const dims = [b.dims(left)[0] as number, b.dims(right)[0] as number];
  return b.op('Gemm', [left, right], dims, { transB: 1 });
}

type OuterMatrices = Extract<Factor, { kind: 'outer' }>;

/** The factor's share of K. For one position it is (L Lᵀ) ∘ (R Rᵀ), else that summed over pairs of positions. */
function gramOf(b: GraphBuilder, factor: OuterMatrices, columns: number): string {
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
function productWith(b: GraphBuilder, factor: OuterMatrices, vector: string, columns: number): string {
  const applied = b.op('MatMul', [factor.left, vector], b.dims(factor.right));
  const terms = b.binary('Mul', applied, factor.right);
  return b.sum(b.reshape(terms, [columns, elementCount(b.dims(terms)) / columns]), [1]);
}

/** The factor's share of Gα, in the dims of its vector. */
function combination(b: GraphBuilder, factor: OuterMatrices, columns: number): string {
  const { positions, size } = factor;
  const byPosition = b.expand(b.reshape(gramNames.coefficients, [columns, 1]), [columns, positions]);
  const scaled = b.binary('Mul', factor.right, b.reshape(byPosition, [columns * positions, 1]));
  return b.op('Gemm', [factor.left, scaled], size, { transA: 1 });
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
