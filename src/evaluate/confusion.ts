// Confusion matrices, counted batch by batch.
import type { Confusion } from '../shared/evaluation';
import { predictedAt, type HeadView } from './headView';

/** The confusion matrix of one head. Binary outputs of several columns are pooled. */
export class ConfusionCounts {
  private readonly counts = new Map<number, number>();
  private classes = 0;

  constructor(private readonly output: string) {}

  add(view: HeadView): void {
    this.classes = view.classes;
    view.labels?.forEach((label, position) => {
      if (label < 0) return;
      const cell = label * view.classes + predictedAt(view, position);
      this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
    });
  }

  get matrix(): Confusion {
    const { output, classes } = this;
    const cells = [...this.counts].sort(([a], [b]) => a - b);
    return {
      output,
      classes,
      cells: cells.map(([cell, count]) => [Math.floor(cell / classes), cell % classes, count]),
    };
  }
}
