// How orthogonal the change of the weights is to the gradients of the original's outputs.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { BoundDataset } from '../data/dataset';
import type { ModelEngine, ParameterValues } from '../runtime/contracts';
import { CancelledError, LetheError } from '../shared/errors';
import type { GradientAlignment } from '../shared/evaluation';
import { bytesPerElement, type FloatArray } from '../tensor/dtype';
import { Random } from '../tensor/random';
import { elementCount } from '../tensor/tensor';

/** Samples looked at, and the bytes that their gradients may take. */
const mostSamples = 32;
const mostBytes = 4e8;

/**
 * With g_i the gradients, at the original, of the largest output element on up to 32 of the samples at `indices`, and
 * each Δ a model's weights less the original's: ‖GᵀΔ‖ / (√λ_max(GᵀG) ‖Δ‖) and the root mean square of cos(g_i, Δ). A
 * change that keeps outputs to first order has 0. Null for an unchanged model, for one of other parameters, and for all
 * where the gradients of fewer than five samples fit in memory or the original has no gradients.
 */
export async function alignments(
  engine: ModelEngine,
  original: ParameterValues,
  changed: readonly ParameterValues[],
  dataset: BoundDataset,
  indices: readonly number[],
  seed: number,
  signal?: AbortSignal,
): Promise<(GradientAlignment | null)[]> {
  const parameters = [...original.values()].reduce((sum, { length }) => sum + length, 0);
  const fitting = Math.floor(mostBytes / (bytesPerElement(engine.float) * Math.max(1, parameters)));
  const count = Math.min(mostSamples, fitting);
  if (count < Math.min(5, indices.length)) return changed.map(() => null);
  const chosen = new Random(seed ^ 0xa119).shuffle([...indices]).slice(0, count);
  if (signal?.aborted) throw new CancelledError();
  const { inputs } = await dataset.read(chosen);
  const gradients = await engine.perSampleGradients(original, inputs).catch((error: unknown) => {
    // A model that cannot be differentiated can still be measured.
    if (error instanceof LetheError && !(error instanceof CancelledError)) return null;
    throw error;
  });
  if (!gradients) return changed.map(() => null);
  const comparable = changed.map(values =>
    [...original].every(([name, data]) => values.get(name)?.length === data.length),
  );
  const gram = Matrix.zeros(chosen.length, chosen.length);
  const along = changed.map(() => new Float64Array(chosen.length));
  const squares = changed.map(() => 0);
  for (const [name, { data, dims }] of gradients) {
    const width = elementCount(dims.slice(1));
    const rows = chosen.map((_, sample) =>
      (data as FloatArray).subarray(sample * width, (sample + 1) * width),
    );
    rows.forEach((row, a) => {
      for (let b = 0; b <= a; b++) {
        const product = dot(row, rows[b]!);
        gram.set(a, b, gram.get(a, b) + product);
        if (a !== b) gram.set(b, a, gram.get(b, a) + product);
      }
    });
    const start = original.get(name)!;
    changed.forEach((values, place) => {
      if (!comparable[place]) return;
      const end = values.get(name)!;
      const delta = end.map((value, index) => value - start[index]!);
      squares[place]! += dot(delta, delta);
      rows.forEach((row, sample) => (along[place]![sample]! += dot(row, delta)));
    });
  }
  const { realEigenvalues } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const largest = Math.sqrt(Math.max(0, ...realEigenvalues));
  return changed.map((_, place): GradientAlignment | null => {
    const norm = Math.sqrt(squares[place]!);
    if (norm === 0 || largest === 0) return null;
    const cosines = Array.from(along[place]!, (value, sample) => {
      const length = Math.sqrt(gram.get(sample, sample));
      return length > 0 ? value / (length * norm) : 0;
    });
    const square = cosines.reduce((sum, cosine) => sum + cosine ** 2, 0) / cosines.length;
    return {
      samples: chosen.length,
      residual: Math.hypot(...along[place]!) / (largest * norm),
      cosine: Math.sqrt(square),
    };
  });
}

/** One kind of array for a model, so that the loop stays fast. */
function dot(a: FloatArray, b: FloatArray): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
