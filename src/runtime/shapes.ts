// The dims of every intermediate value, found by running the model at two batch sizes.
import type { ValueInfo } from '../onnx/model';
import { bytesPerElement, type FloatArray } from '../tensor/dtype';
import { elementCount, zeros, type Tensor } from '../tensor/tensor';
import type { GraphModel } from './graphModel';
import { valueDependent } from '../autodiff/activity';
import { RuntimeFailure, Session, feed, feedFloats, type RuntimeTensor } from './session';
import type { ParameterValues } from './contracts';

/** Dims that are affine in the batch size N: `base + slope · N` on every axis. */
interface AffineDims {
  readonly base: readonly number[];
  readonly slope: readonly number[];
}

/** The dims of all values of a model for one set of data shapes. */
export class ShapeTable {
  constructor(
    /** The model whose values these are. */
    readonly model: GraphModel,
    private readonly table: ReadonlyMap<string, AffineDims>,
    private readonly integers: ReadonlyMap<string, AffineDims>,
    /** The only batch size the model takes, or null when any will do. */
    readonly fixedBatch: number | null,
    /** Whether the outputs of a sample depend on the others in its batch: then no batch may be cut. */
    readonly mixesSamples = false,
  ) {}

  /** The names of all values. */
  names(): Iterable<string> {
    return this.table.keys();
  }

  /** The dims of a value at a batch size. */
  dims(name: string, batch: number): number[] {
    const entry = this.table.get(name);
    if (!entry) throw new TypeError(`The dims of ${name} were not probed.`);
    return entry.base.map((base, axis) => base + entry.slope[axis]! * batch);
  }

  /** The values, at a batch size, of every computed integer tensor that depends on shapes alone. */
  knownInts(batch: number): Map<string, number[]> {
    return new Map(
      [...this.integers].map(([name, { base, slope }]) => [
        name,
        base.map((value, index) => value + slope[index]! * batch),
      ]),
    );
  }

  /** Whether axis 0 of a value is the batch, and no other axis grows with it. */
  batchFirst(name: string): boolean {
    const entry = this.table.get(name);
    if (!entry || this.fixedBatch !== null) return false;
    return entry.base[0] === 0 && entry.slope[0] === 1 && entry.slope.slice(1).every(slope => slope === 0);
  }

  /** The bytes that all intermediate values of one sample take together, all taken as floating ones. */
  bytesPerSample(): number {
    let bytes = 0;
    for (const entry of this.table.values()) {
      const at = (batch: number): number =>
        elementCount(entry.base.map((base, axis) => base + entry.slope[axis]! * batch));
      bytes +=
        bytesPerElement(this.model.precision.type) *
        (this.fixedBatch === null ? Math.max(0, at(2) - at(1)) : at(0) / this.fixedBatch);
    }
    return bytes;
  }
}

/** The batch size a model declares as fixed, or null. */
export function declaredBatch(inputs: readonly ValueInfo[]): number | null {
  for (const input of inputs) {
    const first = input.dims?.[0];
    if (typeof first === 'number' && first > 0) return first;
  }
  return null;
}

/**
 * Probes a model with the first samples of `inputs`. Values are exposed as outputs of an unoptimised session, run
 * at two batch sizes (at one where the model's batch is fixed).
 */
