// One projection θ ← θ − ρ P_{G⊥} θ from explicit gradients, a group of parameters at a time (DESIGN §2, D2).
import { gramSolver } from '../tensor/pseudoInverse';
import { chunkBytes } from './batches';
import type { ParameterValues } from './contracts';
import { residualOf, type ProjectedVector } from './projection';
import { RuntimeFailure } from './session';

/** Bytes of gradients held at a time. */
const groupBytes = chunkBytes;

/** The gradients of every column by some parameters: [columns, elements of the parameter]. */
export type ColumnGradients = (names: readonly string[]) => Promise<ParameterValues>;

/**
 * P_{G⊥} v for v given by parameter, as `projectOut` gives it. G is asked for by groups of parameters that fit in
 * memory: once where all fit together, else three times. Throws a RuntimeFailure when one parameter does not fit.
 */
export async function projectOutExplicit(
  vector: ParameterValues,
  columns: number,
  gradientsOf: ColumnGradients,
): Promise<ProjectedVector> {
  const names = [...vector.keys()];
  const groups = groupsOf(vector, columns);
  const kept = groups.length === 1 ? await gradientsOf(names) : null;
  const each = async (action: (name: string, gradients: Float32Array) => void): Promise<void> => {
    for (const group of groups)
      for (const [name, gradients] of kept ?? (await gradientsOf(group)))
        action(name, gradients as Float32Array);
  };
  const gram = new Float64Array(columns * columns);
  let product = new Float64Array(columns);
  await each((name, gradients) => {
    addGram(gram, gradients, columns);
    addProduct(product, gradients, vector.get(name) as Float32Array);
  });
  const solver = gramSolver(gram, columns);
  const rest: ParameterValues = new Map(vector);
  for (let pass = 0; pass < 2; pass++) {
    const alpha = solver.solve(product);
    product = new Float64Array(columns);
    await each((name, gradients) => {
      const next = without(rest.get(name) as Float32Array, gradients, alpha);
      rest.set(name, next);
      addProduct(product, gradients, next);
    });
  }
  return {
    rest,
    rank: solver.rank,
    residual: residualOf(
      product,
      solver.scale,
      solver.largest,
      names.map(name => rest.get(name) as Float32Array),
    ),
  };
}

function groupsOf(vector: ParameterValues, columns: number): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const [name, data] of vector) {
    const bytes = 4 * columns * data.length;
    if (bytes > groupBytes)
      throw new RuntimeFailure(
        `A projection on ${columns} gradients needs more memory for the parameter ${name} than Lethe allows itself. ` +
          `Lower constraintSamples so that there are at most ${Math.floor(groupBytes / (4 * data.length))} gradients, or ` +
          'freeze that parameter.',
      );
    if (bytes > room) {
      groups.push([]);
      room = groupBytes;
    }
    groups.at(-1)?.push(name);
    room -= bytes;
  }
  return groups;
}

function addGram(gram: Float64Array, gradients: Float32Array, columns: number): void {
  const size = gradients.length / columns;
  for (let row = 0; row < columns; row++)
    for (let column = 0; column <= row; column++) {
      const [left, right] = [row * size, column * size];
      let sum = 0;
      for (let at = 0; at < size; at++)
        sum += (gradients[left + at] as number) * (gradients[right + at] as number);
      gram[row * columns + column]! += sum;
      if (column < row) gram[column * columns + row]! += sum;
    }
}

/** Adds Gᵀv. */
function addProduct(product: Float64Array, gradients: Float32Array, vector: Float32Array): void {
  for (let column = 0; column < product.length; column++) {
    const start = column * vector.length;
    let sum = 0;
    for (let at = 0; at < vector.length; at++)
      sum += (gradients[start + at] as number) * (vector[at] as number);
    product[column]! += sum;
  }
}

/** v − Gα. */
function without(vector: Float32Array, gradients: Float32Array, alpha: Float64Array): Float32Array {
  const result = Float64Array.from(vector);
  alpha.forEach((factor, column) => {
    const start = column * vector.length;
    if (factor !== 0)
      for (let at = 0; at < result.length; at++) result[at]! -= factor * (gradients[start + at] as number);
  });
  return Float32Array.from(result);
}
