// A preconditioner for products with K = GᵀG from some of its columns (Nyström), for the matrix-free projection.
import { GraphBuilder } from '../autodiff/builder';
import { internalOpset } from '../onnx/upgrade';
import { throwIfCancelled } from '../shared/errors';
import { choleskyOf } from '../tensor/cholesky';
import type { FloatArray } from '../tensor/dtype';
import { Random } from '../tensor/random';
import type { Tensor } from '../tensor/tensor';
import { chunkLimit, takeSamples } from './batches';
import { columnCotangents, type ColumnPlan } from './columns';
import type { ParameterValues } from './contracts';
import { crossFeeds, crossGramGraph, crossName } from './crossGram';
import { elementsOf, pairBytes, valuesOf, type FactorOutput } from './factors';
import { seedName, type Seeding } from './graphs';
import { factorsInOnePass, perSampleFactors } from './perSample';
import { feed, feedFloats, type RuntimeTensor } from './session';
import { shapeKey, type Workspace } from './workspace';

/** Columns of K that are formed, at most: its Cholesky factor is computed in plain JavaScript. */
const mostChosen = 1000;
/** Fewer than this many do not pay. */
const leastChosen = 8;
/** Bytes that the factors of the chosen columns may take. */
const chosenBytes = 6e8;
/** Bytes that the products of positions may take. */
const pairsBytes = 5e8;
/** Columns whose gradients are computed at a time, and the bytes of their intermediate values. */
const runColumns = 256;
const runBytes = 1.5e8;
/** Rows of C in one product CᵀC. */
const squareRows = 2048;

/** A symmetric positive definite approximation of K⁻¹, up to a factor. */
export interface Preconditioner {
  apply(r: Float64Array): Float64Array;
  /** Sample-gradient evaluations that making it took. */
  readonly cost: number;
}

/**
 * Chooses ℓ columns S of K at random and gives r ↦ μ (K̂ + μI)⁻¹ r for K̂ = C K_SS⁻¹ Cᵀ, C = K[:, S] (Frangella, Tropp &
 * Udell, *Randomized Nyström Preconditioning*, 2023, with columns in place of random combinations), as
 * r − C (μ K_SS + CᵀC)⁻¹ Cᵀ r. μ is half of what a column has left beside its projection onto others of S, times k/ℓ:
 * about the eigenvalue of K that three quarters of ℓ come before. C is formed from per-sample factors in float32,
 * everything else in float64. Null where the gradients of the columns take one pass each, or too much memory.
 */
export async function nystromPreconditioner(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  plan: ColumnPlan,
  outputs: readonly string[],
  signal?: AbortSignal,
): Promise<Preconditioner | null> {
  const shapes = await workspace.gradientShapesFor(values, inputs);
  const seeding: Seeding = { kind: 'given', values: outputs };
  const count = plan.columns.length;
  const sizes = await sizesFor(count, Math.min(count, runColumns, chunkLimit(shapes, 3, runBytes)), columns =>
    factorsInOnePass(workspace, shapes, inputs, columns, seeding),
  );
  if (!sizes) return null;
  const { run, size } = sizes;

  /** The factors of the columns at some places, `run` at a time; those beyond the end repeat the first. */
  const factorsAt = async (
    places: readonly number[],
  ): Promise<{ factors: readonly FactorOutput[]; data: Map<string, Float32Array> }> => {
    throwIfCancelled(signal);
    const padded = Array.from({ length: run }, (_, index) => places[index] ?? (places[0] as number));
    const columns = padded.map(place => plan.columns[place]!);
    const cotangents = columnCotangents({ ...plan, columns });
    const samples = columns.map(({ sample }) => sample);
    const found = await perSampleFactors(
      workspace,
      values,
      inputs.map(input => takeSamples(input, samples)),
      seeding,
      true,
      Object.fromEntries(outputs.map((name, index) => [seedName(name), feed(cotangents[index] as Tensor)])),
      signal,
    );
    const names = found.factors.flatMap(factor => valuesOf(factor).map(([name]) => name));
    const data = new Map(names.map(name => [name, inFloat32(found.values[name]?.data as FloatArray)]));
    return { factors: found.factors, data };
  };

  const chosen = someOf(count, size);
  const kept = new Map<string, Float32Array>();
  for (let start = 0; start < size; start += run) {
    const { data } = await factorsAt(chosen.slice(start, start + run));
    for (const [name, rows] of data) {
      const row = rows.length / run;
      if (!kept.has(name)) kept.set(name, new Float32Array(row * size));
      kept.get(name)!.set(rows.subarray(0, row * Math.min(run, size - start)), row * start);
    }
  }
  const others = crossFeeds('columns', kept, size);
  const cross = new Float32Array(count * size);
  for (let start = 0; start < count; start += run) {
    const end = Math.min(count, start + run);
    const { factors, data } = await factorsAt(Array.from({ length: end - start }, (_, at) => start + at));
    const key = `cross|${shapeKey(inputs)}|${outputs.join()}|${run}|${size}`;
    const session = await workspace.session(key, 'the products of gradients', () =>
      crossGramGraph(factors, run, size),
    );
    const found = await session.run({ ...crossFeeds('rows', data, run), ...others });
    cross.set((found[crossName]?.data as Float32Array).subarray(0, (end - start) * size), start * size);
  }
  kept.clear();
  const square = await squareOf(workspace, cross, size, signal);
  return { apply: solverOf(cross, square, chosen, count), cost: 3 * (count + size) };
}

