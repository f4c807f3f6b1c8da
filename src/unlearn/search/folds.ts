// The samples that stand in for unseen ones during a search: stratified parts of the retained data.
import type { BoundDataset } from '../../data/dataset';
import type { HeadLoss } from '../../runtime/contracts';
import type { Random } from '../../tensor/random';
import { classesOf } from '../classes';

/** One way to split the retained data: V, treated as forgotten too, and the rest. */
export interface Fold {
  readonly held: readonly number[];
  readonly rest: readonly number[];
}

/** At most so many samples are held out, so that judging a setting stays cheap. */
const mostHeld = 1000;

/** So many held-out samples are wanted over all folds before their number says anything. */
const wantedHeld = 60;

/**
 * Splits with a tenth of the retained data held out each, spread evenly over the classes (or at random for regression).
 * Where a tenth is fewer than 60 samples there are `mostFolds` disjoint ones at most, of up to `mostShare` of the data
 * each. Empty where fewer than 4 samples are at hand: nothing can be held out.
 */
export async function foldsOf(
  train: BoundDataset,
  retained: readonly number[],
  head: HeadLoss | undefined,
  random: Random,
  { mostFolds, mostShare }: { readonly mostFolds: number; readonly mostShare: number },
): Promise<Fold[]> {
  const size = retained.length;
  if (size < 4) return [];
  const tenth = Math.max(1, Math.min(mostHeld, Math.round(size / 10)));
  const count = Math.max(1, Math.min(mostFolds, Math.ceil(wantedHeld / tenth)));
  const wanted = count > 1 ? Math.max(tenth, Math.ceil(wantedHeld / count)) : tenth;
  const part = Math.max(1, Math.min(wanted, Math.floor(size * mostShare)));
  const order = await strata(train, retained, head, random);
  return Array.from({ length: count }, (_, fold) => {
    const chosen = new Set(
      Array.from({ length: part }, (__, at) => order[(at * count + fold) % size] as number),
    );
    return {
      held: retained.filter(index => chosen.has(index)),
      rest: retained.filter(index => !chosen.has(index)),
    };
  });
}

/** The indices in an order whose every stretch has its share of each class, or of each part of the label's range. */
async function strata(
  train: BoundDataset,
  retained: readonly number[],
  head: HeadLoss | undefined,
  random: Random,
): Promise<number[]> {
  const keys = head && (await classesOf(train, head, retained));
  const shuffled = random.shuffle([...retained.keys()]);
  if (!keys) return shuffled.map(position => retained[position] as number);
  // Each class laid out evenly on [0, 1) from an offset of its own: sorting by place interleaves them.
  const byClass = new Map<number | string, number[]>();
  for (const position of shuffled) {
    const key = keys[position] as number | string;
    byClass.set(key, [...(byClass.get(key) ?? []), position]);
  }
  const placed = [...byClass.values()].flatMap(list => {
    const offset = random.uniform();
    return list.map((position, at) => ({ position, place: (at + offset) / list.length }));
  });
  return placed.sort((a, b) => a.place - b.place).map(({ position }) => retained[position] as number);
}
