// Mean and variance of values that come in pieces.

/** Count, mean and variance; pieces are merged by the method of Chan, Golub and LeVeque (1979). */
export class Moments {
  private count = 0;
  private centre = 0;
  private deviations = 0;
  private squares = 0;

  /** Adds the first `length` values of a piece. */
  add(piece: Float64Array, length: number): void {
    if (length === 0) return;
    let sum = 0;
    for (let index = 0; index < length; index++) sum += piece[index]!;
    const mean = sum / length;
    let deviations = 0;
    for (let index = 0; index < length; index++) {
      const value = piece[index]!;
      const delta = value - mean;
      deviations += delta * delta;
      this.squares += value * value;
    }
    const total = this.count + length;
    const apart = mean - this.centre;
    this.deviations += deviations + apart * apart * this.count * (length / total);
    this.centre += (apart * length) / total;
    this.count = total;
  }

  /** 0 where there are no values. */
  get mean(): number {
    return this.centre;
  }

  /** The population's standard deviation. */
  get std(): number {
    return this.count === 0 ? 0 : Math.sqrt(this.deviations / this.count);
  }

  /** The Euclidean norm. */
  get norm(): number {
    return Math.sqrt(this.squares);
  }
}
