// Whether a model has anything that a gradient can move.
import { quantisedWeights } from '../autodiff/parameters';
import { DifferentiationError, describeNode } from '../autodiff/rule';
import type { OnnxNode } from '../onnx/model';
import type { GraphModel } from './graphModel';

/** Throws a DifferentiationError that says why nothing in a model can be trained. */
export function requireTrainable(parts: GraphModel): void {
  const { model, graph, trainable } = parts;
  const [quantised] = quantisedWeights(graph);
  if (quantised)
    throw new DifferentiationError(
      `${model.path}: the weights ${quantised.parameter} are quantised (${quantised.op}, node ${quantised.node}), and ` +
        'rounded integers cannot follow a gradient. Unlearn with the model before its quantisation.',
    );
  const fixed = graph.nodes.find(node => node.domain === 'ai.onnx.ml' && holdsWeights(node));
  if (trainable.length === 0 && fixed)
    throw new DifferentiationError(
      `${model.path} keeps its weights in the attributes of ${describeNode(fixed)}, which have no gradient rule. Export the ` +
        'model with its weights as tensors.',
    );
  if (trainable.length === 0)
    throw new DifferentiationError(
      `${model.path} has no trainable parameter with a differentiable path to an output. ` +
        '"lethe inspect" lists every stored tensor and why it is left out.',
    );
}

/** Whether a node of scikit-learn's exporter is a model by itself: linear, a support vector machine, or trees. */
function holdsWeights(node: OnnxNode): boolean {
  return /^(Linear|SVM|TreeEnsemble)/.test(node.opType);
}
