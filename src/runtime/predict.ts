// Predictions of a model for any parameter values.
import type { Tensor } from '../tensor/tensor';
import { chunkLimit, chunksOf, joinChunks, takeChunk } from './batches';
import type { ParameterValues } from './contracts';
import { predictionGraph } from './graphs';
import { fetched, type RuntimeTensor } from './session';
import { sampleCount, type Workspace } from './workspace';

/**
 * The model's outputs, in the order of the file. With `logits`, an output that ends in Softmax, LogSoftmax or
 * Sigmoid is given as it was before that.
 */
export async function predict(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  logits: boolean,
): Promise<Tensor[]> {
  const shapes = await workspace.shapesFor(values, inputs);
  const session = await workspace.session('predict', 'the model', () => predictionGraph(workspace.parts));
  const samples = sampleCount(inputs);
  const limit = chunkLimit(shapes, 1);
  const names = workspace.parts.model.graph.outputs.map(output => {
    const activation = logits ? workspace.parts.activations.get(output.name) : undefined;
    return activation?.logarithms ?? activation?.logits ?? output.name;
  });
  const pieces: Tensor[][] = names.map(() => []);
  for (const chunk of chunksOf(samples, limit, shapes.fixedBatch)) {
    const feeds = {
      ...workspace.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
      ...workspace.weights(values),
    };
    const outputs = await session.run(feeds);
    names.forEach((name, index) => pieces[index]?.push(fetched(outputs[name] as RuntimeTensor)));
  }
  return pieces.map(list => joinChunks(list, samples));
}

/** A value inside the graph, for any batch. */
export async function intermediate(
  workspace: Workspace,
  values: ParameterValues,
  inputs: readonly Tensor[],
  name: string,
): Promise<Tensor> {
  const shapes = await workspace.shapesFor(values, inputs);
  const session = await workspace.session(`value|${name}`, 'the features', () => ({
    ...predictionGraph(workspace.parts),
    outputs: [{ name, dtype: 'float32' as const, dims: null, typed: false as const }],
  }));
  const samples = sampleCount(inputs);
  const pieces: Tensor[] = [];
  for (const chunk of chunksOf(samples, chunkLimit(shapes, 1), shapes.fixedBatch)) {
    const feeds = {
      ...workspace.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
      ...workspace.weights(values),
    };
    pieces.push(fetched((await session.run(feeds))[name] as RuntimeTensor));
  }
  return joinChunks(pieces, samples);
}
