// The graphs that Lethe derives from a model, for one batch size and one set of data shapes.
import { appendBackward } from '../autodiff/backward';
import { useBlockedLayout } from '../autodiff/blocked/pass';
import { GraphBuilder } from '../autodiff/builder';
import { appendForward } from '../autodiff/forward';
import type { ValueInfo } from '../onnx/model';
import { elementCount, type Tensor } from '../tensor/tensor';
import type { GraphModel } from './graphModel';
import { appendLoss, type LossShape } from './lossGraph';
import type { GraphSpec } from './session';
import { weightInputs, type ShapeTable } from './shapes';

/** The forward pass with concrete dims, ready for derivatives to be appended. */
export function forwardBuilder(shapes: ShapeTable, batch: number): GraphBuilder {
  const { model } = shapes;
  const builder = new GraphBuilder(undefined, model.precision.type);
  for (const [name, tensor] of model.constants) {
    builder.constants.set(name, tensor);
    builder.declare(name, tensor.dims);
  }
  for (const input of weightInputs(model)) builder.declare(input.name, input.dims as readonly number[]);
  for (const name of shapes.names())
    if (!builder.hasDims(name)) builder.declare(name, shapes.dims(name, batch));
  for (const [name, values] of shapes.knownInts(batch)) builder.knownInts.set(name, values);
  for (const node of model.graph.nodes) builder.push(node);
  return builder;
}

function dataInputs(model: GraphModel, builder: GraphBuilder): ValueInfo[] {
  return model.inputs.map(input => ({ ...input, dims: builder.dims(input.name) }));
}

/** The spec of a finished graph: data, weights and `extra` go in. */
export function finish(
  model: GraphModel,
  builder: GraphBuilder,
  extra: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
): GraphSpec {
  return {
    nodes: builder.nodes,
    constants: builder.constants as ReadonlyMap<string, Tensor>,
    inputs: [...dataInputs(model, builder), ...weightInputs(model), ...extra],
    outputs,
    opsets: model.opsets,
    float: model.precision.type,
  };
}

/** One term of a loss: which output, and the shape of what it is compared with. */
export interface LossPlan {
  readonly output: string;
  readonly shape: LossShape;
}

/** A graph from data, weights, labels and weights of the mean to the loss of each sample and all gradients. */
export interface GradientGraph {
  readonly spec: GraphSpec;
  /** The outputs that hold each loss term's value by sample, in the order of the plans. */
  readonly losses: readonly string[];
  /** The output that holds each parameter's gradient; a parameter that the loss does not depend on has none. */
  readonly gradients: ReadonlyMap<string, string>;
}

/** Builds the gradient graph of a sum of losses; with a block size in the blocked layout. */
export function gradientGraph(
  shapes: ShapeTable,
  batch: number,
  plans: readonly LossPlan[],
  blockSize: number | null = null,
): GradientGraph {
  const { model } = shapes;
  const builder = forwardBuilder(shapes, batch);
  const extra: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const seeds = new Map<string, string>();
  const losses: string[] = [];
  const forward = [...model.graph.nodes];
  plans.forEach((plan, index) => {
    const term = appendLoss(builder, plan.output, model.activations.get(plan.output), plan.shape, index);
    extra.push(...term.inputs);
    outputs.push({ name: term.value, dtype: builder.float, dims: [batch] });
    losses.push(term.value);
    const before = seeds.get(term.on);
    seeds.set(term.on, before ? builder.binary('Add', before, term.cotangent) : term.cotangent);
  });
  const gradients = appendBackward({
    builder,
    nodes: forward,
    seeds,
    targets: model.trainable.map(parameter => parameter.name),
  });
  const expose = exposer(builder, outputs);
  const names = new Map([...gradients].map(([parameter, value]) => [parameter, expose(value)]));
  block(builder, outputs, blockSize);
  return { spec: finish(model, builder, extra, outputs), losses, gradients: names };
}

function block(builder: GraphBuilder, outputs: readonly ValueInfo[], blockSize: number | null): void {
  if (blockSize === null) return;
  useBlockedLayout(
    builder,
    blockSize,
    outputs.map(output => output.name),
  );
}

/** How the cotangent of a per-sample pass is chosen. */
export type Seeding =
  | { readonly kind: 'largest'; readonly value: string }
  | { readonly kind: 'given'; readonly values: readonly string[] };

/** The name of the graph input that holds the cotangent of a value. */
export function seedName(value: string): string {
  return `lethe/seed/${value}`;
}

