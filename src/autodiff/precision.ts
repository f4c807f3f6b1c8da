// Whether a model is computed in float32 or in float64.
import { withoutDouble } from '../onnx/doubleKernels';
import type { Graph, OnnxModel } from '../onnx/model';
import type { FloatType } from '../tensor/dtype';
import { describeGraphParameters } from './parameters';
import { describeNode } from './rule';

/** The type that a model is computed in. */
export interface Precision {
  readonly type: FloatType;
  /** Where float64 weights are computed in float32: why, in a full sentence; else null. */
  readonly reason: string | null;
}

/**
 * float64 where a weight that could be trained is float64 (frozen or not: freezing must not change what the model
 * gives) and all of the graph has kernels for it, else float32. `graph` is the model's, upgraded.
 */
export function computedPrecision(model: OnnxModel, graph: Graph): Precision {
  // Describing takes a walk over the graph; few models hold any float64.
  if (![...graph.initializers.values()].some(({ dtype }) => dtype === 'float64'))
    return { type: 'float32', reason: null };
  const { parameters } = describeGraphParameters(model, graph);
  const weight = parameters.find(({ dtype, trainable }) => trainable && dtype === 'float64');
  if (!weight) return { type: 'float32', reason: null };
  const obstacle = withoutDouble(graph.nodes);
  if (!obstacle) return { type: 'float64', reason: null };
  return {
    type: 'float32',
    reason:
      `The weight ${weight.name} is float64, but ONNX Runtime has no float64 kernel for ${describeNode(obstacle)}, so the ` +
      'model is computed in float32.',
  };
}
