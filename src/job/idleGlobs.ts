// Globs over parameter names that match nothing, which is seldom what was meant.
import { matcher } from '../autodiff/parameters';
import type { Parameter } from '../runtime/contracts';
import { nearestName } from '../shared/nearest';

/** A warning for each glob that matches no parameter; `key` is where the globs were given. */
export function idleGlobs(globs: readonly string[], parameters: readonly Parameter[], key: string): string[] {
  const names = parameters.map(({ name }) => name);
  return globs
    .filter(glob => !names.some(matcher([glob])))
    .map(glob => {
      const nearest = nearestName(glob, names);
      const hint = nearest ? `Did you mean ${JSON.stringify(nearest)}?` : '"lethe inspect" lists the names.';
      return `${key}: ${JSON.stringify(glob)} matches no parameter of the model. ${hint}`;
    });
}
