// The step that a projection takes, whichever engine found its direction.
import type { FloatArray } from '../tensor/dtype';
import type { ParameterValues } from './contracts';
import { RuntimeFailure } from './session';

/** θ ← θ − strength · direction, in place. Throws a RuntimeFailure that names the parameter which is no longer finite. */
export function stepAlong(
  values: ParameterValues,
  direction: ReadonlyMap<string, FloatArray>,
  strength: number,
): void {
  for (const [name, target] of values) {
    const source = direction.get(name)!;
    let sum = 0;
    for (let index = 0; index < target.length; index++)
      sum += target[index] = (target[index] as number) - strength * (source[index] as number);
    if (!Number.isFinite(sum))
      throw new RuntimeFailure(
        `The projection made the parameter ${name} not finite. Lower projectionStrength.`,
      );
  }
}
