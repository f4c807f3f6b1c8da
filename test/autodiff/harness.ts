// Runs small graphs through the differentiation passes and compares what they give with finite differences.
import assert from 'node:assert/strict';
import { appendBackward } from '../../src/autodiff/backward';
import { GraphBuilder } from '../../src/autodiff/builder';
import { appendForward } from '../../src/autodiff/forward';
import type { Attribute, OnnxModel, OnnxNode } from '../../src/onnx/model';
import { internalOpset, upgradeGraph } from '../../src/onnx/upgrade';
import { Session, feed, feedFloats, type GraphSpec, type RuntimeTensor } from '../../src/runtime/session';
import { isFloating, type FloatArray, type FloatType } from '../../src/tensor/dtype';
import {
  allocateFloats,
  castTensor,
  elementCount,
  float32,
  floats,
  type Tensor,
} from '../../src/tensor/tensor';
import { Random } from '../../src/tensor/random';

/** A graph of one or a few nodes, and what is known about it. */
export interface Case {
  /** What the case varies, for messages. */
  readonly title: string;
  readonly nodes: readonly OnnxNode[];
  /** The opset the nodes are written in. */
  readonly opset?: number;
  /** Floating arguments; each becomes a graph input. */
  readonly args: Readonly<Record<string, Tensor>>;
  /** Shapes, indices and the like; each becomes an initializer. */
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly output: string;
  /** The arguments that gradients must flow to (all unless given), and to no other. */
  readonly differentiable?: readonly string[];
  /**
   * How finite differences are taken: `exact` at step 1 (every argument enters linearly, or two of them as a
   * product), `piecewise` at small steps that cross no kink, `smooth` at several steps of which the best counts.
   */
  readonly differences: 'exact' | 'piecewise' | 'smooth';
}

/** A node. Attributes: numbers are ints, `{ float }` floats, arrays ints, strings strings. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<
    Record<string, number | readonly number[] | string | { readonly float: number } | Attribute | undefined>
  > = {},
): OnnxNode {
  const list = new Map<string, Attribute>();
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (typeof value === 'number') list.set(name, { type: 'int', value });
    else if (typeof value === 'string') list.set(name, { type: 'string', value });
    else if (Array.isArray(value)) list.set(name, { type: 'ints', value: value as number[] });
    // A file holds float32.
    else if ('float' in value) list.set(name, { type: 'float', value: Math.fround(value.float) });
    else list.set(name, value as Attribute);
  }
  return { name: `${opType}/${outputs[0]}`, opType, domain: '', inputs, outputs, attributes: list };
}

/** A model around nodes, as the reader would give it. */
export function modelOf(
  nodes: readonly OnnxNode[],
  opset: number,
  parts: Partial<OnnxModel['graph']> & { readonly irVersion?: number } = {},
): OnnxModel {
  const { irVersion, ...graph } = parts;
  return {
    path: '/models/case.onnx',
    irVersion: irVersion ?? 8,
    opsets: new Map([['', opset]]),
    producer: '',
    metadata: new Map(),
    graph: { name: 'case', nodes, inputs: [], outputs: [], initializers: new Map(), valueInfo: [], ...graph },
    functions: [],
    externalFiles: [],
    stamps: [],
    warnings: [],
  };
}

/** Normally distributed numbers. */
export function normals(random: Random, dims: readonly number[]): Tensor {
  return float32(
    dims,
    Float32Array.from({ length: elementCount(dims) }, () => random.normal()),
  );
}

/** Numbers that differ from each other by at least 0.1 and from 0 by at least 0.05. */
export function spaced(random: Random, dims: readonly number[]): Tensor {
  const count = elementCount(dims);
  const levels = Array.from({ length: count }, (_, index) => 0.1 * (index - Math.floor(count / 2)) + 0.05);
  return float32(dims, random.shuffle(levels));
}

/** Numbers of magnitude 0.5 to 2, for divisors. */
export function awayFromZero(random: Random, dims: readonly number[]): Tensor {
  return float32(
    dims,
    Float32Array.from(
      { length: elementCount(dims) },
      () => (0.5 + 1.5 * random.uniform()) * (random.integer(2) ? 1 : -1),
    ),
  );
}

/** A number from low to high, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + random.integer(high - low + 1);
}

/** One of several things. */
export function oneOf<T>(random: Random, things: readonly T[]): T {
  return things[random.integer(things.length)] as T;
}

/** Sizes from low to high. */
export function sizes(random: Random, count: number, low: number, high: number): number[] {
  return Array.from({ length: count }, () => between(random, low, high));
}

/** The graph of a case in the internal opset, as the parts of a session. */
export function prepare(test: Case, float: FloatType = 'float32'): Omit<GraphSpec, 'outputs'> {
  const { graph, opsets } = upgradeGraph(
    modelOf(test.nodes, test.opset ?? internalOpset, {
      initializers: new Map(Object.entries(test.constants ?? {})),
    }),
    float,
  );
  const constants = graph.initializers as ReadonlyMap<string, Tensor>;
  return {
    nodes: graph.nodes,
    constants:
      float === 'float32' ? constants : new Map([...constants].map(([name, one]) => [name, widened(one)])),
    inputs: Object.entries(test.args).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
    opsets,
    float,
  };
}

