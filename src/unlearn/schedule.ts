// How the learning rate goes down over a run.

/** `linear` goes to zero on a line, `cosine` on half a cosine (Loshchilov & Hutter, *SGDR*, 2017). */
export type RateSchedule = 'constant' | 'linear' | 'cosine';

/** What the learning rate is multiplied by in a step; steps count from 0. */
export function rateFactor(schedule: RateSchedule, step: number, steps: number): number {
  const done = step / Math.max(1, steps);
  if (schedule === 'linear') return 1 - done;
  if (schedule === 'cosine') return (1 + Math.cos(Math.PI * done)) / 2;
  return 1;
}
