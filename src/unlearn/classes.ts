// The class of each sample, where samples have one each.
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss } from '../runtime/contracts';
import { elementReader } from '../tensor/tensor';

/** The class of each sample of a pool by the first label; null for regression, for maps and without labels. */
export async function classesOf(
  train: BoundDataset,
  head: HeadLoss,
  pool: readonly number[],
): Promise<(number | string)[] | null> {
  if (head.loss !== 'cross-entropy') return null;
  const { dataset } = train;
  const label = dataset.labels[0];
  if (label?.dims?.length !== 0) return null;
  if (dataset.columns.includes(label.name)) {
    // A column is in memory: no image is decoded for its label.
    const column = dataset.column(label.name);
    return pool.map(index => column[index] as number | string);
  }
  const [labels] = (await train.read(pool)).labels;
  if (!labels) return null;
  const read = elementReader(labels);
  return pool.map((_, position) => read(position));
}
