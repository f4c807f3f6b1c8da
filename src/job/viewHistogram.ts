// Histograms of values that come in pieces: the range in a first pass, the counts in a second.
import type { Histogram } from '../shared/viewerProtocol';

/** The smallest and the largest finite value seen. */
export class Range {
  private low = Infinity;
  private high = -Infinity;

  add(value: number): void {
    if (value < this.low) this.low = value;
    if (value > this.high) this.high = value;
  }

  get min(): number {
    return this.low <= this.high ? this.low : 0;
  }

  get max(): number {
    return this.low <= this.high ? this.high : 0;
  }

  /**
   * Bins over the range: 0…1 where it is empty; half as wide as the value is large where it is a single one; wider
   * where float64 could not tell the bins' edges apart.
   */
  bins(count: number): Bins {
    const { low, high } = this;
    if (low > high) return new Bins(0, 1, count);
    const magnitude = Math.max(Math.abs(low), Math.abs(high));
    const narrowest = Math.max(magnitude * 2 ** -44, 2 ** -1000) * count;
    const single = low === 0 ? 1 : Math.abs(low);
    const width = Math.max(low === high ? single : 0, narrowest);
    if (high - low >= width) return new Bins(low, high, count);
    const middle = low / 2 + high / 2;
    return new Bins(middle - width / 2, middle + width / 2, count);
  }
}

/** Beyond this the width of a range overflows; values outside a histogram's range count in its outer bins. */
const largest = Number.MAX_VALUE / 4;

/** Counts of values in equal-width bins [e_i, e_i+1), the last one closed; edges e_i = from + i·(to − from)/n. */
export class Bins {
  private readonly counts: number[];
  private readonly edges: Float64Array;
  private readonly from: number;
  private readonly to: number;
  private readonly perUnit: number;

  constructor(from: number, to: number, count: number) {
    this.from = Math.max(from, -largest);
    this.to = Math.min(to, largest);
    this.counts = new Array<number>(count).fill(0);
    const step = (this.to - this.from) / count;
    this.edges = Float64Array.from({ length: count + 1 }, (_, index) => this.from + index * step);
    this.perUnit = count / (this.to - this.from);
  }

  /** Counts a finite value. */
  add(value: number): void {
    const last = this.counts.length - 1;
    const guess = Math.floor((value - this.from) * this.perUnit);
    let bin = guess >= last ? last : guess > 0 ? guess : 0;
    // The division rounds: the edges decide.
    if (bin > 0 && value < this.edges[bin]!) bin--;
    else if (bin < last && value >= this.edges[bin + 1]!) bin++;
    this.counts[bin]!++;
  }

  get histogram(): Histogram {
    return { from: this.from, to: this.to, counts: this.counts };
  }
}