export async function probeShapes(
  model: GraphModel,
  values: ParameterValues,
  inputs: readonly Tensor[],
  threads: number,
): Promise<ShapeTable> {
  const names = model.graph.nodes.flatMap(node => node.outputs.filter(output => output));
  const session = await Session.create(
    {
      nodes: model.graph.nodes,
      constants: model.constants,
      inputs: [...model.inputs.map(input => ({ ...input, dims: null })), ...weightInputs(model)],
      // Untyped outputs: ONNX Runtime infers the types of intermediate values.
      outputs: names.map(name => ({ name, dtype: 'float32' as const, dims: null, typed: false as const })),
      opsets: model.opsets,
      float: model.precision.type,
    },
    { threads, optimise: false },
    `the model ${model.model.path}`,
  );
  try {
    const fixedBatch = declaredBatch(model.inputs);
    const weights = weightFeeds(model, values);
    const byElements = valueDependent(
      model.graph.nodes,
      model.inputs.map(input => input.name),
    );
    const outputs = model.model.graph.outputs.map(output => output.name);
    const declared = new Set(outputs);
    const at = async (batch: number): Promise<Probe> => {
      const feeds: Record<string, RuntimeTensor> = { ...weights };
      model.inputs.forEach((input, index) => {
        feeds[input.name] = feed(repeated(inputs[index] as Tensor, batch));
      });
      const outputs = await session.run(feeds);
      const probe: Probe = { dims: new Map(), integers: new Map(), results: new Map() };
      for (const [name, tensor] of Object.entries(feeds)) probe.dims.set(name, tensor.dims);
      for (const [name, tensor] of Object.entries(outputs)) {
        probe.dims.set(name, tensor.dims);
        if (tensor.type === model.precision.type && declared.has(name))
          probe.results.set(name, (tensor.data as FloatArray).slice());
        const integral = tensor.type === 'int64' || tensor.type === 'int32';
        if (integral && !byElements.has(name) && tensor.size <= mostIntegers)
          probe.integers.set(name, Array.from(tensor.data as ArrayLike<number | bigint>, Number));
      }
      return probe;
    };
    if (fixedBatch !== null) {
      const probe = await at(fixedBatch);
      return new ShapeTable(model, affine(probe.dims, null), affine(probe.integers, null), fixedBatch);
    }
    return (await bothSizes(model, at, outputs)) ?? (await hiddenBatch(model, at, outputs, inputs));
  } finally {
    await session.close();
  }
}

/** The dims at two batch sizes as functions of the size; null where the model takes neither or mixes them up. */
async function bothSizes(
  model: GraphModel,
  at: (batch: number) => Promise<Probe>,
  outputs: readonly string[],
): Promise<ShapeTable | null> {
  try {
    const [two, three] = [await at(2), await at(3)];
    const same = (name: string): boolean => two.dims.get(name)?.join() === three.dims.get(name)?.join();
    if (outputs.every(same)) {
      // The batch of the export may stand inside, where a Resize says how large every axis becomes.
      const fixed = two.dims.get(outputs[0] ?? '')?.[0] ?? 1;
      const probe = fixed > 1 ? await at(fixed) : undefined;
      if (!probe || !outputs.every(name => probe.dims.get(name)?.[0] === fixed))
        throw withoutBatch(model, outputs);
      return new ShapeTable(model, affine(probe.dims, null), affine(probe.integers, null), fixed);
    }
    const single = (name: string): boolean =>
      two.dims.get(name)?.[0] === 1 && three.dims.get(name)?.[0] === 1;
    if (outputs.some(name => single(name) && !same(name))) return null;
    const [dims, integers] = [affine(two.dims, three.dims), affine(two.integers, three.integers)];
    return new ShapeTable(model, dims, integers, null, mixed(two, three));
  } catch (error) {
    if (error instanceof RuntimeFailure && !(error instanceof WithoutBatch)) return null;
    throw error;
  }
}

/** A model whose outputs do not say which sample they belong to. */
class WithoutBatch extends RuntimeFailure {}

function withoutBatch(model: GraphModel, outputs: readonly string[]): WithoutBatch {
  return new WithoutBatch(
    `The outputs of ${model.model.path} (${outputs.join(', ')}) have the same shape for any number of samples. Their first ` +
      'axis must be the batch: export the model that way.',
  );
}

