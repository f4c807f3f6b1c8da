// Fitting a dataset to a model: which array feeds which input, and in what shape and type.
import { basename } from 'node:path';
import { isFloating } from '../tensor/dtype';
import { elementReader, type Tensor } from '../tensor/tensor';
import type { BoundDataset, Dataset, InputSignature, SampleArray, SampleBatch } from './dataset';
import { changesValues, type Preprocess } from './preprocess';
import { DataError } from './errors';
import { planSamples, type SamplePlan } from './samplePlan';
import { checkIndices, stack } from './rows';
import { describeDims, listNames } from './text';

/** What feeds one model input: an array of the dataset, or a column of numbers. */
interface Feed {
  readonly array: SampleArray;
  /** Position in `Dataset.inputs`; null for a column. */
  readonly position: number | null;
}

/** Values beyond this going to a floating input untouched look as if a scaling were missing. */
const unscaledLimit = 20;

/** How many samples are looked at for that. */
const watchedSamples = 4096;

/** How many image files are decoded at once. */
const decodedAtOnce = 16;

/**
 * Fits a dataset to a model's inputs: by name where all names agree, else by order. Shapes of arrays are checked
 * here, those of image files when they are read. Preprocessing applies to pictures (samples of two axes or more)
 * where the model takes any, else to every floating input. `warnings` grows while samples are read. Throws a
 * DataError that names the file, the array, both shapes and the remedy.
 */
export function bindDataset(
  dataset: Dataset,
  inputs: readonly InputSignature[],
  preprocess: Preprocess | null,
): BoundDataset {
  const file = basename(dataset.path);
  const feeds = matchInputs(dataset, inputs, file);
  const pictures = feeds.some(({ array }) => array.dims === null || array.dims.length >= 2);
  const warnings: string[] = [];
  const warned = new Set<number>();
  const plans = new Map<string, SamplePlan>();

  const planFor = (which: number, dims: readonly number[], name: string): SamplePlan => {
    const key = `${which}:${dims.join()}`;
    let plan = plans.get(key);
    if (plan === undefined) {
      const { array } = feeds[which]!;
      const picture = array.dims === null || array.dims.length >= 2;
      const input = inputs[which]!;
      const applies = pictures ? picture : isFloating(input.dtype);
      plan = planSamples(
        { array, dims, image: array.dims === null, name },
        input,
        applies ? preprocess : null,
      );
      plans.set(key, plan);
      for (const warning of plan.warnings) if (!warnings.includes(warning)) warnings.push(warning);
    }
    return plan;
  };

  inputs.forEach((input, which) => {
    if (input.dtype === 'string') {
      throw new DataError(`The model's input ${input.name} takes text, which Lethe cannot feed.`);
    }
    if (input.dims?.length === 0) {
      throw new DataError(
        `The model's input ${input.name} is a single number without a batch axis, so samples cannot be fed to it.`,
      );
    }
    const { array } = feeds[which]!;
    if (array.dims !== null) {
      try {
        planFor(which, array.dims, `${file}: array ${array.name}`);
      } catch (error) {
        throw withPassedOver(error, dataset);
      }
    }
    if (array.dtype === 'uint8' && isFloating(input.dtype) && !changesValues(preprocess)) {
      warned.add(which);
      warnings.push(
        `${file}: ${array.name} holds bytes (0 to 255), which go to the model's input ${input.name} unscaled. ` +
          'If the model was trained on scaled values, set preprocess.scale (0.00392156862745098 for 0 to 1).',
      );
    }
  });

  const watched = inputs.map(() => 0);
  const watch = (which: number, batch: Tensor): void => {
    const input = inputs[which]!;
    if (warned.has(which) || changesValues(preprocess) || !isFloating(input.dtype)) return;
    if (watched[which]! >= watchedSamples) return;
    watched[which]! += batch.dims[0] ?? 0;
    const value = elementReader(batch);
    let largest = 0;
    for (let index = 0; index < batch.data.length; index++)
      largest = Math.max(largest, Math.abs(value(index)));
    if (largest <= unscaledLimit) return;
    warned.add(which);
    warnings.push(
      `${file}: ${feeds[which]!.array.name} holds values up to ${largest}, which go to the model's input ${input.name} ` +
        'unscaled. If the model was trained on scaled values, set preprocess.scale, mean or std.',
    );
  };

  const finish = (which: number, batch: Tensor, indices: readonly number[], name: string): Tensor => {
    const finished = planFor(which, batch.dims.slice(1), name).apply(batch, indices);
    watch(which, finished);
    return finished;
  };

  const columnTensor = (name: string, indices: readonly number[]): Tensor => {
    const values = dataset.column(name);
    const data = Float64Array.from(indices, index => Number(values[index]));
    return { dtype: 'float64', dims: [indices.length], data };
  };

  const readArrays = async (indices: readonly number[]): Promise<SampleBatch> => {
    const batch = await dataset.read(indices);
    const tensors = feeds.map(({ array, position }, which) => {
      const stored = position === null ? columnTensor(array.name, indices) : batch.inputs[position]!;
      const name =
        array.dims === null
          ? `${file}, sample ${describeSample(dataset, indices[0]!)}`
          : `${file}: array ${array.name}`;
      return finish(which, stored, indices, name);
    });
    return { inputs: tensors, labels: batch.labels };
  };

  return {
    dataset,
    size: dataset.size,
    warnings,
    async read(indices) {
      checkIndices(indices, dataset.size, dataset.path);
      if (feeds.every(({ array }) => array.dims !== null) || indices.length === 0) return readArrays(indices);
      // Image files differ in size until they are preprocessed, so each is a batch of its own.
      const samples: SampleBatch[] = [];
      for (let start = 0; start < indices.length; start += decodedAtOnce) {
        const some = indices.slice(start, start + decodedAtOnce);
        samples.push(...(await Promise.all(some.map(index => readArrays([index])))));
      }
      return joinSamples(samples, indices, file);
    },
  };
}

