// How samples of one shape become samples of the shape a model input wants.
import { allocate, elementCount, type Tensor } from '../tensor/tensor';
import { makeNormalizer, type ChannelPlan, type Normalizer, type Preprocess } from './preprocess';
import type { InputSignature, SampleArray } from './dataset';
import { DataError } from './errors';
import { resizeBatch, type PixelOrder } from './resize';
import { describeDims } from './text';

type Dim = number | string | null;

/** The steps for samples of one shape. */
export interface SamplePlan {
  /** The dims of a finished sample. */
  readonly dims: readonly number[];
  readonly warnings: readonly string[];
  /** Turns a batch [n, …stored dims] into [n, …dims] of the model's element type. */
  apply(batch: Tensor, indices: readonly number[]): Tensor;
}

/** Samples to be planned for: their array, stored dims, whether they are image files, and what errors call them. */
export interface PlanSource {
  readonly array: SampleArray;
  readonly dims: readonly number[];
  readonly image: boolean;
  readonly name: string;
}

/**
 * Plans resize, layout, arithmetic and reshaping from stored samples to a model input. Throws a DataError that
 * names both shapes when they cannot be brought together.
 */
export function planSamples(
  source: PlanSource,
  input: InputSignature,
  preprocess: Preprocess | null,
): SamplePlan {
  const target = input.dims === null ? null : input.dims.slice(1);
  const size = resizeOf(preprocess);
  const pictureSize = size ?? (source.image || source.dims.length === 2 ? source.dims.slice(0, 2) : null);
  const layout = preprocess?.layout ?? layoutOf(target, pictureSize);
  const wanted: PixelOrder = layout === 'nhwc' ? 'hwc' : 'chw';
  const stored = storedOrder(source, target, wanted);
  if (size !== null && stored === null) {
    throw new DataError(
      `${source.name} gives samples of shape ${describeDims(source.dims)}, in which height and width cannot be told apart ` +
        'from other axes. Leave out preprocess.resize, or store images as height × width × channels.',
    );
  }

  let dims = [...source.dims];
  if (size !== null && stored !== null) dims = resizedDims(dims, stored, size);
  const grey = source.image && wantsGrey(source, dims, target, layout, input);
  if (grey) dims = [dims[0]!, dims[1]!];
  // An array that fits as it lies stays so, unless the recipe names a layout.
  const turn =
    !grey &&
    (stored === 'hwc' || stored === 'chw') &&
    stored !== wanted &&
    (source.image || preprocess?.layout !== undefined || !fits(dims, target));
  if (turn) dims = stored === 'hwc' ? [dims[2]!, dims[0]!, dims[1]!] : [dims[1]!, dims[2]!, dims[0]!];

  const fitted = fitDims(dims, target, layout);
  if (fitted === null) throw misfit(source, dims, target, input, layout);
  const order = grey ? 'hw' : turn ? wanted : stored;
  const plane = order === 'hw' && (source.image || target?.length === 3);
  const channels = plane
    ? { count: 1, inner: 1 }
    : channelsOf(dims.length >= 2 ? dims : fitted.dims, dims.length >= 2 ? order : wanted);
  const normalize: Normalizer = makeNormalizer(preprocess, channels, input.dtype, source.name);
  return {
    dims: fitted.dims,
    warnings: fitted.warning === null ? [] : [`${source.name}: ${fitted.warning}`],
    apply(batch, indices) {
      let result = batch;
      if (size !== null && stored !== null) result = resizeBatch(result, stored, size[0], size[1]);
      if (grey) result = toGrey(result);
      if (turn) result = turnPixels(result, stored === 'hwc' ? 'to-chw' : 'to-hwc');
      const finished = normalize(result, source.name, indices);
      return { ...finished, dims: [indices.length, ...fitted.dims] };
    },
  };
}

function isChannelCount(dim: Dim | undefined): boolean {
  return dim === 1 || dim === 3 || dim === 4;
}

/**
 * The layout of a model input [batch, …target]: channels first unless only the last axis can be channels. Where both
 * can, the sizes of the picture decide, then 1 and 3 over 4.
 */
