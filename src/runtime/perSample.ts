// Per-sample gradients as ONNX Runtime holds them: by one pass where the rules allow it, else sample by sample.
import { throwIfCancelled } from '../shared/errors';
import { bytesPerElement, type FloatArray, type FloatType } from '../tensor/dtype';
import { allocateFloats, elementCount, floats, floatTypeOf, type Tensor } from '../tensor/tensor';
import { chunkLimit, chunksOf, takeChunk, type Chunk } from './batches';
import type { ParameterValues } from './contracts';
import { elementsOf, ofSamples, pairBytes, valuesOf, type FactorOutput } from './factors';
import { gramNames } from './gram';
import { cotangentGraph, seedName, type Seeding } from './graphs';
import { perSampleGraph, rowOf, type PerSampleGraph } from './perSampleGraph';
import { predict } from './predict';
import { feed, feedFloats, fetched, type RuntimeTensor } from './session';
import type { ShapeTable } from './shapes';
import { sampleCount, shapeKey, type Workspace } from './workspace';

/** Gradients of the samples of a batch: what describes them, and the tensors under the names that it gives. */
export interface PerSampleFactors {
  readonly factors: FactorOutput[];
  readonly values: Record<string, RuntimeTensor>;
}

/** Bytes of intermediate values that a chunk may take where the factors of all samples lie beside it. */
const factorChunkBytes = 2e8;

/**
 * Per-sample gradients, in one pass; as `factors` in chunks, into memory that the next call uses again. Parameters without a per-sample rule in this model come from passes with the
 * cotangent of a single sample, so every parameter that the output depends on is there. Throws a CancelledError between
 * passes once the signal is aborted.
 */
export async function perSampleFactors(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  seeding: Seeding,
  factors: boolean,
  cotangents: Readonly<Record<string, RuntimeTensor>> = {},
  signal?: AbortSignal,
): Promise<PerSampleFactors> {
  const shapes = await workspace.gradientShapesFor(values, inputs);
  const samples = sampleCount(inputs);
  if (shapes.fixedBatch !== null || shapes.mixesSamples)
    return oneByOne(
      workspace,
      values,
      inputs,
      seeding,
      cotangents,
      workspace.parts.trainable.map(({ name }) => name),
      signal,
    );
  const blockSize = await workspace.blockSize();
  const chunks = factors ? factorChunks(shapes, samples, blockSize) : chunksOf(samples, samples, null);
  const size = chunks[0]?.size ?? 0;
  const columns = factors ? samples : null;
  const { key, graph } = factorGraph(workspace, shapes, inputs, size, seeding, columns, blockSize);
  const found: Record<string, RuntimeTensor> = {};
  const buffers = factors
    ? workspace.buffers(key, () => outputBuffers(graph, size, chunks.length, shapes.model.precision.type))
    : null;
  const session =
    graph.factors.length > 0
      ? await workspace.session(key, 'the per-sample gradients', () => graph.spec)
      : undefined;
  for (const chunk of session ? chunks : []) {
    throwIfCancelled(signal);
    const seeds = Object.entries(cotangents).map(([name, tensor]) => [
      name,
      feed(takeChunk(fetched(tensor), chunk)),
    ]);
    const feeds = {
      ...workspace.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
      ...workspace.weights(values),
      ...(Object.fromEntries(seeds) as Record<string, RuntimeTensor>),
    };
    if (buffers) await session?.run(feeds, rowsOf(graph, buffers, chunk.start, size));
    else Object.assign(found, await session?.run(feeds));
  }
  const described = graph.factors.map(factor => ofSamples(factor, samples));
  if (buffers)
    for (const factor of described)
      for (const [name, dims] of valuesOf(factor))
        found[name] = feedFloats(buffers.get(name)!.subarray(0, elementCount(dims)), dims);
  if (graph.remaining.length === 0) return { factors: described, values: found };
  const rest = await oneByOne(workspace, values, inputs, seeding, cotangents, graph.remaining, signal);
  return { factors: [...described, ...rest.factors], values: { ...found, ...rest.values } };
}

