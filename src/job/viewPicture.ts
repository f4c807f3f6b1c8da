// Which samples are pictures, and their pixels as bytes.
import { isFloating, type DType } from '../tensor/dtype';
import { elementCount, elementReader, type Tensor } from '../tensor/tensor';

/** How the elements of a sample lie as a picture. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  /** Whether the channels of a pixel lie together. */
  readonly interleaved: boolean;
}

/** Values that become black and white. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/** Smaller planes are tables more often than pictures. */
const smallestPlane = 8;

/**
 * The picture that samples of these dims are: [H, W], [H, W, C] or [C, H, W] with 1, 3 or 4 channels. Flat samples are
 * one where the model takes them as a picture (`modelDims`, batch axis first). null for anything else.
 */
export function pictureOf(
  dims: readonly number[],
  dtype: DType,
  modelDims: readonly (number | string | null)[] | null,
): Picture | null {
  if (dtype === 'string') return null;
  const own = planes(dims);
  if (own !== null) return own;
  const wanted = modelDims?.slice(1).map(dim => (typeof dim === 'number' ? dim : NaN)) ?? [];
  if (dims.length !== 1 || wanted.length < 2 || elementCount(wanted) !== dims[0]) return null;
  return planes(wanted);
}

function planes(dims: readonly number[]): Picture | null {
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length === 2 && a >= smallestPlane && b >= smallestPlane)
    return { height: a, width: b, channels: 1, interleaved: true };
  if (dims.length !== 3) return null;
  const first = channelCount(a);
  const last = channelCount(c);
  // Where both could be channels, the other two axes are compared: pictures are rarely thin strips.
  if (first !== null && b > 1 && c > 1 && (last === null || Math.min(b, c) >= Math.min(a, b)))
    return { height: b, width: c, channels: first, interleaved: false };
  if (last !== null && a > 1 && b > 1) return { height: a, width: b, channels: last, interleaved: true };
  return null;
}

function channelCount(dim: number): 1 | 3 | 4 | null {
  return dim === 1 || dim === 3 || dim === 4 ? dim : null;
}

/**
 * The values that are shown as black and white, for a batch that stands for the data: bytes as they are; floating
 * values by the usual ranges 0…1, −1…1 and 0…255 where they fill one, else from the smallest to the largest.
 */
export function valueRange({ dtype, dims, data }: Tensor): ValueRange {
  if (dtype === 'uint8') return { low: 0, high: 255 };
  const read = elementReader({ dtype, dims, data });
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < data.length; index++) {
    const value = read(index);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return { low: 0, high: 1 };
  if (low >= 0 && high <= 1) return { low: 0, high: 1 };
  if (low >= -1 && high <= 1) return { low: -1, high: 1 };
  // 16-bit pictures and hand-made scales fill less or more of it than this.
  if (low >= 0 && high <= 255 && (high > 127 || !isFloating(dtype))) return { low: 0, high: 255 };
  return { low, high };
}

/** The pixels of one sample of a batch: 8 bits a channel, interleaved. What is not finite becomes black. */
export function pixelsOf(
  batch: Tensor,
  row: number,
  picture: Picture,
  { low, high }: ValueRange,
): Uint8Array {
  const { height, width, channels, interleaved } = picture;
  const plane = height * width;
  const start = row * plane * channels;
  // Photographs are large, and their bytes need no work.
  if (batch.dtype === 'uint8' && low === 0 && high === 255 && (interleaved || channels === 1))
    return batch.data.subarray(start, start + plane * channels) as Uint8Array;
  const read = elementReader(batch);
  const scale = high > low ? 255 / (high - low) : 0;
  const pixels = new Uint8Array(plane * channels);
  for (let at = 0; at < pixels.length; at++) {
    const from = interleaved ? at : (at % channels) * plane + Math.floor(at / channels);
    const shade = Math.round((read(start + from) - low) * scale);
    pixels[at] = shade > 255 ? 255 : shade > 0 ? shade : 0;
  }
  return pixels;
}