function layoutOf(target: readonly Dim[] | null, pictureSize: readonly number[] | null): 'nchw' | 'nhwc' {
  if (target?.length !== 3) return 'nchw';
  const [first, , last] = target;
  if (!isChannelCount(last)) return 'nchw';
  if (!isChannelCount(first)) return 'nhwc';
  if (pictureSize !== null) {
    const front = fits(pictureSize, target.slice(1));
    const back = fits(pictureSize, target.slice(0, 2));
    if (front !== back) return back ? 'nhwc' : 'nchw';
  }
  return first === 4 && last !== 4 ? 'nhwc' : 'nchw';
}

function resizeOf(preprocess: Preprocess | null): readonly [number, number] | null {
  const resize = preprocess?.resize;
  if (resize === undefined) return null;
  const size: readonly [number, number] = typeof resize === 'number' ? [resize, resize] : resize;
  if (!size.every(side => Number.isInteger(side) && side >= 1 && side <= 65536)) {
    throw new DataError('preprocess.resize must be a whole number of pixels, or [height, width].');
  }
  return size;
}

function resizedDims(
  dims: readonly number[],
  order: PixelOrder,
  [height, width]: readonly [number, number],
): number[] {
  if (order === 'chw') return [dims[0]!, height, width];
  return order === 'hwc' ? [height, width, dims[2]!] : [height, width];
}

/** Which axes of a stored sample are height, width and channels; null when it is no picture. */
function storedOrder(
  source: PlanSource,
  target: readonly Dim[] | null,
  wanted: PixelOrder,
): PixelOrder | null {
  const { dims } = source;
  if (source.image) return 'hwc';
  if (dims.length === 2) return 'hw';
  if (dims.length !== 3) return null;
  const first = isChannelCount(dims[0]);
  const last = isChannelCount(dims[2]);
  if (first && last) return fits(dims, target) ? wanted : wanted === 'chw' ? 'hwc' : 'chw';
  return last ? 'hwc' : first ? 'chw' : null;
}

/** Whether an image file is to be grey: the model's input has one channel, or none. */
function wantsGrey(
  source: PlanSource,
  dims: readonly number[],
  target: readonly Dim[] | null,
  layout: 'nchw' | 'nhwc',
  input: InputSignature,
): boolean {
  if (target === null) return false;
  if (target.length === 2) return true;
  if (target.length === 1) return target[0] === dims[0]! * dims[1]!;
  if (target.length !== 3) throw misfit(source, dims, target, input, layout);
  const channels = layout === 'nchw' ? target[0] : target[2];
  if (typeof channels !== 'number' || channels === 3) return false;
  if (channels === 1) return true;
  throw new DataError(
    `${source.name} is an image, which has 1 or 3 channels; the model's input ${input.name} expects ${channels}. ` +
      'Set preprocess.layout if its channel axis is another one, or store the data as .npz.',
  );
}

function fits(dims: readonly number[], target: readonly Dim[] | null): boolean {
  if (target === null) return true;
  return (
    dims.length === target.length &&
    target.every((dim, axis) => typeof dim !== 'number' || dim === dims[axis])
  );
}

