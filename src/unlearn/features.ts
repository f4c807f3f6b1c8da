// What a linear layer is given: features of samples as a matrix, and the layer's weights beside them.
import type { SampleBatch } from '../data/dataset';
import type { HeadLoss, ParameterValues } from '../runtime/contracts';
import type { LinearLayer } from '../runtime/linearLayers';
import { resolveLoss } from '../runtime/loss';
import { LetheError } from '../shared/errors';
import type { FloatArray } from '../tensor/dtype';
import type { Dense } from '../tensor/leastNorm';
import { toFloat64, type Tensor } from '../tensor/tensor';
import type { MethodContext } from './method';
import { forwardCost } from './teacher';

/** A method that cannot serve a model, and which can. */
export class UnsuitableModelError extends LetheError {
  override readonly name = 'UnsuitableModelError';
}

/** Elements of a feature matrix at most: 800 MB in float64. */
const mostElements = 1e8;

/** What a head's layer is given for samples, and what the head's labels are there. */
export interface LayerData {
  /** [rows, in] of the layer; rows are samples or positions. */
  readonly features: Dense;
  /** The outputs of the head as its loss takes them, [rows, out]. */
  readonly outputs: Dense;
  /** Labels as class numbers (−1: ignored) or as values, row by row. */
  readonly labels: Int32Array | Float64Array;
  readonly classes: boolean;
}

/** Reads what `layer` is given for samples of the training data; counts a forward pass. */
export async function layerData(
  context: MethodContext,
  values: ParameterValues,
  head: { readonly loss: HeadLoss; readonly place: number },
  layer: LinearLayer,
  indices: readonly number[],
): Promise<LayerData> {
  const { engine, train } = context;
  const features: Float64Array[] = [];
  const outputs: Float64Array[] = [];
  const labels: (Int32Array | Float64Array)[] = [];
  let classes = false;
  const chunk = 256;
  for (let start = 0; start < indices.length; start += chunk) {
    const batch: SampleBatch = await train.read(indices.slice(start, start + chunk));
    const tensor = await engine.intermediate(values, batch.inputs, layer.input);
    const [output] = await engine.headOutputs(values, batch.inputs, [head.loss]);
    features.push(toFloat64(tensor));
    outputs.push(toFloat64(output as Tensor));
    const given = batch.labels[head.place];
    if (given) {
      const resolved = resolveLoss(head.loss.loss, (output as Tensor).dims, given, 'The labels');
      classes = resolved.kind === 'class-indices';
      labels.push(resolved.labels);
    }
    const elements = (indices.length / Math.min(indices.length, start + chunk)) * count(features);
    if (elements > mostElements)
      throw new UnsuitableModelError(
        `The features of ${indices.length} samples before ${layer.weight} hold ${Math.round(elements / 1e6)} million numbers, ` +
          'more than Lethe decomposes. Lower retainAccess, or use the method minnorm-og, which never forms them.',
      );
  }
  context.addCost(forwardCost(indices.length));
  return {
    features: matrix(features, layer.in),
    outputs: matrix(outputs, layer.out),
    labels: classes
      ? Int32Array.from(labels.flatMap(part => [...part]))
      : Float64Array.from(labels.flatMap(part => [...part])),
    classes,
  };
}

/** W̃ = [Wᵀ; bᵀ]: [in (+ 1), out], so that the outputs are the features (with ones) times it. */
export function layerWeights(values: ParameterValues, layer: LinearLayer): Dense {
  const weight = values.get(layer.weight) as FloatArray;
  const rows = layer.in + (layer.bias === null ? 0 : 1);
  const data = new Float64Array(rows * layer.out);
  for (let row = 0; row < layer.in; row++)
    for (let column = 0; column < layer.out; column++)
      data[row * layer.out + column] =
        weight[layer.outFirst ? column * layer.in + row : row * layer.out + column]!;
  if (layer.bias !== null) data.set(values.get(layer.bias) as FloatArray, layer.in * layer.out);
  return { rows, columns: layer.out, data };
}

/** Writes W̃ back. */
export function setLayerWeights(values: ParameterValues, layer: LinearLayer, weights: Dense): void {
  const weight = values.get(layer.weight) as FloatArray;
  for (let row = 0; row < layer.in; row++)
    for (let column = 0; column < layer.out; column++)
      weight[layer.outFirst ? column * layer.in + row : row * layer.out + column] =
        weights.data[row * layer.out + column]!;
  if (layer.bias !== null)
    (values.get(layer.bias) as FloatArray).set(weights.data.subarray(layer.in * layer.out));
}

function matrix(parts: readonly Float64Array[], columns: number): Dense {
  const data = new Float64Array(count(parts));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { rows: data.length / columns, columns, data };
}

function count(parts: readonly Float64Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
