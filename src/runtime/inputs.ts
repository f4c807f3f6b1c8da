// Inputs as a model takes them, checked.
import type { ValueInfo } from '../onnx/model';
import { isFloating } from '../tensor/dtype';
import { castTensor, zeros, type Tensor } from '../tensor/tensor';
import { RuntimeFailure } from './session';

/**
 * Inputs in the types that the graph computes with: floating ones as its weights, integers in the width the model declares.
 * Throws a RuntimeFailure when floats are given for integers or the number of inputs is off.
 */
export function adaptInputs(path: string, wanted: readonly ValueInfo[], inputs: readonly Tensor[]): Tensor[] {
  if (inputs.length !== wanted.length)
    throw new RuntimeFailure(
      `${path} takes ${wanted.length} inputs (${wanted.map(input => input.name).join(', ')}), ` +
        `but ${inputs.length} were given. Give one array an input, in this order.`,
    );
  return inputs.map((input, index) => {
    const { name, dtype } = wanted[index] as ValueInfo;
    if (isFloating(input.dtype) && !isFloating(dtype))
      throw new RuntimeFailure(
        `The input ${name} of ${path} takes ${dtype}, but the data are ${input.dtype}. ` +
          'Convert them first: Lethe does not round data by itself.',
      );
    return castTensor(input, dtype);
  });
}

/** Zeros as inputs: one sample, every other free axis of the given size. */
export function zeroInputs(wanted: readonly ValueInfo[], free: number): Tensor[] {
  return wanted.map(({ dtype, dims }) =>
    zeros(
      dtype,
      (dims ?? [1]).map((dim, axis) => (typeof dim === 'number' && dim > 0 ? dim : axis === 0 ? 1 : free)),
    ),
  );
}