/** The case with all floats as float64. */
export function inDouble(test: Case): Case {
  const args = Object.entries(test.args).map(([name, tensor]) => [name, widened(tensor)] as const);
  return { ...test, args: Object.fromEntries(args) };
}

function widened(tensor: Tensor): Tensor {
  return isFloating(tensor.dtype) ? castTensor(tensor, 'float64') : tensor;
}

/** A session from the inputs of a graph, of any size, to all of its values. */
export async function exposing(parts: Omit<GraphSpec, 'outputs'>, optimise = false): Promise<Session> {
  const names = parts.nodes.flatMap(one => one.outputs.filter(output => output));
  return Session.create(
    {
      ...parts,
      inputs: parts.inputs.map(input => ({ ...input, dims: null })),
      outputs: names.map(name => ({ name, dtype: 'float32', dims: null, typed: false })),
    },
    { threads: 2, optimise },
    'a case',
  );
}

/** A builder that holds a graph's forward nodes and the dims of all of its values. */
export function builderOf(
  parts: Omit<GraphSpec, 'outputs'>,
  values: Readonly<Record<string, { readonly dims: readonly number[] }>>,
): GraphBuilder {
  const builder = new GraphBuilder(undefined, parts.float);
  for (const [name, tensor] of parts.constants) {
    builder.constants.set(name, tensor);
    builder.declare(name, tensor.dims);
  }
  for (const [name, { dims }] of Object.entries(values)) builder.declare(name, dims);
  for (const one of parts.nodes) builder.push(one);
  return builder;
}

/** Tensors as feeds. */
export function feeds(tensors: Readonly<Record<string, Tensor>>): Record<string, RuntimeTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, feed(tensor)]));
}

/** Σ a·b in float64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/** ‖a‖₂ in float64. */
export function norm(a: ArrayLike<number>): number {
  return Math.sqrt(dot(a, a));
}

/** How exact each type is, relatively, and the steps of differences: the error of central ones falls with their square. */
const limits = {
  float32: { adjoint: 1e-4, exact: 1e-5, difference: 1e-3, steps: [0.05, 0.02, 0.008] },
  float64: { adjoint: 1e-12, exact: 1e-12, difference: 1e-6, steps: [1e-4, 1e-5, 1e-6] },
} as const;

