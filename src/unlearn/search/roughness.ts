// How rough a model is between its training samples: a complexity of the function, for which no label is needed.
import type { BoundDataset } from '../../data/dataset';
import type { HeadLoss, ModelEngine, ParameterValues } from '../../runtime/contracts';
import type { Random } from '../../tensor/random';
import { elementReader, float32, type Tensor } from '../../tensor/tensor';

/** Points that roughness is the mean over; each takes three forward passes. */
const points = 300;

/** Samples that points are drawn between, at most. */
const mostSamples = 200;

/** Measures the same points of any parameters, so that settings are compared on them. */
export interface RoughnessProbe {
  /** Forward passes that a measurement takes. */
  readonly passes: number;
  measure(engine: ModelEngine, values: ParameterValues): Promise<number>;
}

/**
 * The mean over random points x between two samples of ‖f(x + hu) − 2 f(x) + f(x − hu)‖²/h⁴, u the direction between the
 * two and h a quarter of the median distance of a sample to its nearest other: the mean squared second derivative along
 * lines through the data, what a cubic spline minimises (Reinsch, *Smoothing by spline functions*, 1967). Inputs of
 * `indices` are read, labels not. Null where an input is no real number, or where no two samples differ.
 */
export async function roughnessProbe(
  data: BoundDataset,
  indices: readonly number[],
  heads: readonly HeadLoss[],
  random: Random,
): Promise<RoughnessProbe | null> {
  const chosen = random.shuffle([...indices]).slice(0, mostSamples);
  const { inputs } = await data.read(chosen);
  if (inputs.some(({ dtype }) => dtype !== 'float32' && dtype !== 'float64')) return null;
  const samples = rowsOf(inputs, chosen.length);
  const step = medianNearest(samples) / 4;
  if (!(step > 0)) return null;
  const rows: Float64Array[] = [];
  for (let drawn = 0; drawn < points; drawn++) {
    const from = samples[random.integer(samples.length)]!;
    const to = samples[random.integer(samples.length)]!;
    const place = random.uniform();
    const length = distance(from, to);
    if (length === 0) continue;
    for (const side of [-1, 0, 1]) {
      const along = place + (side * step) / length;
      rows.push(from.map((value, at) => value + along * (to[at]! - value)));
    }
  }
  const probe = batchOf(rows, inputs);
  return {
    passes: rows.length,
    async measure(engine, values) {
      const outputs = await engine.headOutputs(values, probe, heads);
      let sum = 0;
      outputs.forEach((output, place) => {
        const read = elementReader(output);
        const width = output.data.length / rows.length;
        for (let row = 0; row < rows.length; row += 3)
          for (let at = 0; at < width; at++) {
            const [before, here, after] = [0, 1, 2].map(next => read((row + next) * width + at));
            sum += heads[place]!.weight * ((before! - 2 * here! + after!) / step ** 2) ** 2;
          }
      });
      return (3 * sum) / rows.length;
    },
  };
}

/** All inputs of each sample side by side. */
function rowsOf(inputs: readonly Tensor[], count: number): Float64Array[] {
  const widths = inputs.map(({ data }) => data.length / count);
  const readers = inputs.map(elementReader);
  return Array.from({ length: count }, (_, sample) =>
    Float64Array.from(
      widths.flatMap((width, input) =>
        Array.from({ length: width }, (__, at) => readers[input]!(sample * width + at)),
      ),
    ),
  );
}

/** The rows as inputs again, of the same shapes as `like`. */
function batchOf(rows: readonly Float64Array[], like: readonly Tensor[]): Tensor[] {
  let offset = 0;
  return like.map(({ dims }) => {
    const width = dims.slice(1).reduce((product, dim) => product * dim, 1);
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, at) => data.set(row.subarray(offset, offset + width), at * width));
    offset += width;
    return float32([rows.length, ...dims.slice(1)], data);
  });
}

function medianNearest(rows: readonly Float64Array[]): number {
  const nearest = rows
    .map((row, at) =>
      rows.reduce((least, other, place) => {
        const apart = place === at ? 0 : distance(row, other);
        return apart > 0 ? Math.min(least, apart) : least;
      }, Infinity),
    )
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return nearest[nearest.length >> 1] ?? 0;
}

function distance(a: Float64Array, b: Float64Array): number {
  let squares = 0;
  for (let at = 0; at < a.length; at++) squares += (a[at]! - b[at]!) ** 2;
  return Math.sqrt(squares);
}
