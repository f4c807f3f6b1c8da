// What a model file holds, without computing anything with it.
import { describeGraphParameters, type ModelParameters } from '../autodiff/parameters';
import { computedPrecision } from '../autodiff/precision';
import { isStored, type Graph, type StoredTensor, type ValueInfo } from '../onnx/model';
import type { OpenedModel } from '../onnx/openedModel';
import { placeholderDomain } from '../tfjs/translation';
import { readTensorChunks } from '../onnx/readTensor';
import { upgradeGraph } from '../onnx/upgrade';
import { openModel } from '../tfjs/openModel';
import type {
  InspectedValue,
  ModelInspection,
  ParameterStatistics,
  UnsupportedOperator,
} from '../shared/inspection';
import { toFloat64, type Tensor } from '../tensor/tensor';

/**
 * Describes a model file. Tensor bytes are read only for `stats`, and then in pieces. Throws a ModelError.
 */
export function inspectModel(path: string, stats: boolean): ModelInspection {
  const model = openModel(path);
  return describeModel(model, upgradeGraph(model).graph, stats);
}

/** The same for a model that is read and upgraded already. */
export function describeModel(model: OpenedModel, upgraded: Graph, stats: boolean): ModelInspection {
  const { graph } = model;
  const { parameters, unsupported } = describeGraphParameters(model, upgraded);
  const precision = computedPrecision(model, upgraded);
  return {
    format: model.format,
    opset: model.opsets.get('') ?? 0,
    irVersion: model.irVersion,
    producer: model.producer,
    inputs: graph.inputs.filter(input => !graph.initializers.has(input.name)).map(inspectValue),
    outputs: graph.outputs.map(inspectValue),
    parameters: parameters.map(({ name, dtype, dims, count, trainable, reason }) => ({
      name,
      dtype,
      dims,
      count,
      trainable,
      reason,
      ...(stats ? statisticsOf(model, name) : {}),
    })),
    unsupported: obstacles(model, unsupported),
    computed: { dtype: precision.type, reason: precision.reason },
  };
}

/** Operators without a gradient, and before them what has no translation at all. */
function obstacles(model: OpenedModel, unsupported: ModelParameters['unsupported']): UnsupportedOperator[] {
  const isPlaceholder = ({ op }: UnsupportedOperator): boolean => op.startsWith(`${placeholderDomain}.`);
  const behind = new Map(unsupported.filter(isPlaceholder).map(each => [each.op, each.parameter]));
  return [
    ...model.untranslated.map(({ op, node }) => ({
      op,
      node,
      parameter: behind.get(`${placeholderDomain}.${op}`) ?? '',
    })),
    ...unsupported
      .filter(each => !isPlaceholder(each))
      .map(({ op, node, parameter }) => ({ op, node, parameter })),
  ];
}

function inspectValue({ name, dtype, dims }: ValueInfo): InspectedValue {
  return { name, dtype, dims };
}

function statisticsOf(model: OpenedModel, name: string): ParameterStatistics | object {
  const tensor = parameterTensor(model.graph, name);
  return tensor === null ? {} : statistics(elementChunks(tensor));
}

/** The elements of a tensor in order, in pieces. */
export function elementChunks(tensor: StoredTensor | Tensor): Iterable<Float64Array> {
  return isStored(tensor) ? readTensorChunks(tensor) : [toFloat64(tensor)];
}

/** Statistics of elements that come in pieces; the variance by Welford's method. A tensor without elements has NaN. */
export function statistics(chunks: Iterable<Float64Array>): ParameterStatistics {
  let [count, mean, squaredDeviations, squares] = [0, 0, 0, 0];
  let [min, max] = [Infinity, -Infinity];
  for (const chunk of chunks) {
    for (const value of chunk) {
      count++;
      const delta = value - mean;
      mean += delta / count;
      squaredDeviations += delta * (value - mean);
      squares += value * value;
      // NaN must show: Math.min and Math.max carry it along.
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  if (count === 0) return { norm: 0, min: NaN, max: NaN, mean: NaN, std: NaN };
  return { norm: Math.sqrt(squares), min, max, mean, std: Math.sqrt(squaredDeviations / count) };
}

/** The tensor of a parameter: an initializer, or what a Constant node holds. */
export function parameterTensor(graph: Graph, name: string): StoredTensor | Tensor | null {
  const initializer = graph.initializers.get(name);
  if (initializer) return initializer;
  for (const node of graph.nodes) {
    const value = node.attributes.get('value');
    if (node.opType === 'Constant' && node.outputs[0] === name && value?.type === 'tensor')
      return value.value;
  }
  return null;
}
