// The dims of every intermediate value, found by running the model at two batch sizes.
import type { ValueInfo } from '../onnx/model';
import { elementCount, zeros, type Tensor } from '../tensor/tensor';
import type { GraphModel } from './graphModel';
import { Session, feed, feedFloats, type RuntimeTensor } from './session';
import type { ParameterValues } from './contracts';

/** Dims that are affine in the batch size N: `base + slope · N` on every axis. */
interface AffineDims {
  readonly base: readonly number[];
  readonly slope: readonly number[];
}

/** The dims of all values of a model for one set of data shapes. */
export class ShapeTable {
  constructor(
    private readonly table: ReadonlyMap<string, AffineDims>,
    /** The only batch size the model takes, or null when any will do. */
    readonly fixedBatch: number | null,
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

  /** Whether axis 0 of a value is the batch, and no other axis grows with it. */
  batchFirst(name: string): boolean {
    const entry = this.table.get(name);
    if (!entry || this.fixedBatch !== null) return false;
    return entry.base[0] === 0 && entry.slope[0] === 1 && entry.slope.slice(1).every(slope => slope === 0);
  }

  /** The bytes that all intermediate values of one sample take together, as float32. */
  bytesPerSample(): number {
    let bytes = 0;
    for (const entry of this.table.values()) {
      const at = (batch: number): number =>
        elementCount(entry.base.map((base, axis) => base + entry.slope[axis]! * batch));
      bytes += 4 * (this.fixedBatch === null ? Math.max(0, at(2) - at(1)) : at(0) / this.fixedBatch);
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
    },
    { threads, optimise: false },
    `the model ${model.model.path}`,
  );
  try {
    const fixedBatch = declaredBatch(model.inputs);
    const weights = weightFeeds(model, values);
    const at = async (batch: number): Promise<Map<string, readonly number[]>> => {
      const feeds: Record<string, RuntimeTensor> = { ...weights };
      model.inputs.forEach((input, index) => {
        feeds[input.name] = feed(repeated(inputs[index] as Tensor, batch));
      });
      const outputs = await session.run(feeds);
      const dims = new Map<string, readonly number[]>();
      for (const [name, tensor] of Object.entries(feeds)) dims.set(name, tensor.dims);
      for (const [name, tensor] of Object.entries(outputs)) dims.set(name, tensor.dims);
      return dims;
    };
    if (fixedBatch !== null) {
      const dims = await at(fixedBatch);
      return new ShapeTable(
        new Map([...dims].map(([name, base]) => [name, { base, slope: base.map(() => 0) }])),
        fixedBatch,
      );
    }
    const [two, three] = [await at(2), await at(3)];
    const table = new Map<string, AffineDims>();
    for (const [name, dims] of two) {
      const other = three.get(name) as readonly number[];
      const slope = dims.map((dim, axis) => (other[axis] ?? dim) - dim);
      table.set(name, { base: dims.map((dim, axis) => dim - 2 * slope[axis]!), slope });
    }
    return new ShapeTable(table, null);
  } finally {
    await session.close();
  }
}

/** Parameters and frozen weights as graph inputs. */
export function weightInputs(model: GraphModel): ValueInfo[] {
  return [
    ...model.trainable.map(({ name, dims }) => ({ name, dtype: 'float32' as const, dims })),
    ...[...model.frozen].map(([name, tensor]) => ({ name, dtype: 'float32' as const, dims: tensor.dims })),
  ];
}

/** The feeds of all weights. */
export function weightFeeds(model: GraphModel, values: ParameterValues): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const { name, dims } of model.trainable)
    feeds[name] = feedFloats(values.get(name) as Float32Array, dims);
  for (const [name, tensor] of model.frozen) feeds[name] = feed(tensor);
  return feeds;
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