/** Whether the first two samples have other results in a batch of two than in one of three. */
function mixed(two: Probe, three: Probe): boolean {
  for (const [name, few] of two.results) {
    const more = three.results.get(name);
    if (two.dims.get(name)?.[0] !== 2 || three.dims.get(name)?.[0] !== 3 || !more) continue;
    let [largest, apart] = [0, 0];
    few.forEach((value, index) => {
      largest = Math.max(largest, Math.abs(value));
      apart = Math.max(apart, Math.abs(value - (more[index] as number)));
    });
    if (apart > 1e-3 * largest) return true;
  }
  return false;
}

/**
 * The dims of a model that declares a free batch but holds a fixed one inside, such as a Reshape to the size of the
 * export: 1 is tried first, then the number of samples given.
 */
async function hiddenBatch(
  model: GraphModel,
  at: (batch: number) => Promise<Probe>,
  outputs: readonly string[],
  inputs: readonly Tensor[],
): Promise<ShapeTable> {
  let reason = '';
  for (const batch of new Set([1, inputs[0]?.dims[0] ?? 1])) {
    try {
      const probe = await at(batch);
      if (outputs.some(name => probe.dims.get(name)?.[0] === batch))
        return new ShapeTable(model, affine(probe.dims, null), affine(probe.integers, null), batch);
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error;
      reason ||= ` ${error.message}`;
    }
  }
  throw new RuntimeFailure(
    `${model.model.path} does not run on batches of 1, 2, 3 or ${inputs[0]?.dims[0] ?? 1} samples, so the size of its batch must be ` +
      `fixed inside the graph. Export it with a batch axis that is free, or give as many samples as it was exported for.${reason}`,
  );
}

/** Computed integer tensors larger than this are data, not shapes. */
const mostIntegers = 4096;

interface Probe {
  readonly dims: Map<string, readonly number[]>;
  readonly integers: Map<string, readonly number[]>;
  /** The model's own floating outputs. */
  readonly results: Map<string, FloatArray>;
}

/** Numbers as functions of the batch size, from those at 2 and at 3; constants where there is one probe only. */
function affine(
  two: ReadonlyMap<string, readonly number[]>,
  three: ReadonlyMap<string, readonly number[]> | null,
): Map<string, AffineDims> {
  const result = new Map<string, AffineDims>();
  for (const [name, numbers] of two) {
    const other = three?.get(name);
    if (!other) {
      if (!three) result.set(name, { base: numbers, slope: numbers.map(() => 0) });
      continue;
    }
    const slope = numbers.map((value, index) => (other[index] ?? value) - value);
    result.set(name, { base: numbers.map((value, index) => value - 2 * slope[index]!), slope });
  }
  return result;
}

/** Parameters and frozen weights as graph inputs. */
export function weightInputs(model: GraphModel): ValueInfo[] {
  const dtype = model.precision.type;
  return [
    ...model.trainable.map(({ name, dims }) => ({ name, dtype, dims })),
    ...[...model.frozen].map(([name, tensor]) => ({ name, dtype, dims: tensor.dims })),
  ];
}

/** The feeds of all weights. */
export function weightFeeds(model: GraphModel, values: ParameterValues): Record<string, RuntimeTensor> {
  return Object.fromEntries([
    ...model.trainable.map(
      ({ name, dims }) => [name, feedFloats(values.get(name) as FloatArray, dims)] as const,
    ),
    ...[...model.frozen].map(([name, tensor]) => [name, feed(tensor)] as const),
  ]);
}

/** The first samples of a tensor, repeated cyclically to a batch size. */
function repeated(tensor: Tensor, batch: number): Tensor {
  const [samples, ...rest] = tensor.dims as [number, ...number[]];
  const stride = elementCount(rest);
  const result = zeros(tensor.dtype, [batch, ...rest]);
  for (let sample = 0; sample < batch; sample++) {
    const start = (sample % samples) * stride;
    (result.data as Float32Array).set(
      tensor.data.subarray(start, start + stride) as Float32Array,
      sample * stride,
    );
  }
  return result;
}
