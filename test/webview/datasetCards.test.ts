import assert from 'node:assert/strict';
import type { SampleCard } from '../../src/shared/viewerProtocol';
import { CardCache } from '../../webview/dataset/cards';

/** One request that the cache made, to be answered when the test wants. */
interface Asked {
  readonly indices: readonly number[];
  resolve(cards: readonly SampleCard[]): void;
  reject(error: Error): void;
}

function card(index: number): SampleCard {
  return { index, thumbnail: null, problem: null, values: [index] };
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

function cache(capacity = 1000): { cards: CardCache; asked: Asked[]; arrivals: () => number } {
  const asked: Asked[] = [];
  let arrivals = 0;
  const cards = new CardCache(
    indices => new Promise((resolve, reject) => asked.push({ indices, resolve, reject })),
    () => arrivals++,
    capacity,
  );
  return { cards, asked, arrivals: () => arrivals };
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('cards of samples', () => {
  it('asks once for what is in view, and keeps it', async () => {
    const { cards, asked, arrivals } = cache();
    cards.want([1, 2]);
    cards.want([2, 1]);
    assert.deepEqual(
      asked.map(({ indices }) => indices),
      [[1, 2]],
    );
    assert.equal(cards.get(1), 'coming');
    asked[0]!.resolve([card(1), card(2)]);
    await settled();
    assert.deepEqual(cards.get(1), card(1));
    assert.equal(arrivals(), 1);
    cards.want([1, 2]);
    assert.equal(asked.length, 1);
  });

  it('asks for a few batches at a time, and then for what is in view by then', async () => {
    const { cards, asked } = cache();
    cards.want(range(0, 500));
    assert.equal(asked.length, 2);
    // The person scrolled on: what was wanted before and not yet asked for is let go.
    cards.want(range(9000, 50));
    assert.equal(asked.length, 2);
    asked[0]!.resolve(asked[0]!.indices.map(card));
    await settled();
    assert.deepEqual(asked[2]!.indices, range(9000, 50));
  });

  it('does not ask for ever for a card that fails or is left out, but again when told to', async () => {
    const { cards, asked } = cache();
    cards.want([1, 2]);
    asked[0]!.resolve([card(2)]);
    await settled();
    assert.equal(cards.get(1), 'failed');
    assert.equal(asked.length, 1);
    cards.want([3]);
    asked[1]!.reject(new Error('train.npz is gone.'));
    await settled();
    assert.equal(cards.failure, 'train.npz is gone.');
    assert.equal(cards.get(3), 'failed');
    cards.want([1, 3]);
    assert.equal(asked.length, 2);
    cards.retry();
    assert.deepEqual(asked[2]!.indices, [1, 3]);
    asked[2]!.resolve([card(1), card(3)]);
    await settled();
    assert.equal(cards.failure, null);
    assert.deepEqual(cards.get(3), card(3));
  });

  it('drops what was seen longest ago beyond its capacity', async () => {
    const { cards, asked } = cache(3);
    cards.want([1, 2, 3]);
    asked[0]!.resolve([card(1), card(2), card(3)]);
    await settled();
    cards.get(1);
    cards.want([4]);
    asked[1]!.resolve([card(4)]);
    await settled();
    assert.equal(cards.get(2), 'coming');
    assert.deepEqual(cards.get(1), card(1));
    assert.deepEqual(cards.get(4), card(4));
  });
});
