// What the automatic choice starts from, by how much retained data is at hand.
import type { Diagnosis } from '../shared/diagnosis';
import { percent, things } from '../shared/numbers';

/** Below this many accessible retained samples a class, fine-tuning after a shrink forgets what they do not show. */
const fewPerOutput = 20;

/** The method to start from and why, in a sentence. */
export function startOf({ samples, outputs }: Pick<Diagnosis, 'samples' | 'outputs'>): Diagnosis['start'] {
  const share = samples.accessible / samples.retained;
  const at = `${things(samples.accessible, 'retained sample')} (${percent(share, 0)}) may be used`;
  return share >= 0.5 && samples.accessible >= fewPerOutput * outputs
    ? {
        method: 'shrink',
        why: `${at}, enough for descent to restore what a shrink of all parameters loses.`,
      }
    : {
        method: 'minnorm-og',
        why: `${at}, few enough that projections, which keep their outputs, are the safer start.`,
      };
}
