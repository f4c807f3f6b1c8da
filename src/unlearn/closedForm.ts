// Closed forms: what linear models, linear networks and two-layer perceptrons unlearn to, without a single step.
import type { HeadLoss } from '../runtime/contracts';
import type { LinearLayer, OutputStructure } from '../runtime/linearLayers';
import {
  leastNormLimit,
  leastNormSolver,
  multiply,
  spanningColumns,
  subtract,
  withOnes,
  type Dense,
} from '../tensor/leastNorm';
import { layerData, layerWeights, setLayerWeights, UnsuitableModelError, type LayerData } from './features';
import type { Method, MethodContext } from './method';

/**
 * Closed forms (theorems of Block, Mokhtari & Shakkottai, 2025; T2, T3 and T5 of the design), by what the graph is:
 * - a linear model: W ← X_r⁺ Y for mse, the least-norm least-squares solution, which retraining from zero converges to;
 *   for cross-entropies X_r⁺ (X_r W), which keeps all outputs on the retained samples and nothing that they do not
 *   determine. A bias is the weight of a further input of ones;
 * - a linear network A_L … A_1: the same for its product, reached by changing A_1 alone by M⁺ times what is to change,
 *   M = A_L … A_2;
 * - a two-layer perceptron: a basic solution of the last layer that keeps its outputs on the retained samples with as
 *   few neurons as they span; the others' outgoing weights become 0;
 * - any other model whose output ends in a linear layer: the linear form for that layer, its features fixed. What the
 *   features hold of the forgotten samples stays; the run says so.
 * `form` picks another one that the model allows: `last-layer` or `two-layer` for a deeper model, `least-norm` for a
 * linear network with one output (T4: all layers anew, with ‖θ‖² = L‖w‖^(2/L), the least there is). Cost: a forward pass
 * over the retained samples. Choose it wherever it applies as a whole (`linear`, `linear-network`): it is exact.
 */
export const closedForm: Method = {
  name: 'closed-form',
  needsLabels:
    'its result is to owe nothing to the forgotten samples, which predictions of the original would bring back',
  async run(context) {
    for (const [place, head] of context.heads.entries()) {
      const structure = context.engine.outputStructure(head.output);
      if (typeof structure === 'string')
        throw new UnsuitableModelError(
          `The method closed-form cannot serve the output ${head.output}: ${structure}. It needs an output that ends in a ` +
            'linear layer whose weights are trainable; minnorm-og and shrink serve any model.',
        );
      const kind = wantedKind(structure, context.settings.form, head);
      context.note?.(sentence(kind, head));
      await solve(context, place, head, structure.layers, kind);
    }
  },
};

type Kind = OutputStructure['kind'];

function wantedKind(structure: OutputStructure, wanted: string | undefined, head: HeadLoss): Kind {
  if (wanted === undefined || wanted === structure.kind) return structure.kind;
  if (wanted === 'last-layer') return 'last-layer';
  if (wanted === 'least-norm' && structure.kind === 'linear-network') return 'linear-network';
  if (wanted === 'two-layer' && structure.kind === 'last-layer') return 'two-layer';
  throw new UnsuitableModelError(
    `method.form is "${wanted}", but the output ${head.output} has the form "${structure.kind}". Leave method.form out.`,
  );
}

function sentence(kind: Kind, head: HeadLoss): string {
  const what = `The output ${head.output}`;
  switch (kind) {
    case 'linear':
      return `${what} is linear in the data: its weights are the exact least-norm solution on the retained samples.`;
    case 'linear-network':
      return `${what} is a linear network: changing its first layer makes the whole the exact least-norm solution on the retained samples.`;
    case 'two-layer':
      return `${what} keeps its values on the retained samples with as few hidden neurons as they span; the hidden layer itself is as it was.`;
    case 'last-layer':
      return `Only the last layer before ${head.output} was solved for. The features before it were trained on the forgotten samples too and are as they were.`;
  }
}

async function solve(
  context: MethodContext,
  place: number,
  head: HeadLoss,
  layers: readonly LinearLayer[],
  kind: Kind,
): Promise<void> {
  const { values, retained } = context;
  const first = (kind === 'linear-network' ? layers[0] : layers.at(-1)) as LinearLayer;
  const inputs = await layerData(context, values, { loss: head, place }, first, retained);
  if (kind === 'two-layer') return setLayerWeights(values, first, basicSolution(context, inputs, first));
  const { map, constant } = above(context, kind === 'linear-network' ? layers.slice(1) : []);
  const last = layers.at(-1) as LinearLayer;
  const x = first.bias === null ? inputs.features : withOnes(inputs.features);
  requireSolvable(x, first);
  const now = layerWeights(values, first);
  const effective = map === null ? now : multiply(now, map);
  // Labels are met where the loss is on the layer's own output and there are labels; else outputs are kept.
  const met =
    head.loss === 'mse' &&
    context.engine.finalActivation(head.output) === null &&
    inputs.labels.length === x.rows * last.out;
  const target = met
    ? {
        rows: x.rows,
        columns: last.out,
        data: Float64Array.from(inputs.labels, (label, at) => label - (constant[at % last.out] ?? 0)),
      }
    : multiply(x, effective);
  const wanted = leastNormSolver(x).solve(target);
  if (map === null) return setLayerWeights(values, first, wanted);
  if (context.settings.form === 'least-norm') return setLeastNorm(context, layers, wanted);
  // A₁ᵀ ← A₁ᵀ − (now − wanted) M⁺ᵀ: in this layout the product with M stands on the right.
  const change = subtract(effective, wanted);
  const inverse = rightInverse(map);
  const moved = multiply(change, inverse);
  const reached = multiply(moved, map);
  const missed = norm(subtract(change, reached));
  if (missed > 1e-6 * Math.max(norm(change), 1e-30))
    throw new UnsuitableModelError(
      `The layers above ${first.weight} do not reach every output of ${head.output}, so changing it alone cannot give the ` +
        'least-norm predictor. Use minnorm-og.',
    );
  setLayerWeights(values, first, subtract(now, moved));
}