/** The cotangents of a per-sample pass; those that are given become graph inputs, added to `extra`. */
export function appendSeeds(
  builder: GraphBuilder,
  seeding: Seeding,
  extra: ValueInfo[],
): Map<string, string> {
  if (seeding.kind === 'given')
    return new Map(
      seeding.values.map(value => {
        const dims = builder.dims(value);
        extra.push({ name: seedName(value), dtype: builder.float, dims });
        return [value, builder.declare(seedName(value), dims)];
      }),
    );
  const dims = builder.dims(seeding.value);
  const samples = dims[0] as number;
  const size = elementCount(dims.slice(1));
  const flat = builder.reshape(seeding.value, [samples, size]);
  const place = builder.op('ArgMax', [flat], [samples], { axis: 1, keepdims: 0 });
  const oneHot = builder.op(
    'OneHot',
    [place, builder.ints([size]), builder.floats([2], [0, 1])],
    [samples, size],
    {
      axis: 1,
    },
  );
  return new Map([[seeding.value, builder.reshape(oneHot, dims)]]);
}

/** A graph to the summed gradients of given cotangents, the vector–Jacobian product; with a block size in the blocked layout. */
export function cotangentGraph(
  shapes: ShapeTable,
  batch: number,
  values: readonly string[],
  blockSize: number | null = null,
): { spec: GraphSpec; gradients: ReadonlyMap<string, string> } {
  const { model } = shapes;
  const builder = forwardBuilder(shapes, batch);
  const extra: ValueInfo[] = [];
  const nodes = [...model.graph.nodes];
  const seeds = appendSeeds(builder, { kind: 'given', values }, extra);
  const targets = model.trainable.map(parameter => parameter.name);
  const gradients = appendBackward({ builder, nodes, seeds, targets });
  const outputs: ValueInfo[] = [];
  const expose = exposer(builder, outputs);
  const names = new Map([...gradients].map(([parameter, value]) => [parameter, expose(value)]));
  block(builder, outputs, blockSize);
  return { spec: finish(model, builder, extra, outputs), gradients: names };
}

/**
 * A graph to the tangents of values, the Jacobian–vector product: parameters move along graph inputs. With a block size
 * in the blocked layout.
 */
export function tangentGraph(
  shapes: ShapeTable,
  batch: number,
  values: readonly string[],
  blockSize: number | null = null,
): { spec: GraphSpec; tangents: ReadonlyMap<string, string> } {
  const { model } = shapes;
  const builder = forwardBuilder(shapes, batch);
  const extra: ValueInfo[] = model.trainable.map(({ name, dims }) => {
    return { name: tangentName(name), dtype: builder.float, dims };
  });
  for (const { name, dims } of extra) builder.declare(name, dims as readonly number[]);
  const seeds = new Map(model.trainable.map(({ name }) => [name, tangentName(name)]));
  const found = appendForward(builder, [...model.graph.nodes], seeds, values);
  const outputs: ValueInfo[] = [];
  const expose = exposer(builder, outputs);
  const tangents = new Map<string, string>();
  for (const [value, tangent] of found)
    if (tangent !== undefined) tangents.set(value, expose(builder.expand(tangent, builder.dims(value))));
  block(builder, outputs, blockSize);
  return { spec: finish(model, builder, extra, outputs), tangents };
}

/** The name of the graph input that holds the direction a parameter moves along. */
export function tangentName(parameter: string): string {
  return `lethe/tangent/${parameter}`;
}

/** Makes values graph outputs, each once; one that no node produces (a graph input) goes through a copy. */
export function exposer(builder: GraphBuilder, outputs: ValueInfo[]): (value: string) => string {
  const produced = new Set(builder.nodes.flatMap(node => node.outputs));
  const exposed = new Map<string, string>();
  return value => {
    let name = exposed.get(value);
    if (name === undefined) {
      name =
        produced.has(value) || builder.nodes.some(node => node.outputs.includes(value))
          ? value
          : builder.op('Identity', [value], builder.dims(value));
      exposed.set(value, name);
      outputs.push({ name, dtype: builder.float, dims: builder.dims(value) });
    }
    return name;
  };
}

/** A graph from data and weights to the model's outputs, and the logits before final activations, for any batch. */
export function predictionGraph(model: GraphModel): GraphSpec {
  const logits = [...model.activations.values()].flatMap(({ logits, logarithms }) =>
    logarithms === undefined ? [logits] : [logits, logarithms],
  );
  const declared = model.graph.outputs.map(output => output.name);
  return {
    nodes: model.graph.nodes,
    constants: model.constants,
    inputs: [...model.inputs.map(input => ({ ...input, dims: null })), ...weightInputs(model)],
    outputs: [...new Set([...declared, ...logits])].map(name => ({
      name,
      dtype: 'float32' as const,
      dims: null,
      typed: false as const,
    })),
    opsets: model.opsets,
    float: model.precision.type,
  };
}
