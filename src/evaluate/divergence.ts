// How far the predictions of one model are from another's, summed batch by batch.
import type { Divergence } from '../shared/evaluation';
import { predictedAt, type HeadView } from './headView';

/** Running means over samples; several heads of a kind count alike. */
export class DivergenceSums {
  private samples = 0;
  private kl = 0;
  private squares = 0;
  private same = 0;
  private positions = 0;
  private classifiers = 0;
  private regressors = 0;

  /** Adds a batch: the heads of this model and those of the other, which KL(other ‖ this) takes as the truth. */
  add(own: readonly HeadView[], others: readonly HeadView[]): void {
    this.samples += own[0]?.samples ?? 0;
    this.classifiers = own.filter(view => view.classes > 0).length;
    this.regressors = own.length - this.classifiers;
    own.forEach((view, place) => {
      const other = others[place]!;
      if (view.classes > 0) this.addClassifier(view, other);
      else this.addRegressor(view, other);
    });
  }

  private addClassifier(own: HeadView, other: HeadView): void {
    const positions = own.samples * own.perSample;
    for (let position = 0; position < positions; position++) {
      const at = position * own.classes;
      for (let index = 0; index < own.classes; index++) {
        const log = other.values[at + index]!;
        if (log > -700) this.kl += (Math.exp(log) * (log - own.values[at + index]!)) / own.perSample;
      }
      this.positions++;
      if (predictedAt(own, position) === predictedAt(other, position)) this.same++;
    }
  }

  private addRegressor(own: HeadView, other: HeadView): void {
    own.values.forEach((value, index) => {
      this.squares += (value - other.values[index]!) ** 2 / own.perSample;
    });
  }

  get divergence(): Divergence {
    const { samples, classifiers, regressors } = this;
    return {
      count: samples,
      // Rounding can leave a tiny negative sum where both agree.
      kl: classifiers > 0 && samples > 0 ? Math.max(0, this.kl / samples / classifiers) : null,
      agreement: classifiers > 0 && samples > 0 ? this.same / this.positions : null,
      squaredDifference: regressors > 0 && samples > 0 ? this.squares / samples / regressors : null,
    };
  }
}