/** M, which maps a layer's outputs to the model's through the layers above it, and what their biases add; empty without any. */
function above(
  context: MethodContext,
  layers: readonly LinearLayer[],
): { map: Dense | null; constant: Float64Array } {
  let map: Dense | null = null;
  let constant = new Float64Array(0);
  for (const layer of layers) {
    const weights = layerWeights(context.values, layer);
    const size = layer.in * layer.out;
    const own: Dense = { rows: layer.in, columns: layer.out, data: weights.data.subarray(0, size) };
    const carried: Float64Array = map
      ? multiply({ rows: 1, columns: layer.in, data: constant }, own).data
      : new Float64Array(layer.out);
    constant = carried.map((value, at) => value + (weights.data[size + at] ?? 0));
    map = map === null ? own : multiply(map, own);
  }
  return { map, constant };
}

/** All layers anew, with the predictor w and the least ‖θ‖² = L‖w‖^(2/L) (T4): each layer of rank one and equal norm. */
function setLeastNorm(context: MethodContext, layers: readonly LinearLayer[], predictor: Dense): void {
  const biased = layers.find(layer => layer.bias !== null);
  if (biased || predictor.columns !== 1)
    throw new UnsuitableModelError(
      `method.form "least-norm" is for linear networks with one output and no biases; here ` +
        `${biased ? `${biased.weight} has a bias` : `there are ${predictor.columns} outputs`}. Leave method.form out.`,
    );
  const length = norm(predictor);
  const each = length ** (1 / layers.length);
  layers.forEach((layer, index) => {
    const data = new Float64Array(layer.in * layer.out);
    // The first layer carries w's direction into its first unit; the others hand the first unit on.
    if (index === 0)
      for (let row = 0; row < layer.in; row++)
        data[row * layer.out] = length === 0 ? 0 : (each * predictor.data[row]!) / length;
    else data[0] = each;
    setLayerWeights(context.values, layer, { rows: layer.in, columns: layer.out, data });
  });
}

/** M⁺ of a [hidden, out] map with independent columns: (MᵀM)⁺Mᵀ transposed into this layout, [out, hidden]. */
function rightInverse(map: Dense): Dense {
  const identity = new Float64Array(map.rows * map.rows);
  for (let at = 0; at < map.rows; at++) identity[at * map.rows + at] = 1;
  return leastNormSolver(map).solve({ rows: map.rows, columns: map.rows, data: identity });
}

/** Outgoing weights on as few neurons as the retained samples span, with the same outputs there. */
function basicSolution(context: MethodContext, inputs: LayerData, layer: LinearLayer): Dense {
  const x = layer.bias === null ? inputs.features : withOnes(inputs.features);
  const now = layerWeights(context.values, layer);
  const chosen = spanningColumns(x);
  const part: Dense = {
    rows: x.rows,
    columns: chosen.length,
    data: new Float64Array(x.rows * chosen.length),
  };
  for (let row = 0; row < x.rows; row++)
    chosen.forEach((column, at) => (part.data[row * chosen.length + at] = x.data[row * x.columns + column]!));
  requireSolvable(part, layer);
  const found = leastNormSolver(part).solve(multiply(x, now));
  const data = new Float64Array(now.data.length);
  chosen.forEach((column, at) =>
    data.set(found.data.subarray(at * layer.out, (at + 1) * layer.out), column * layer.out),
  );
  context.note?.(
    `${chosen.filter(column => column < layer.in).length} of ${layer.in} hidden neurons carry the retained samples; the others' outgoing weights are 0 now.`,
  );
  return { ...now, data };
}

function requireSolvable(x: Dense, layer: LinearLayer): void {
  if (Math.min(x.rows, x.columns) <= leastNormLimit || x.rows <= x.columns) return;
  throw new UnsuitableModelError(
    `The layer ${layer.weight} takes ${x.columns} values from ${x.rows} samples; a closed form decomposes at most ` +
      `${leastNormLimit}. Use the method minnorm-og.`,
  );
}

function norm(matrix: Dense): number {
  return Math.sqrt(matrix.data.reduce((sum, value) => sum + value * value, 0));
}
