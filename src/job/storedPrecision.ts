import type { Parameter, ParameterValues } from '../runtime/contracts';
import { castTensor, toFloat32 } from '../tensor/tensor';

/** Rounds values to what the file can hold, so that what is measured is what is saved. */
export function roundToStored(parameters: readonly Parameter[], values: ParameterValues): void {
  for (const { name, dtype, dims } of parameters) {
    const value = values.get(name);
    if (!value || (dtype !== 'float16' && dtype !== 'bfloat16')) continue;
    value.set(toFloat32(castTensor({ dtype: 'float32', dims, data: value }, dtype)));
  }
}
