// The losses of a run's steps, thinned out so that a long run stays a short list.
import type { ProgressUpdate } from '../shared/report';

/** More points than a plot can show. */
const most = 400;

/** Collects one point a step; beyond the most it keeps every second, then every fourth, and so on. */
export class LossHistory {
  private kept: { readonly step: number; readonly loss: number }[] = [];
  private stride = 1;

  add({ step, loss }: ProgressUpdate): void {
    if (step % this.stride !== 0 || !Number.isFinite(loss)) return;
    // A search runs several times before the run itself: only the last counts.
    const last = this.kept.at(-1);
    if (last && step <= last.step) {
      this.kept = [];
      this.stride = 1;
    }
    this.kept.push({ step, loss });
    if (this.kept.length <= most) return;
    this.stride *= 2;
    this.kept = this.kept.filter(point => point.step % this.stride === 0);
  }

  get points(): readonly { readonly step: number; readonly loss: number }[] {
    return this.kept;
  }
}