/** The dims a sample gets without moving any element; null when no reading of them fits. */
function fitDims(
  dims: readonly number[],
  target: readonly Dim[] | null,
  layout: 'nchw' | 'nhwc',
): { dims: readonly number[]; warning: string | null } | null {
  if (target === null || fits(dims, target)) return { dims, warning: null };

  if (target.length === dims.length + 1) {
    const places = target
      .map((_, axis) => axis)
      .filter(axis => target[axis] === 1 || typeof target[axis] !== 'number')
      .filter(axis => fits(dims, target.toSpliced(axis, 1)));
    // An axis of size 1 that the model declares comes first, then the usual place of the channels.
    const usual = layout === 'nhwc' || dims.length < 2 ? target.length - 1 : 0;
    const declared = places.filter(axis => target[axis] === 1);
    const candidates = declared.length > 0 ? declared : places;
    const axis = candidates.includes(usual) ? usual : candidates[0];
    if (axis !== undefined) {
      const added = dims.toSpliced(axis, 0, 1);
      const warning =
        declared.length > 0
          ? null
          : `an axis of size 1 was added, ${describeDims(dims)} became ${describeDims(added)}; the model does not say where its channels are.`;
      return { dims: added, warning };
    }
  }

  const count = elementCount(dims);
  const fixed = target.filter(dim => typeof dim === 'number');
  if (fixed.length !== target.length || elementCount(fixed) !== count) return null;
  const squeezed = dims.filter(dim => dim !== 1);
  const same = squeezed.length === fixed.filter(dim => dim !== 1).length;
  if (same && squeezed.every((dim, axis) => dim === fixed.filter(other => other !== 1)[axis])) {
    return { dims: fixed, warning: null };
  }
  if (dims.length !== 1 && fixed.length !== 1) return null;
  const ambiguous = squeezed.length > 2 || fixed.filter(dim => dim !== 1).length > 2;
  const warning = ambiguous
    ? `samples of shape ${describeDims(dims)} were read as ${describeDims(fixed)} in the order they are stored; set preprocess.layout if predictions look wrong.`
    : null;
  return { dims: fixed, warning };
}

function channelsOf(dims: readonly number[], order: PixelOrder | null): ChannelPlan {
  if (dims.length === 0) return { count: 1, inner: 1 };
  if (order === 'chw' && dims.length >= 3) return { count: dims[0]!, inner: elementCount(dims.slice(1)) };
  return { count: dims.at(-1)!, inner: 1 };
}

/** ITU-R 601 luma with Pillow's integer weights: [n, h, w, 3] bytes to [n, h, w]. */
function toGrey(batch: Tensor): Tensor {
  const [count = 0, height = 0, width = 0] = batch.dims;
  const data = new Uint8Array(count * height * width);
  for (let index = 0; index < data.length; index++) {
    const red = batch.data[3 * index] as number;
    const green = batch.data[3 * index + 1] as number;
    const blue = batch.data[3 * index + 2] as number;
    data[index] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return { dtype: 'uint8', dims: [count, height, width], data };
}

/** Moves the channel axis of every sample of [n, a, b, c]. */
function turnPixels(batch: Tensor, direction: 'to-chw' | 'to-hwc'): Tensor {
  const [count = 0, a = 0, b = 0, c = 0] = batch.dims;
  // [a, b, c] is rows × columns of one matrix per sample, transposed: (a·b) × c, or a × (b·c).
  const [rows, columns] = direction === 'to-chw' ? [a * b, c] : [a, b * c];
  const data = allocate(batch.dtype, batch.data.length);
  for (let sample = 0; sample < count; sample++) {
    const start = sample * rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        data[start + column * rows + row] = batch.data[start + row * columns + column]!;
      }
    }
  }
  return { dtype: batch.dtype, dims: direction === 'to-chw' ? [count, c, a, b] : [count, b, c, a], data };
}

function misfit(
  source: PlanSource,
  dims: readonly number[],
  target: readonly Dim[] | null,
  input: InputSignature,
  layout: 'nchw' | 'nhwc',
): DataError {
  const expected = describeDims(target ?? []);
  if (source.image) {
    const [height, width] =
      target?.length === 3 ? (layout === 'nhwc' ? target : target.slice(1)) : (target ?? []);
    const remedy =
      typeof height === 'number' && typeof width === 'number'
        ? `Set preprocess.resize to [${height}, ${width}].`
        : 'Set preprocess.resize to the size the model was trained on.';
    const [h, w] = source.dims;
    return new DataError(
      `${source.name} is ${h} × ${w} pixels (height × width); the model's input ${input.name} expects ${expected}. ${remedy}`,
    );
  }
  const turned =
    describeDims(dims) === describeDims(source.dims) ? '' : ` (${describeDims(dims)} after preprocessing)`;
  return new DataError(
    `${source.name} gives samples of shape ${describeDims(source.dims)}${turned}; the model's input ${input.name} expects ` +
      `${expected}. Check that this is the data the model was trained on, or set preprocess.resize or preprocess.layout.`,
  );
}
