// The entries that changed most, chosen while all pass by.

/** An entry of a tensor before and after, by its place in row-major order. */
export interface ChangedEntry {
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

/** Keeps the entries with the largest |after − before|; of equal ones, those that came first. */
export class LargestChanges {
  /** The smallest change kept, which is the next to go, stands at the root of this heap. */
  private readonly heap: { readonly size: number; readonly entry: ChangedEntry }[] = [];

  constructor(private readonly wanted: number) {}

  /** Entries that did not change are never kept. */
  offer(index: number, before: number, after: number): void {
    const size = Math.abs(after - before);
    if (size === 0 || this.wanted <= 0) return;
    if (this.heap.length < this.wanted) {
      this.heap.push({ size, entry: { index, before, after } });
      this.rise(this.heap.length - 1);
    } else if (size > this.heap[0]!.size) {
      this.heap[0] = { size, entry: { index, before, after } };
      this.sink(0);
    }
  }

  /** The largest first. */
  get entries(): ChangedEntry[] {
    return [...this.heap]
      .sort((a, b) => b.size - a.size || a.entry.index - b.entry.index)
      .map(({ entry }) => entry);
  }

  private rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.before(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private sink(from: number): void {
    for (let at = from; ;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.heap.length && this.before(child, first)) first = child;
      }
      if (first === at) return;
      this.swap(at, first);
      at = first;
    }
  }

  /** Whether one entry goes before another does: the smaller change, of equal ones the later. */
  private before(one: number, other: number): boolean {
    const [a, b] = [this.heap[one]!, this.heap[other]!];
    return a.size < b.size || (a.size === b.size && a.entry.index > b.entry.index);
  }

  private swap(one: number, other: number): void {
    [this.heap[one], this.heap[other]] = [this.heap[other]!, this.heap[one]!];
  }
}

/** The place along each axis of an element in row-major order. */
export function placeOf(index: number, dims: readonly number[]): number[] {
  const place = new Array<number>(dims.length);
  let rest = index;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const size = dims[axis]!;
    place[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return place;
}