/** The same error, which says as well what became no input because it holds text. */
function withPassedOver(error: unknown, dataset: Dataset): unknown {
  const { passedOver = [] } = dataset;
  if (!(error instanceof DataError) || passedOver.length === 0) return error;
  const what = passedOver.length === 1 ? 'This column holds' : 'These columns hold';
  return new DataError(
    `${error.message} ${what} text and became no input: ${listNames(passedOver)}. Correct the values, or name the inputs with data.inputs.`,
  );
}

/** The number of a sample, with its path where the dataset has one. */
function describeSample(dataset: Dataset, index: number): string {
  const path = dataset.columns.includes('path') ? dataset.column('path')[index] : undefined;
  return path === undefined ? String(index) : `${index} (${path})`;
}

/** Stacks batches of one sample each. */
function joinSamples(samples: readonly SampleBatch[], indices: readonly number[], file: string): SampleBatch {
  const join = (pick: (sample: SampleBatch) => readonly Tensor[]): Tensor[] =>
    pick(samples[0]!).map((first, which) => {
      const rows = samples.map((sample, position) => {
        const { dtype, dims, data } = pick(sample)[which]!;
        if (dims.join() !== first.dims.join()) {
          throw new DataError(
            `${file}: sample ${indices[0]} has the shape ${describeDims(first.dims.slice(1))}, but sample ` +
              `${indices[position]} has ${describeDims(dims.slice(1))}. Set preprocess.resize to bring them to one size.`,
          );
        }
        return { dtype, dims: dims.slice(1), data };
      });
      return stack(rows);
    });
  return { inputs: join(sample => sample.inputs), labels: join(sample => sample.labels) };
}

function matchInputs(dataset: Dataset, inputs: readonly InputSignature[], file: string): Feed[] {
  const byName = inputs.map((input): Feed | null => {
    const position = dataset.inputs.findIndex(array => array.name === input.name);
    if (position >= 0) return { array: dataset.inputs[position]!, position };
    if (!dataset.columns.includes(input.name)) return null;
    return { array: { name: input.name, dtype: 'float64', dims: [] }, position: null };
  });
  // A single input is fed by its array; a column that happens to have its name is only one of several features.
  const arrays = byName.filter(feed => feed !== null && feed.position !== null).length;
  const complete = byName.every(feed => feed !== null);
  if (complete && (arrays > 0 || inputs.length > 1)) {
    for (const feed of byName) if (feed!.position === null) checkNumbers(dataset, feed!.array.name, file);
    return byName as Feed[];
  }
  if (inputs.length === dataset.inputs.length) {
    const taken = new Set(byName.map(feed => feed?.position ?? null));
    const rest = dataset.inputs.map((_, position) => position).filter(position => !taken.has(position));
    return byName.map(feed => {
      if (feed !== null && feed.position !== null) return feed;
      const position = rest.shift()!;
      return { array: dataset.inputs[position]!, position };
    });
  }
  throw new DataError(
    `${file} has ${dataset.inputs.length} input ${dataset.inputs.length === 1 ? 'array' : 'arrays'} ` +
      `(${listNames(dataset.inputs.map(array => array.name))}), but the model has ${inputs.length} ` +
      `${inputs.length === 1 ? 'input' : 'inputs'} (${listNames(inputs.map(input => input.name))}). ` +
      'Name the arrays to feed, in order, with data.inputs.',
  );
}

function checkNumbers(dataset: Dataset, column: string, file: string): void {
  const text = dataset.column(column).findIndex(value => typeof value !== 'number');
  if (text < 0) return;
  throw new DataError(
    `${file}: column ${column} holds text (sample ${text}: '${dataset.column(column)[text]}'), but the model's input ${column} takes numbers.`,
  );
}