/** What the derivative session of a case gives for one choice of arguments. */
interface Derivatives {
  readonly names: readonly string[];
  /** Jv, v running over the chosen arguments. */
  readonly product: string;
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Checks a case: gradients flow to the arguments that say so; ⟨u, Jv⟩ = Σ ⟨(Jᵀu)_i, v_i⟩; Jv agrees with central
 * differences of the operator itself. All arguments together, then each alone.
 */
export async function checkCase(given: Case, seed: number, float: FloatType = 'float32'): Promise<void> {
  const random = new Random(seed);
  const test = float === 'float64' ? inDouble(given) : given;
  const parts = prepare(test, float);
  const limit = limits[float];
  const forward = await exposing(parts);
  try {
    const values = await forward.run(feeds(test.args));
    const result = values[test.output] as RuntimeTensor;
    const expected = test.differentiable ?? Object.keys(test.args);
    const builder = builderOf(parts, { ...test.args, ...values });
    const floating = Object.entries(test.args).filter(([, tensor]) => tensor.dtype === float);
    const directions = Object.fromEntries(
      floating.map(([name, { dims }]) => [name, bounded(random, dims, float)]),
    );
    const u = bounded(random, result.dims, float);

    const outputs: string[] = [];
    const expose = (value: string): string => {
      const name = builder.op('Identity', [value], builder.dims(value));
      outputs.push(name);
      return name;
    };
    const tangentName = (name: string): string => `tangent/${name}`;
    for (const [name, { dims }] of floating) builder.declare(tangentName(name), dims);
    builder.declare('seed', result.dims);
    const derive = (names: readonly string[]): Derivatives | undefined => {
      const gradients = appendBackward({
        builder,
        nodes: parts.nodes,
        seeds: new Map([[test.output, 'seed']]),
        targets: names,
      });
      const tangents = new Map(names.map(name => [name, tangentName(name)]));
      const product = appendForward(builder, parts.nodes, tangents, [test.output]).get(test.output);
      const reached = names.filter(name => expected.includes(name));
      assert.deepEqual([...gradients.keys()].sort(), [...reached].sort(), 'gradients reach these arguments');
      if (reached.length === 0) {
        assert.equal(product, undefined, 'a tangent reaches the output from an argument without gradient');
        return undefined;
      }
      assert.ok(product, 'no tangent reaches the output');
      for (const [name, value] of gradients)
        assert.deepEqual(builder.dims(value), test.args[name]!.dims, `dims of the gradient of ${name}`);
      assert.deepEqual(builder.dims(product), result.dims, 'dims of the forward product');
      return {
        names: reached,
        product: expose(product),
        gradients: new Map([...gradients].map(([name, value]) => [name, expose(value)])),
      };
    };
    const all = floating.map(([name]) => name);
    const choices = [all, ...(all.length > 1 ? all.map(name => [name]) : [])];
    const derived = choices.map(derive).filter(found => found !== undefined);

    const session = await Session.create(
      {
        ...parts,
        nodes: builder.nodes,
        constants: builder.constants,
        inputs: [
          ...parts.inputs,
          ...floating.map(([name, { dims }]) => ({
            name: tangentName(name),
            dtype: float,
            dims,
          })),
          { name: 'seed', dtype: float, dims: result.dims },
        ],
        outputs: outputs.map(name => ({ name, dtype: float, dims: builder.dims(name) })),
      },
      { threads: 2, optimise: seed % 4 === 0 },
      'the derivatives of a case',
    );
    try {
      const run = (cotangent: FloatArray): Promise<Readonly<Record<string, RuntimeTensor>>> =>
        session.run({
          ...feeds(test.args),
          ...Object.fromEntries(
            floating.map(([name, { dims }]) => [tangentName(name), feedFloats(directions[name]!, dims)]),
          ),
          seed: feedFloats(cotangent, result.dims),
        });
      const first = await run(u);
      const dataOf = (outcome: Readonly<Record<string, RuntimeTensor>>, name: string): FloatArray =>
        outcome[name]!.data as FloatArray;
      // A cotangent that leans towards every Jv, so that no inner product is small by chance.
      const leaning = u.map(value => value / norm(u));
      for (const { product } of derived) {
        const jv = dataOf(first, product);
        const size = norm(jv);
        if (size > 0) leaning.forEach((_, index) => (leaning[index]! += jv[index]! / size));
      }
      for (const cotangent of [u, leaning]) {
        const outcome = await run(cotangent);
        for (const { names, product, gradients } of derived) {
          const jv = dataOf(outcome, product);
          const left = dot(cotangent, jv);
          let right = 0;
          let scale = norm(cotangent) * norm(jv);
          for (const [name, gradient] of gradients) {
            const found = dataOf(outcome, gradient);
            right += dot(found, directions[name]!);
            scale = Math.max(scale, norm(found) * norm(directions[name]!));
          }
          near(left, right, limit.adjoint * scale, `⟨u, Jv⟩ = ⟨Jᵀu, v⟩ for ${names.join()}`);
        }
      }
      for (const { names, product } of derived) {
        const jv = dataOf(first, product);
        const expectedDifference = dot(leaning, jv);
        const step = async (size: number): Promise<number> => {
          const at = async (sign: number): Promise<FloatArray> => {
            const moved = names.map(name => {
              const { dims, data } = test.args[name]!;
              const direction = directions[name]!;
              return [
                name,
                floats(
                  float,
                  dims,
                  (data as FloatArray).map((value, index) => value + sign * size * direction[index]!),
                ),
              ];
            });
            const outcome = await forward.run(
              feeds({ ...test.args, ...(Object.fromEntries(moved) as Record<string, Tensor>) }),
            );
            return (outcome[test.output]!.data as FloatArray).slice();
          };
          return (dot(leaning, await at(1)) - dot(leaning, await at(-1))) / (2 * size);
        };
        const largest = norm(result.data as FloatArray);
        const steps =
          test.differences === 'exact'
            ? [1]
            : test.differences === 'piecewise'
              ? [0.04, 0.03, 0.02]
              : limit.steps;
        const found = await Promise.all(steps.map(step));
        const best = found.reduce((a, b) =>
          Math.abs(b - expectedDifference) < Math.abs(a - expectedDifference) ? b : a,
        );
        // Differences of rounded results cannot be better than the rounding of those results.
        const scale =
          test.differences === 'exact' ? norm(leaning) * (norm(jv) + largest) : Math.abs(expectedDifference);
        const bound = (test.differences === 'exact' ? limit.exact : limit.difference) * scale;
        near(best, expectedDifference, bound, `central differences for ${names.join()}`);
      }
    } finally {
      await session.close();
    }
  } finally {
    await forward.close();
  }
}

/** Uniform numbers in [−1, 1]: a bounded direction crosses no kink at a bounded step. */
function bounded(random: Random, dims: readonly number[], float: FloatType): FloatArray {
  return allocateFloats(float, elementCount(dims)).map(() => 2 * random.uniform() - 1);
}

/** Fails unless two numbers are within a bound of each other; the bound must not be NaN either. */
export function near(actual: number, expected: number, bound: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= bound,
    `${what}: ${actual} and ${expected} differ by more than ${bound}`,
  );
}
