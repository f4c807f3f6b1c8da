// Which samples come next: continuing shuffled cycles, the epochs of a run, and class-balanced constraint samples.
import type { Random } from '../tensor/random';

/** An endless shuffled pass over indices: every index once before any comes again. */
export class ShuffledCycle {
  private order: number[] = [];
  private position = 0;

  constructor(
    private readonly indices: readonly number[],
    private readonly random: Random,
  ) {}

  /** The next `count` indices (at most all of them). A batch may span two passes. */
  next(count: number): number[] {
    const size = Math.min(count, this.indices.length);
    const batch: number[] = [];
    while (batch.length < size) {
      if (this.position >= this.order.length) {
        this.order = this.random.shuffle([...this.indices]);
        this.position = 0;
      }
      const taken = this.order.slice(this.position, this.position + size - batch.length);
      this.position += taken.length;
      batch.push(...taken);
    }
    return batch;
  }

  /** Where the pass stands, to be handed to `restore`. */
  save(): unknown {
    return { order: this.order, position: this.position };
  }

  /** Goes on where `save` was called. */
  restore(state: unknown): void {
    const { order, position } = state as { order: number[]; position: number };
    [this.order, this.position] = [[...order], position];
  }
}

/** How many optimiser steps an epoch has: the batches of what it passes over. */
export function stepsPerEpoch(
  epochOver: 'forget' | 'retain',
  sizes: { readonly forgotten: number; readonly retained: number },
  batchSize: number,
): number {
  return Math.ceil((epochOver === 'forget' ? sizes.forgotten : sizes.retained) / batchSize);
}

/**
 * `count` positions of the pool spread evenly over the classes present: each class gets ⌊m/C⌋ or ⌈m/C⌉, random
 * classes the larger share; with fewer samples than classes, random classes get one each. A class with too few
 * samples gives all it has and the others fill up. Without classes, positions are drawn at random.
 */
export function balancedSample(
  classes: readonly (number | string)[] | null,
  poolSize: number,
  count: number,
  random: Random,
): number[] {
  const positions = Array.from({ length: poolSize }, (_, position) => position);
  if (count >= poolSize) return positions;
  if (!classes) return random.shuffle(positions).slice(0, count);
  const byClass = new Map<number | string, number[]>();
  for (const position of positions) {
    const label = classes[position] as number | string;
    const list = byClass.get(label);
    if (list) list.push(position);
    else byClass.set(label, [position]);
  }
  const lists = random.shuffle([...byClass.values()].map(list => random.shuffle(list)));
  const chosen: number[] = [];
  // Round after round one of each class: the shares differ by at most one until a class runs out.
  for (let round = 0; chosen.length < count; round++)
    for (const list of lists) {
      const position = list[round];
      if (position !== undefined && chosen.length < count) chosen.push(position);
    }
  return chosen;
}
