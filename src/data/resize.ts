// Bilinear resizing with a triangle filter that widens when an image shrinks, as Pillow and torchvision do.
// One implementation for images and arrays, so that the same pixels come out on every machine.
import { allocate, elementReader, type Tensor } from '../tensor/tensor';
import { isFloating, numberToBfloat16, numberToFloat16 } from '../tensor/dtype';

/** Where height and width lie in a batch [n, …]: `hwc` and `hw` have them first, `chw` last. */
export type PixelOrder = 'hwc' | 'chw' | 'hw';

/** Resizes every sample of a batch [n, …] to height × width. Integer types round after each of the two passes. */
export function resizeBatch(batch: Tensor, order: PixelOrder, height: number, width: number): Tensor {
  const [count = 0, ...dims] = batch.dims;
  const [channels, oldHeight, oldWidth] =
    order === 'chw' ? [dims[0]!, dims[1]!, dims[2]!] : [order === 'hwc' ? dims[2]! : 1, dims[0]!, dims[1]!];
  if (oldHeight === height && oldWidth === width) return batch;

  const read = elementReader(batch);
  const pixels = Float64Array.from({ length: batch.data.length }, (_, index) => read(index));
  const whole = !isFloating(batch.dtype);
  const outer = order === 'chw' ? count * channels : count;
  const inner = order === 'chw' ? 1 : channels;
  const wide = resizeAxis(pixels, outer * oldHeight, oldWidth, inner, width, whole);
  const done = resizeAxis(wide, outer, oldHeight, width * inner, height, whole);

  const data = allocate(batch.dtype, done.length);
  for (let index = 0; index < done.length; index++) {
    const value = done[index]!;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
    else if (batch.dtype === 'float16') data[index] = numberToFloat16(value);
    else if (batch.dtype === 'bfloat16') data[index] = numberToBfloat16(value);
    else data[index] = value;
  }
  const resized =
    order === 'chw'
      ? [channels, height, width]
      : order === 'hwc'
        ? [height, width, channels]
        : [height, width];
  return { dtype: batch.dtype, dims: [count, ...resized], data };
}

/** Resizes the middle axis of [outer, length, inner]. */
function resizeAxis(
  source: Float64Array,
  outer: number,
  length: number,
  inner: number,
  newLength: number,
  whole: boolean,
): Float64Array {
  if (length === newLength) return source;
  const result = new Float64Array(outer * newLength * inner);
  for (let position = 0; position < newLength; position++) {
    const { first, weights } = triangleWeights(position, length, newLength);
    for (let row = 0; row < outer; row++) {
      for (let lane = 0; lane < inner; lane++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++) {
          sum += weights[tap]! * source[(row * length + first + tap) * inner + lane]!;
        }
        result[(row * newLength + position) * inner + lane] = whole ? Math.floor(sum + 0.5) : sum;
      }
    }
  }
  return result;
}

/** The source positions that an output position draws from, and their weights, which sum to 1. */
function triangleWeights(
  position: number,
  length: number,
  newLength: number,
): { first: number; weights: number[] } {
  const ratio = length / newLength;
  const reach = Math.max(ratio, 1);
  const centre = (position + 0.5) * ratio;
  const first = Math.max(0, Math.floor(centre - reach + 0.5));
  const last = Math.min(length, Math.floor(centre + reach + 0.5));
  const weights: number[] = [];
  for (let index = first; index < last; index++) {
    weights.push(Math.max(0, 1 - Math.abs((index + 0.5 - centre) / reach)));
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { first, weights: weights.map(weight => weight / sum) };
}
