// Cards of samples: asked for when they come into view, a few batches at a time, and kept for a while.
import type { SampleCard } from '../../src/shared/viewerProtocol';

/** A card that is there, that is on its way, or that could not be drawn. */
export type CardState = SampleCard | 'coming' | 'failed';

const batchSize = 96;
const batchesAtOnce = 2;

/** Asks for cards by index. */
export type AskCards = (indices: readonly number[]) => Promise<readonly SampleCard[]>;

/** The cards of one dataset at one size. Least recently seen cards are dropped beyond `capacity`. */
export class CardCache {
  private readonly cards = new Map<number, SampleCard>();
  private readonly underWay = new Set<number>();
  private readonly failed = new Set<number>();
  private wanted: readonly number[] = [];
  private batches = 0;
  /** Why the last batch failed; null when it came. */
  failure: string | null = null;

  constructor(
    private readonly ask: AskCards,
    private readonly arrived: () => void,
    private readonly capacity = 4000,
  ) {}

  /** The card of a sample, if it is there. */
  get(index: number): CardState {
    const card = this.cards.get(index);
    if (card === undefined) return this.failed.has(index) ? 'failed' : 'coming';
    this.cards.delete(index);
    this.cards.set(index, card);
    return card;
  }

  /** These samples are in view; what was wanted before and has not been asked for is let go. */
  want(indices: readonly number[]): void {
    this.wanted = indices;
    this.pump();
  }

  /** Asks again for what failed. */
  retry(): void {
    this.failed.clear();
    this.failure = null;
    this.pump();
  }

  private pump(): void {
    while (this.batches < batchesAtOnce) {
      const batch = this.wanted
        .filter(index => !this.cards.has(index) && !this.underWay.has(index) && !this.failed.has(index))
        .slice(0, batchSize);
      if (batch.length === 0) return;
      void this.fetch(batch);
    }
  }

  private async fetch(batch: readonly number[]): Promise<void> {
    this.batches++;
    for (const index of batch) this.underWay.add(index);
    try {
      for (const card of await this.ask(batch)) this.cards.set(card.index, card);
      // A card that was left out of the answer would be asked for for ever.
      for (const index of batch) if (!this.cards.has(index)) this.failed.add(index);
      this.failure = null;
    } catch (error) {
      for (const index of batch) this.failed.add(index);
      this.failure = error instanceof Error ? error.message : String(error);
    }
    for (const index of batch) this.underWay.delete(index);
    this.batches--;
    for (const index of this.cards.keys()) {
      if (this.cards.size <= this.capacity) break;
      this.cards.delete(index);
    }
    this.arrived();
    this.pump();
  }
}
