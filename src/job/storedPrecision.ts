import type { Parameter, ParameterValues } from '../runtime/contracts';
import { isFloating, type FloatArray } from '../tensor/dtype';
import { castTensor, floatTypeOf, toFloats } from '../tensor/tensor';

/** Rounds values to what the file can hold, so that what is measured is what is saved. */
export function roundToStored(parameters: readonly Parameter[], values: ParameterValues): void {
  for (const { name, dtype, dims } of parameters) {
    const value = values.get(name);
    if (!value || !isFloating(dtype) || dtype === 'float64') continue;
    const type = floatTypeOf(value);
    if (dtype === type) continue;
    const rounded: FloatArray = toFloats(castTensor({ dtype: type, dims, data: value }, dtype), type);
    value.set(rounded);
  }
}