/** The same numbers in float32; themselves where they are. */
function inFloat32(data: FloatArray): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/**
 * How many columns are computed at a time, and how many are chosen: so that the factors of the chosen ones fit into
 * memory, and the products of a run's positions with theirs.
 */
async function sizesFor(
  count: number,
  most: number,
  factorsOf: (columns: number) => Promise<readonly FactorOutput[] | null>,
): Promise<{ run: number; size: number } | null> {
  for (let run = most; ; run = Math.ceil(run / 4)) {
    const factors = await factorsOf(run);
    if (!factors) return null;
    const bytes = 4 * factors.reduce((sum, factor) => sum + elementsOf(factor, 1), 0);
    // In single precision: two products, and what is made of them.
    const pairs = 0.5 * run * Math.max(0, ...factors.map(factor => pairBytes(factor, 1)));
    const fitting = Math.floor(Math.min(chosenBytes / bytes, pairs > 0 ? pairsBytes / pairs : Infinity));
    const wanted = Math.min(mostChosen, Math.floor(count / 2));
    if (fitting >= Math.min(wanted, Math.floor(chosenBytes / bytes)) || run === 1) {
      const size = Math.min(wanted, fitting);
      return size < leastChosen ? null : { run, size };
    }
  }
}

/** `size` of the numbers below `count`, in rising order; the same ones for the same numbers. */
function someOf(count: number, size: number): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return new Random(count)
    .shuffle(all)
    .slice(0, size)
    .sort((a, b) => a - b);
}

/** CᵀC in float64, for C in float32 [rows, size]. */
async function squareOf(
  workspace: Workspace,
  cross: Float32Array,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const session = await workspace.session(`square|${size}`, 'the products of gradients', () => {
    const b = new GraphBuilder('lethe-square');
    b.declare('c', [squareRows, size]);
    b.declare('sum', [size, size]);
    const rows = b.cast('c', 11);
    const total = b.op('Gemm', [rows, rows, 'sum'], [size, size], { transA: 1 });
    return {
      nodes: b.nodes,
      constants: b.constants,
      inputs: [
        { name: 'c', dtype: 'float32', dims: [squareRows, size] },
        { name: 'sum', dtype: 'float64', dims: [size, size] },
      ],
      outputs: [{ name: total, dtype: 'float64', dims: [size, size] }],
      opsets: new Map([['', internalOpset]]),
    };
  });
  let sum: RuntimeTensor = feed({
    dtype: 'float64',
    dims: [size, size],
    data: new Float64Array(size * size),
  });
  for (let start = 0; start < cross.length; start += squareRows * size) {
    throwIfCancelled(signal);
    const rows = new Float32Array(squareRows * size);
    rows.set(cross.subarray(start, start + rows.length));
    const found = await session.run({ c: feedFloats(rows, [squareRows, size]), sum });
    sum = Object.values(found)[0] as RuntimeTensor;
  }
  return sum.data as Float64Array;
}

/** r ↦ r − C (μ K_SS + CᵀC)⁻¹ Cᵀ r. */
function solverOf(
  cross: Float32Array,
  square: Float64Array,
  chosen: readonly number[],
  count: number,
): (r: Float64Array) => Float64Array {
  const size = chosen.length;
  const own = new Float64Array(size * size);
  let trace = 0;
  chosen.forEach((place, row) => {
    for (let column = 0; column < size; column++) own[row * size + column] = cross[place * size + column]!;
    trace += own[row * size + row]!;
  });
  // Columns that depend on others leave nothing but rounding, which may be negative.
  const shift = 1e-6 * (trace / size);
  for (let row = 0; row < size; row++) own[row * size + row]! += shift;
  const { pivots } = choleskyOf(own, size);
  const last = pivots.subarray(Math.floor(0.75 * size));
  const left = last.reduce((sum, value) => sum + value, 0) / last.length;
  const mu = 0.5 * left * (count / size);
  const { solve } = choleskyOf(
    own.map((value, index) => mu * value + square[index]!),
    size,
  );
  return r => {
    const along = new Float64Array(size);
    for (let row = 0; row < count; row++)
      for (let column = 0; column < size; column++) along[column]! += r[row]! * cross[row * size + column]!;
    const coefficients = solve(along);
    return r.map((value, row) => {
      let sum = value;
      for (let column = 0; column < size; column++)
        sum -= coefficients[column]! * cross[row * size + column]!;
      return sum;
    });
  };
}
