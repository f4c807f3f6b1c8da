// Products with the Jacobian of some outputs by the parameters, over all samples in chunks: Jv and Jᵀu.
import { throwIfCancelled } from '../shared/errors';
import type { FloatArray } from '../tensor/dtype';
import { allocateFloats, elementCount, floats, zeros, type Tensor } from '../tensor/tensor';
import { chunkLimit, chunksOf, takeChunk, type Chunk } from './batches';
import type { ParameterValues } from './contracts';
import { cotangentGraph, seedName, tangentGraph, tangentName } from './graphs';
import { feed, type RuntimeTensor } from './session';
import type { ShapeTable } from './shapes';
import { sampleCount, shapeKey, type Workspace } from './workspace';

/** A part of the samples as ONNX Runtime takes it: made once, fed in every iteration. */
interface Part {
  readonly chunk: Chunk;
  readonly feeds: Readonly<Record<string, RuntimeTensor>>;
}

/** The Jacobian J of outputs at one point, in the model's type; sums over samples are in float64. */
export class Jacobian {
  private constructor(
    private readonly workspace: Workspace,
    private readonly shapes: ShapeTable,
    private readonly parts: readonly Part[],
    private readonly samples: number,
    private readonly outputs: readonly string[],
    private readonly key: string,
    private readonly blockSize: number | null,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** J at `values` of the named outputs. Its products throw a CancelledError between chunks once the signal is aborted. */
  static async at(
    workspace: Workspace,
    values: ParameterValues,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    signal?: AbortSignal,
  ): Promise<Jacobian> {
    const shapes = await workspace.gradientShapesFor(values, inputs);
    const samples = sampleCount(inputs);
    const parts = chunksOf(samples, chunkLimit(shapes, 3), shapes.fixedBatch).map(chunk => ({
      chunk,
      feeds: {
        ...workspace.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
        ...workspace.weights(values),
      },
    }));
    const key = `${shapeKey(inputs)}|${outputs.join()}`;
    const blockSize = await workspace.blockSize();
    return new Jacobian(workspace, shapes, parts, samples, outputs, key, blockSize, signal);
  }

  /** Jv: the tangents of each output, [samples, …]. */
  async tangents(direction: ReadonlyMap<string, Float64Array>): Promise<FloatArray[]> {
    const { outputs, shapes, workspace, samples } = this;
    const float = workspace.parts.precision.type;
    const results = outputs.map(name => {
      const dims = shapes.dims(name, shapes.fixedBatch ?? samples);
      return allocateFloats(float, samples * elementCount(dims.slice(1)));
    });
    const moves = Object.fromEntries(
      workspace.parts.trainable.map(({ name, dims }) => [
        tangentName(name),
        feed(floats(float, dims, direction.get(name)!)),
      ]),
    );
    for (const { chunk, feeds } of this.parts) {
      throwIfCancelled(this.signal);
      const key = `tangent|${this.key}|${chunk.size}`;
      const graph = workspace.graph(key, () => tangentGraph(shapes, chunk.size, outputs, this.blockSize));
      const session = await workspace.session(key, 'the forward products', () => graph.spec);
      const found = await session.run({ ...feeds, ...moves });
      outputs.forEach((name, index) => {
        const tangent = graph.tangents.get(name);
        if (tangent === undefined) return;
        const data = found[tangent]?.data as FloatArray;
        const row = data.length / chunk.size;
        results[index]?.set(data.subarray(0, (chunk.end - chunk.start) * row), chunk.start * row);
      });
    }
    return results;
  }

  /** Jᵀu for cotangents u of each output, [samples, …]: by parameter; none where nothing arrives. */
  async gradients(cotangents: readonly Tensor[]): Promise<Map<string, Float64Array>> {
    const { outputs, shapes, workspace } = this;
    const sums = new Map<string, Float64Array>();
    for (const { chunk, feeds } of this.parts) {
      throwIfCancelled(this.signal);
      const key = `products|${this.key}|${chunk.size}`;
      const graph = workspace.graph(key, () => cotangentGraph(shapes, chunk.size, outputs, this.blockSize));
      const session = await workspace.session(key, 'the gradient graph', () => graph.spec);
      const seeds = outputs.map((name, index) => [
        seedName(name),
        feed(takePadded(cotangents[index] as Tensor, chunk)),
      ]);
      const given = Object.fromEntries(seeds) as Record<string, RuntimeTensor>;
      const found = await session.run({ ...feeds, ...given });
      for (const [name, output] of graph.gradients) {
        const data = found[output]?.data as FloatArray;
        const sum = sums.get(name);
        if (!sum) sums.set(name, Float64Array.from(data));
        else for (let index = 0; index < sum.length; index++) sum[index]! += data[index]!;
      }
    }
    return sums;
  }
}

/** The rows of a chunk; padding has no cotangent. */
function takePadded(tensor: Tensor, chunk: Chunk): Tensor {
  const rest = tensor.dims.slice(1);
  const row = elementCount(rest);
  const result = zeros(tensor.dtype, [chunk.size, ...rest]);
  (result.data as FloatArray).set((tensor.data as FloatArray).subarray(chunk.start * row, chunk.end * row));
  return result;
}
