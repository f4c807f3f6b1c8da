// Turns a method's progress into what people see: where it stands and how long it will take.
import type { JobProgress } from '../shared/solverProtocol';
import type { ProgressUpdate } from '../shared/report';

/** Estimates the time left from the steps done so far. `now` gives milliseconds. */
export class ProgressMeter {
  private first: { readonly time: number; readonly step: number } | null = null;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A method's update with the seconds left; absent in the first and after the last step. */
  measure(update: ProgressUpdate): JobProgress {
    const time = this.now();
    const first = (this.first ??= { time, step: update.step });
    const done = update.step - first.step;
    const secondsLeft =
      done > 0 && update.step < update.steps
        ? (((time - first.time) / done) * (update.steps - update.step)) / 1000
        : undefined;
    return { phase: 'unlearning', ...update, ...(secondsLeft === undefined ? {} : { secondsLeft }) };
  }
}
