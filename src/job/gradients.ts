// Gradients of a model on arrays from files, for other programs to check or to use.
import { readFileSync } from 'node:fs';
import type { LossName, ModelEngine } from '../runtime/contracts';
import { openEngine } from '../runtime/openEngine';
import { LetheError, UsageError } from '../shared/errors';
import { isFloating } from '../tensor/dtype';
import { decodeNpy } from '../tensor/npy';
import { castTensor, elementReader, floatTypeOf, type Tensor } from '../tensor/tensor';
import { idleGlobs } from './idleGlobs';
import { inputSignatures } from './openJob';
import { defaultThreads } from './threads';

/** Which gradients are wanted of which model. */
export interface GradientRequest {
  readonly model: string;
  /** `.npy` files in the order of the model's inputs. */
  readonly inputs: readonly string[];
  /** Globs over the names of parameters that are left out. */
  readonly freeze: readonly string[];
}

/** Gradients by parameter, with what a person should know. */
export interface Gradients {
  readonly gradients: Map<string, Tensor>;
  readonly warnings: readonly string[];
  /** The data files of the model. */
  readonly read: readonly string[];
}

/**
 * The gradient of a mean loss by every trainable parameter. `labels` are files that belong to the first outputs in
 * order; the losses of several outputs add up. Throws a UsageError when the numbers of files do not fit the model, a
 * LetheError that names the file, or the parameter, for a value that is not finite.
 */
export async function lossGradients(
  request: GradientRequest,
  labelFiles: readonly string[],
  loss: LossName,
): Promise<Gradients & { loss: number }> {
  return withModel(request, async (engine, inputs) => {
    const labels = labelFiles.map(readArray);
    // A class number has no gradient, so labels belong to what is computed before it.
    const outputs = engine.model.graph.outputs.filter(({ dtype }) => isFloating(dtype));
    if (labels.length > outputs.length) {
      throw new UsageError(
        `${labelFiles.length} label files were named, but ${request.model} has ${outputs.length} outputs ` +
          `(${outputs.map(output => output.name).join(', ')}). Name at most one a output.`,
      );
    }
    const heads = labels.map((_, index) => ({ output: outputs[index]!.name, loss, weight: 1 }));
    const result = await engine.lossGradient(engine.initialValues(), { inputs, labels }, heads);
    if (!Number.isFinite(result.loss)) {
      throw new LetheError(
        `The ${loss} of ${request.model} on ${[...request.inputs, ...labelFiles].join(', ')} is ${result.loss}, so it has no ` +
          'gradient and nothing was written. Look for extreme values in these files and in the weights.',
      );
    }
    const gradients = new Map<string, Tensor>();
    for (const { name, dims, dtype } of engine.parameters) {
      const data = result.gradients.get(name);
      if (data) gradients.set(name, finished(name, { dtype: floatTypeOf(data), dims, data }, dtype));
    }
    return { loss: result.loss, gradients };
  });
}

/**
 * For each sample (axis 0) the gradient of the largest element of the first output, by every trainable parameter.
 * Throws what `lossGradients` throws.
 */
export async function sampleGradients(request: GradientRequest): Promise<Gradients> {
  return withModel(request, async (engine, inputs) => {
    const found = await engine.perSampleGradients(engine.initialValues(), inputs);
    const types = new Map(engine.parameters.map(({ name, dtype }) => [name, dtype]));
    const gradients = new Map<string, Tensor>();
    for (const [name, gradient] of found) gradients.set(name, finished(name, gradient, types.get(name)));
    return { gradients };
  });
}

async function withModel<T>(
  request: GradientRequest,
  action: (engine: ModelEngine, inputs: Tensor[]) => Promise<T>,
): Promise<T & Pick<Gradients, 'warnings' | 'read'>> {
  const { model: modelPath, inputs: inputFiles, freeze } = request;
  const engine = await openEngine(modelPath, { threads: defaultThreads(), freeze });
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
      const fed = castTensor(array, dtype);
      const bad = firstNotFinite(fed);
      if (bad !== null) {
        throw new LetheError(
          `${file}: element [${bad.join(', ')}] is beyond what ${dtype} holds, which the input ${name} takes. Give a smaller value.`,
        );
      }
      return fed;
    });
    const warnings = [...engine.notes, ...idleGlobs(freeze, engine.parameters, '--freeze')];
    return { ...(await action(engine, inputs)), warnings, read: engine.model.externalFiles };
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

/** An array from a file. Throws a LetheError that names the file and the element that is no finite number. */
function readArray(file: string): Tensor {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown cause';
    throw new LetheError(`${file} cannot be read (${code}). Check the path.`);
  }
  const array = decodeNpy(bytes, file);
  const bad = firstNotFinite(array);
  if (bad === null) return array;
  const value = elementReader(array)(indexOf(bad, array.dims));
  throw new LetheError(
    `${file}: element [${bad.join(', ')}] is ${value}, so there is no gradient and nothing was written. Correct the value or leave the sample out.`,
  );
}

/**
 * A gradient as float64 for a float64 parameter, else as float32. Throws a LetheError that names the parameter when it is
 * not finite.
 */
function finished(name: string, gradient: Tensor, dtype: string | undefined): Tensor {
  const bad = firstNotFinite(gradient);
  if (bad !== null) {
    const value = elementReader(gradient)(indexOf(bad, gradient.dims));
    throw new LetheError(
      `The gradient by the parameter ${name} is ${value} at element [${bad.join(', ')}], so nothing was written. ` +
        'Look for extreme values in the inputs and in the weights; --freeze leaves a parameter out.',
    );
  }
  return castTensor(gradient, dtype === 'float64' ? 'float64' : 'float32');
}

/** Where the first element that is NaN or infinite lies; null where all are finite. */
function firstNotFinite(tensor: Tensor): number[] | null {
  if (!isFloating(tensor.dtype)) return null;
  const read = elementReader(tensor);
  for (let index = 0; index < tensor.data.length; index++) {
    if (Number.isFinite(read(index))) continue;
    const place: number[] = [];
    let rest = index;
    for (let axis = tensor.dims.length - 1; axis >= 0; axis--) {
      place.unshift(rest % tensor.dims[axis]!);
      rest = Math.floor(rest / tensor.dims[axis]!);
    }
    return place;
  }
  return null;
}

function indexOf(place: readonly number[], dims: readonly number[]): number {
  return place.reduce((index, at, axis) => index * dims[axis]! + at, 0);
}
