// What a model gives for a whole dataset.
import { bindDataset } from '../data/bind';
import type { BoundDataset, InputSignature } from '../data/dataset';
import { openDataset } from '../data/open';
import { LetheError } from '../shared/errors';
import { openEngine } from '../runtime/openEngine';
import type { DataSource, Preprocess } from '../shared/recipe';
import { allocate, castTensor, type Tensor } from '../tensor/tensor';
import { inputSignatures } from './openJob';
import { defaultThreads } from './threads';

/** Where samples come from; relative paths are relative to `base`. */
export interface SampleSource {
  readonly data: DataSource;
  readonly base: string;
  readonly preprocess: Preprocess | null;
}

/** A model's outputs by name, stacked over all samples in order. */
export interface Predictions {
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly warnings: readonly string[];
  /** What was read besides the model file; images, which no array can replace, are left out. */
  readonly read: readonly string[];
}

/** Samples read and run at a time. */
const chunk = 256;

/** Runs a model over a dataset. Throws a ModelError or a DataError. */
export async function predictDataset(modelPath: string, source: SampleSource): Promise<Predictions> {
  const engine = await openEngine(modelPath, { threads: defaultThreads() });
  try {
    const bound = await openInputs(source, inputSignatures(engine.model));
    const values = engine.initialValues();
    const parts: Tensor[][] = [];
    for (let start = 0; start < bound.size; start += chunk) {
      const count = Math.min(chunk, bound.size - start);
      const { inputs } = await bound.read(Array.from({ length: count }, (_, index) => start + index));
      parts.push(await engine.predict(values, inputs));
    }
    const read = [bound.dataset.path, ...engine.model.externalFiles];
    const outputs = new Map<string, Tensor>();
    engine.model.graph.outputs.forEach(({ name, dtype }, index) => {
      const output = stack(parts.map(part => part[index]!));
      // Where weights are float64, an output that is declared as less is computed in float64 all the same.
      const less = output.dtype === 'float64' && dtype !== 'float64';
      outputs.set(name, less ? castTensor(output, 'float32') : output);
    });
    return { outputs, warnings: [...engine.notes, ...bound.warnings], read };
  } finally {
    await engine.close();
  }
}

/**
 * The samples fitted to the model. Predicting needs no labels: where the data fits only when nothing in it is taken
 * for labels, nothing is.
 */
async function openInputs(source: SampleSource, inputs: readonly InputSignature[]): Promise<BoundDataset> {
  try {
    return bindDataset(await openDataset(source.data, source.base), inputs, source.preprocess);
  } catch (error) {
    const named = typeof source.data === 'string' ? { path: source.data } : source.data;
    if (!(error instanceof LetheError) || named.labels !== undefined) throw error;
    try {
      const unlabelled = await openDataset({ ...named, labels: [] }, source.base);
      const bound = bindDataset(unlabelled, inputs, source.preprocess);
      // Where a column of text was passed over, it and not the label may be the input that was lacking.
      if ((unlabelled.passedOver ?? []).length > 0) throw error;
      return bound;
    } catch {
      throw error;
    }
  }
}

/** Joins tensors along axis 0. */
function stack(parts: readonly Tensor[]): Tensor {
  const first = parts[0]!;
  const count = parts.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const data = allocate(
    first.dtype,
    parts.reduce((sum, part) => sum + part.data.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    // Parts have one type, so the two casts agree.
    (data as Float32Array).set(part.data as Float32Array, offset);
    offset += part.data.length;
  }
  return { dtype: first.dtype, dims: [count, ...first.dims.slice(1)], data };
}
