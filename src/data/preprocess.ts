// Preprocessing as a recipe declares it, and its arithmetic: (value × scale − mean) ÷ std.
import { castTensor, elementReader, type Tensor } from '../tensor/tensor';
import { isFloating, numberToBfloat16, numberToFloat16, type DType } from '../tensor/dtype';
import { allocate } from '../tensor/tensor';
import { DataError } from './errors';

/** What is done to each sample, in this order. Lists hold one number per channel. */
export interface Preprocess {
  /** [height, width], or one number for both. */
  readonly resize?: number | readonly [number, number] | undefined;
  /** The order of axes the model wants. Found out from the model's input where it is missing. */
  readonly layout?: 'nchw' | 'nhwc' | undefined;
  readonly scale?: number | readonly number[] | undefined;
  readonly mean?: number | readonly number[] | undefined;
  readonly std?: number | readonly number[] | undefined;
}

/** How channels lie in a flat sample: the channel of element i is ⌊i / inner⌋ mod count. */
export interface ChannelPlan {
  readonly count: number;
  readonly inner: number;
}

/** One channel's arithmetic. */
interface Affine {
  readonly scale: number;
  readonly mean: number;
  readonly std: number;
}

/** A function from stored samples to the model's element type; `source` and `indices` are for errors only. */
export type Normalizer = (batch: Tensor, source: string, indices: readonly number[]) => Tensor;

/** Whether a preprocessing changes values (rather than sizes or the order of axes). */
export function changesValues(preprocess: Preprocess | null): boolean {
  return preprocess?.scale !== undefined || preprocess?.mean !== undefined || preprocess?.std !== undefined;
}

/**
 * The arithmetic of a preprocessing for samples whose channels lie as `channels` says. Values are computed in
 * float64 and rounded once. Throws a DataError when a list does not have one number per channel or std holds 0.
 */
export function makeNormalizer(
  preprocess: Preprocess | null,
  channels: ChannelPlan,
  dtype: DType,
  source: string,
): Normalizer {
  const affines = affinesOf(preprocess, channels.count, source);
  return (batch, where, indices) => {
    const checked = (value: number, index: number): number => {
      if (Number.isNaN(value))
        throw new DataError(`${where}: ${sampleOf(batch, index, indices)} holds NaN. Remove or correct it.`);
      return value;
    };
    if (!isFloating(dtype)) return toIntegers(batch, affines, channels, dtype, where, indices);
    if (affines === null && !isFloating(batch.dtype)) return castTensor(batch, dtype);

    const data = allocate(dtype, batch.data.length);
    const store = storeOf(dtype, data);
    const table = byteTable(batch, affines);
    if (table !== null && data instanceof Float32Array) {
      const bytes = batch.data as Uint8Array;
      for (let index = 0; index < data.length; index++) {
        const channel = affines!.length === 1 ? 0 : Math.floor(index / channels.inner) % channels.count;
        data[index] = table[channel * 256 + bytes[index]!]!;
      }
      return { dtype, dims: batch.dims, data };
    }
    const read = elementReader(batch);
    for (let index = 0; index < data.length; index++) {
      const value = checked(read(index), index);
      store(index, affines === null ? value : apply(affineAt(affines, channels, index), value));
    }
    return { dtype, dims: batch.dims, data };
  };
}

function apply(affine: Affine, value: number): number {
  return (value * affine.scale - affine.mean) / affine.std;
}

function affineAt(affines: readonly Affine[], channels: ChannelPlan, index: number): Affine {
  return affines.length === 1 ? affines[0]! : affines[Math.floor(index / channels.inner) % channels.count]!;
}

/** One entry a channel, or a single one for all; null when values stay as they are. */
function affinesOf(preprocess: Preprocess | null, count: number, source: string): readonly Affine[] | null {
  if (preprocess === null || !changesValues(preprocess)) return null;
  const list = (name: 'scale' | 'mean' | 'std', neutral: number): readonly number[] => {
    const given = preprocess[name] ?? neutral;
    const values = typeof given === 'number' ? [given] : given;
    if (values.length !== 1 && values.length !== count) {
      throw new DataError(
        `preprocess.${name} has ${values.length} values, but ${source} has ${count} ${count === 1 ? 'channel' : 'channels'}. ` +
          'Give one number, or one per channel.',
      );
    }
    if (!values.every(Number.isFinite)) throw new DataError(`preprocess.${name} must hold finite numbers.`);
    if (name === 'std' && values.includes(0))
      throw new DataError('preprocess.std holds 0, by which nothing can be divided.');
    return values;
  };
  const [scale, mean, std] = [list('scale', 1), list('mean', 0), list('std', 1)];
  const length = Math.max(scale.length, mean.length, std.length);
  const at = (values: readonly number[], channel: number): number =>
    values[values.length === 1 ? 0 : channel]!;
  return Array.from({ length }, (_, channel) => ({
    scale: at(scale, channel),
    mean: at(mean, channel),
    std: at(std, channel),
  }));
}

/** For bytes: the result of each of the 256 values, by channel, as float32. */
function byteTable(batch: Tensor, affines: readonly Affine[] | null): Float32Array | null {
  if (affines === null || (batch.dtype !== 'uint8' && batch.dtype !== 'bool')) return null;
  if (affines.length * 256 > batch.data.length) return null;
  return Float32Array.from({ length: affines.length * 256 }, (_, index) =>
    apply(affines[Math.floor(index / 256)]!, index % 256),
  );
}

function storeOf(dtype: DType, data: Tensor['data']): (index: number, value: number) => void {
  if (dtype === 'float16') return (index, value) => (data[index] = numberToFloat16(value));
  if (dtype === 'bfloat16') return (index, value) => (data[index] = numberToBfloat16(value));
  return (index, value) => (data[index] = value);
}

/** Integers must arrive whole and in range: a model that takes ids gets ids, never truncated numbers. */
function toIntegers(
  batch: Tensor,
  affines: readonly Affine[] | null,
  channels: ChannelPlan,
  dtype: DType,
  where: string,
  indices: readonly number[],
): Tensor {
  if (batch.dtype === dtype && affines === null) return batch;
  const [low, high] = integerRange(dtype);
  const data = allocate(dtype, batch.data.length);
  const read = elementReader(batch);
  for (let index = 0; index < data.length; index++) {
    const stored = read(index);
    const value = affines === null ? stored : apply(affineAt(affines, channels, index), stored);
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DataError(
        `${where}: ${sampleOf(batch, index, indices)} holds ${value}, which the model's element type ${dtype} cannot hold.`,
      );
    }
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
    else data[index] = value;
  }
  return { dtype, dims: batch.dims, data };
}

function integerRange(dtype: DType): [number, number] {
  if (dtype === 'bool') return [0, 1];
  const bits = Number(/\d+$/.exec(dtype)?.[0] ?? 0);
  return dtype.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

function sampleOf(batch: Tensor, index: number, indices: readonly number[]): string {
  const width = batch.data.length / indices.length;
  return `sample ${indices[Math.floor(index / width)] ?? index}`;
}
