// What the automatic choice starts from, by how much of the retained data is at hand.
import type { Diagnosis } from '../shared/diagnosis';
import { percent, things } from '../shared/numbers';

/** The method that `auto` tries first (as `src/unlearn/search/strategy.ts` orders its trials) and why, in a sentence. */
export function startOf({ samples }: Pick<Diagnosis, 'samples'>): Diagnosis['start'] {
  const share = samples.accessible / samples.retained;
  return {
    method: 'shrink',
    why:
      share >= 1
        ? `all ${things(samples.retained, 'retained sample')} may be used, so descent can restore what a shrink of all parameters ` +
          'loses; then it looks for the strongest shrink, and the strongest projection, that keep the fit.'
        : `of ${things(samples.retained, 'retained sample')} ${percent(share, 0)} may be used, so it tries gentle shrinks first, then ` +
          'projections, which keep outputs, and weighs what is forgotten against what is lost on the rest.',
  };
}
