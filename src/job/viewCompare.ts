// What changed between two models, tensor by tensor, with histograms and the entries that changed most.
import { DistanceSums, matchTensors, pairedChunks, type TensorPair } from '../evaluate/weightDiff';
import { openModel } from '../tfjs/openModel';
import type { ModelComparison, TensorChange } from '../shared/viewerProtocol';
import { elementCount } from '../tensor/tensor';
import { Range } from './viewHistogram';
import { LargestChanges, placeOf } from './viewLargest';
import { Pacer, type WorkHooks } from './viewPace';

/** How much is told of each tensor. */
export interface CompareOptions extends WorkHooks {
  readonly bins: number;
  /** How many entries that changed are listed. */
  readonly largest: number;
}

/**
 * Compares every stored floating tensor of two model files, in two passes over each and little memory. Throws a
 * ModelError, a DiffError when the tensors do not agree, or a CancelledError.
 */
export async function compareModels(a: string, b: string, options: CompareOptions): Promise<ModelComparison> {
  const [left, right] = [openModel(a), openModel(b)];
  const pairs = matchTensors(left, right);
  const pacer = new Pacer(options.signal);
  const elements = pairs.reduce((sum, pair) => sum + elementCount(pair.a.dims), 0);
  const total = new DistanceSums();
  const tensors: TensorChange[] = [];
  let done = 0;
  for (const pair of pairs) {
    const advance = (count: number): void => {
      done += count;
      options.progress('Comparing weights', done / Math.max(1, 2 * elements));
    };
    tensors.push(await compareTensor(pair, total, options, pacer, advance));
  }
  const { normA, normB, delta, relative } = total.distance();
  return { a: left.path, b: right.path, tensors, total: { normA, normB, delta, relative } };
}

async function compareTensor(
  pair: TensorPair,
  total: DistanceSums,
  { bins, largest }: CompareOptions,
  pacer: Pacer,
  advance: (count: number) => void,
): Promise<TensorChange> {
  const sums = new DistanceSums();
  const changes = new Range();
  const values = new Range();
  const most = new LargestChanges(largest);
  let notFinite = 0;
  let start = 0;
  for (const [x, y] of pairedChunks(pair.a, pair.b)) {
    const [finiteX, finiteY] = [new Float64Array(x.length), new Float64Array(x.length)];
    let count = 0;
    for (let index = 0; index < x.length; index++) {
      const before = x[index]!;
      const after = y[index]!;
      if (!Number.isFinite(before) || !Number.isFinite(after)) continue;
      finiteX[count] = before;
      finiteY[count++] = after;
      values.add(before);
      values.add(after);
      changes.add(after - before);
      most.offer(start + index, before, after);
    }
    notFinite += x.length - count;
    sums.add(finiteX.subarray(0, count), finiteY.subarray(0, count));
    start += x.length;
    advance(x.length);
    await pacer.pause();
  }
  const [change, before, after] = [changes.bins(bins), values.bins(bins), values.bins(bins)];
  for (const [x, y] of pairedChunks(pair.a, pair.b)) {
    for (let index = 0; index < x.length; index++) {
      const [first, second] = [x[index]!, y[index]!];
      if (!Number.isFinite(first) || !Number.isFinite(second)) continue;
      change.add(second - first);
      before.add(first);
      after.add(second);
    }
    advance(x.length);
    await pacer.pause();
  }
  total.merge(sums);
  const { dims } = pair.a;
  return {
    name: pair.name,
    dims,
    ...sums.distance(),
    notFinite,
    change: change.histogram,
    before: before.histogram,
    after: after.histogram,
    largest: most.entries.map(entry => ({ ...entry, index: placeOf(entry.index, dims) })),
  };
}