/**
 * The bytes that a projection on this many gradients holds at once: their factors, and the products of pairs of
 * positions in double precision.
 */
export async function factorBytes(
  workspace: Workspace,
  shapes: ShapeTable,
  inputs: readonly Tensor[],
  columns: number,
  seeding: Seeding,
): Promise<number> {
  const { trainable, precision } = workspace.parts;
  const width = bytesPerElement(precision.type);
  const explicit = (names: readonly string[]): number =>
    width *
    columns *
    trainable.reduce((sum, { name, dims }) => sum + (names.includes(name) ? elementCount(dims) : 0), 0);
  if (shapes.fixedBatch !== null) return explicit(trainable.map(({ name }) => name));
  const blockSize = await workspace.blockSize();
  const [chunk] = factorChunks(shapes, columns, blockSize);
  const size = chunk?.size ?? 1;
  const { graph } = factorGraph(workspace, shapes, inputs, size, seeding, columns, blockSize);
  const pairs = Math.max(0, ...graph.factors.map(factor => pairBytes(factor, columns)));
  return graph.factors.reduce(
    (sum, factor) => sum + width * elementsOf(factor, columns),
    explicit(graph.remaining) + pairs,
  );
}

/**
 * Chunks for the gradients of a projection. The blocked layout gives kernel gradients in pieces for fewer samples than a
 * block has channels, or for whole blocks of samples.
 */
function factorChunks(shapes: ShapeTable, samples: number, blockSize: number | null): Chunk[] {
  const limit = chunkLimit(shapes, 3, factorChunkBytes);
  if (blockSize === null || limit >= samples || limit < blockSize) return chunksOf(samples, limit, null);
  return chunksOf(samples, blockSize - 1, null);
}

/** What one pass gives for this many gradients, for every parameter; null where some take a pass each. */
export async function factorsInOnePass(
  workspace: Workspace,
  shapes: ShapeTable,
  inputs: readonly Tensor[],
  columns: number,
  seeding: Seeding,
): Promise<readonly FactorOutput[] | null> {
  if (shapes.fixedBatch !== null || shapes.mixesSamples) return null;
  const blockSize = await workspace.blockSize();
  const [chunk] = factorChunks(shapes, columns, blockSize);
  const size = chunk?.size ?? 1;
  const { graph } = factorGraph(workspace, shapes, inputs, size, seeding, columns, blockSize);
  return graph.remaining.length === 0 ? graph.factors : null;
}

/** The graph of per-sample gradients for a chunk of samples, and the key of its session. */
function factorGraph(
  workspace: Workspace,
  shapes: ShapeTable,
  inputs: readonly Tensor[],
  size: number,
  seeding: Seeding,
  columns: number | null,
  blockSize: number | null,
): { key: string; graph: PerSampleGraph } {
  const key = `factors|${columns}|${shapeKey(inputs)}|${size}|${JSON.stringify(seeding)}`;
  const make = (): PerSampleGraph => perSampleGraph(shapes, size, seeding, columns, blockSize);
  return { key, graph: workspace.graph(key, make) };
}

/** Memory for the outputs of all chunks. */
function outputBuffers(
  graph: PerSampleGraph,
  size: number,
  chunks: number,
  float: FloatType,
): Map<string, FloatArray> {
  return new Map(
    graph.spec.outputs.map(output => [
      output.name,
      allocateFloats(float, rowOf(output, size) * size * chunks),
    ]),
  );
}

/** The part of the memory that the chunk starting at a sample writes. */
function rowsOf(
  graph: PerSampleGraph,
  buffers: ReadonlyMap<string, FloatArray>,
  start: number,
  size: number,
): Record<string, RuntimeTensor> {
  return Object.fromEntries(
    graph.spec.outputs.map(output => {
      const row = rowOf(output, size);
      const data = buffers.get(output.name)!.subarray(start * row, (start + size) * row);
      return [output.name, feedFloats(data, output.dims as readonly number[])];
    }),
  );
}

