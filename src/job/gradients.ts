// Gradients of a model on arrays from files, for other programs to check or to use.
import { readFileSync } from 'node:fs';
import { Engine } from '../runtime/engine';
import type { LossName } from '../runtime/contracts';
import { LetheError, UsageError } from '../shared/errors';
import { decodeNpy } from '../tensor/npy';
import { castTensor, type Tensor } from '../tensor/tensor';
import { inputSignatures } from './openJob';
import { defaultThreads } from './threads';

/**
 * The gradient of a mean loss by every trainable parameter. `labels` belong to the first outputs in order; the
 * losses of several outputs add up. Throws a UsageError when the numbers of files do not fit the model.
 */
export async function lossGradients(
  modelPath: string,
  inputFiles: readonly string[],
  labelFiles: readonly string[],
  loss: LossName,
): Promise<{ loss: number; gradients: Map<string, Tensor> }> {
  return withModel(modelPath, inputFiles, async (engine, inputs) => {
    const labels = labelFiles.map(readArray);
    const { outputs } = engine.model.graph;
    if (labels.length > outputs.length) {
      throw new UsageError(
        `${labelFiles.length} label files were named, but ${modelPath} has ${outputs.length} outputs ` +
          `(${outputs.map(output => output.name).join(', ')}). Name at most one a output.`,
      );
    }
    const heads = labels.map((_, index) => ({ output: outputs[index]!.name, loss, weight: 1 }));
    const result = await engine.lossGradient(engine.initialValues(), { inputs, labels }, heads);
    const gradients = new Map<string, Tensor>();
    for (const { name, dims, dtype } of engine.parameters) {
      const data = result.gradients.get(name);
      if (data) gradients.set(name, inParameterType({ dtype: 'float32', dims, data }, dtype));
    }
    return { loss: result.loss, gradients };
  });
}

/** For each sample (axis 0) the gradient of the largest element of the first output, by every trainable parameter. */
export async function sampleGradients(
  modelPath: string,
  inputFiles: readonly string[],
): Promise<Map<string, Tensor>> {
  return withModel(modelPath, inputFiles, async (engine, inputs) => {
    const found = await engine.perSampleGradients(engine.initialValues(), inputs);
    const types = new Map(engine.parameters.map(({ name, dtype }) => [name, dtype]));
    const gradients = new Map<string, Tensor>();
    for (const [name, { dims, data }] of found) {
      gradients.set(name, inParameterType({ dtype: 'float32', dims, data }, types.get(name)));
    }
    return gradients;
  });
}

async function withModel<T>(
  modelPath: string,
  inputFiles: readonly string[],
  action: (engine: Engine, inputs: Tensor[]) => Promise<T>,
): Promise<T> {
  const engine = await Engine.open(modelPath, { threads: defaultThreads() });
  try {
    const signatures = inputSignatures(engine.model);
    if (inputFiles.length !== signatures.length) {
      throw new UsageError(
        `${inputFiles.length} input files were named, but ${modelPath} has ${signatures.length} inputs ` +
          `(${signatures.map(({ name }) => name).join(', ')}). Name one for each, in this order.`,
      );
    }
    const inputs = inputFiles.map((file, index) => {
      const array = readArray(file);
      const { name, dims, dtype } = signatures[index]!;
      if (dims !== null && !fits(array.dims, dims)) {
        throw new LetheError(
          `${file} has the shape [${array.dims.join(', ')}], but the input ${name} of ${modelPath} takes ` +
            `[${dims.map(dim => dim ?? '?').join(', ')}]. Give samples of that shape, batch axis first.`,
        );
      }
      return castTensor(array, dtype);
    });
    return await action(engine, inputs);
  } finally {
    await engine.close();
  }
}

/** Whether an array can be fed: the rank agrees, and every declared size but that of the batch axis. */
function fits(dims: readonly number[], declared: readonly (number | string | null)[]): boolean {
  return (
    dims.length === declared.length &&
    dims.every((dim, axis) => axis === 0 || typeof declared[axis] !== 'number' || declared[axis] === dim)
  );
}

function readArray(file: string): Tensor {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown cause';
    throw new LetheError(`${file} cannot be read (${code}). Check the path.`);
  }
  return decodeNpy(bytes, file);
}

function inParameterType(gradient: Tensor, dtype: string | undefined): Tensor {
  return dtype === 'float64' ? castTensor(gradient, 'float64') : gradient;
}