/** Gradients of single samples, one backward pass each. */
async function oneByOne(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  seeding: Seeding,
  cotangents: Readonly<Record<string, RuntimeTensor>>,
  wanted: readonly string[],
  signal: AbortSignal | undefined,
): Promise<PerSampleFactors> {
  const shapes = await workspace.gradientShapesFor(values, inputs);
  const samples = sampleCount(inputs);
  // Where samples influence each other, each has its gradient in the batch of all.
  const size = shapes.fixedBatch ?? (shapes.mixesSamples ? samples : 1);
  const seeds = seeding.kind === 'given' ? seeding.values : [seeding.value];
  const key = `cotangent|${shapeKey(inputs)}|${size}|${seeds.join()}`;
  const blockSize = await workspace.blockSize();
  const graph = workspace.graph(key, () => cotangentGraph(shapes, size, seeds, blockSize));
  const session = await workspace.session(key, 'the gradient graph', () => graph.spec);
  const given =
    seeding.kind === 'given' ? cotangents : await largestSeeds(workspace, values, inputs, seeding.value);
  const dims = new Map(workspace.parts.trainable.map(parameter => [parameter.name, parameter.dims]));
  const collected = new Map(
    wanted
      .filter(name => graph.gradients.has(name))
      .map(name => [
        name,
        allocateFloats(
          workspace.parts.precision.type,
          samples * elementCount(dims.get(name) as readonly number[]),
        ),
      ]),
  );
  for (let sample = 0; sample < samples; sample++) {
    throwIfCancelled(signal);
    // Every sample keeps its own place in a batch of fixed size: weights may differ along it.
    const slot = sample % size;
    const chunk = { start: sample - slot, end: Math.min(samples, sample - slot + size), size };
    const feeds = {
      ...workspace.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
      ...workspace.weights(values),
    };
    for (const value of seeds)
      feeds[seedName(value)] = feed(
        onlyOne(fetched(given[seedName(value)] as RuntimeTensor), sample, slot, size),
      );
    const outputs = await session.run(feeds);
    for (const [name, data] of collected) {
      const gradient = outputs[graph.gradients.get(name) as string]?.data as FloatArray;
      data.set(gradient, sample * gradient.length);
    }
  }
  const factors: FactorOutput[] = [];
  const tensors: Record<string, RuntimeTensor> = {};
  for (const [parameter, data] of collected) {
    const value = gramNames.explicit(parameter);
    const full = [samples, ...(dims.get(parameter) as readonly number[])];
    factors.push({ parameter, kind: 'explicit', value, dims: full });
    tensors[value] = feedFloats(data, full);
  }
  return { factors, values: tensors };
}

/** One-hot cotangents at the largest element of a value, sample by sample. */
async function largestSeeds(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  value: string,
): Promise<Record<string, RuntimeTensor>> {
  const outputs = workspace.parts.model.graph.outputs;
  const raw = outputs.findIndex(output => output.name === value);
  const index = raw >= 0 ? raw : outputs.findIndex(output => workspace.logitsOf(output.name) === value);
  const output = (await predict(workspace, values, inputs, raw < 0))[index] as Tensor;
  const samples = sampleCount(inputs);
  const size = output.data.length / samples;
  const seeds = allocateFloats(workspace.parts.precision.type, output.data.length);
  for (let sample = 0; sample < samples; sample++) {
    let best = sample * size;
    for (let at = best + 1; at < (sample + 1) * size; at++)
      if ((output.data[at] as number) > (output.data[best] as number)) best = at;
    seeds[best] = 1;
  }
  return { [seedName(value)]: feedFloats(seeds, output.dims) };
}

/** Row `sample` of a tensor as row `slot` of `size`, the others zero. */
function onlyOne(tensor: Tensor, sample: number, slot: number, size: number): Tensor {
  const rest = tensor.dims.slice(1);
  const stride = elementCount(rest);
  const given = tensor.data as FloatArray;
  const data = allocateFloats(floatTypeOf(given), size * stride);
  data.set(given.subarray(sample * stride, (sample + 1) * stride), slot * stride);
  return floats(floatTypeOf(data), [size, ...rest], data);
}
