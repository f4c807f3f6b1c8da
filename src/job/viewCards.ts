// How single samples are drawn: thumbnails of pictures, first values of rows.
import type { Dataset } from '../data/dataset';
import { LetheError, throwIfCancelled } from '../shared/errors';
import type { SampleCard } from '../shared/viewerProtocol';
import { elementReader, type Tensor } from '../tensor/tensor';
import type { ViewDataset } from './viewDataset';
import { pixelsOf, valueRange, type Picture, type ValueRange } from './viewPicture';

/** Values shown of a row. */
const shownValues = 32;

/** Samples read and drawn at a time. */
const group = 16;

/** Samples that the range of values is taken from. */
const rangeSamples = 64;

/** Ranges are the same for all samples of a dataset, so that their brightness can be compared. */
const ranges = new WeakMap<Dataset, Promise<ValueRange>>();

/**
 * Cards of samples in the order asked for; thumbnails fit into a square of `size` pixels. A picture that cannot be read
 * has the reason in its card. Throws a DataError for indices that are none, and a CancelledError.
 */
export async function cardsOf(
  view: ViewDataset,
  indices: readonly number[],
  size: number,
  signal: AbortSignal,
): Promise<SampleCard[]> {
  const { dataset, picture } = view;
  const files = dataset.inputs[0]?.dims === null;
  const range = picture === null ? null : await rangeOf(dataset);
  const cards: SampleCard[] = [];
  for (let start = 0; start < indices.length; start += group) {
    throwIfCancelled(signal);
    const some = indices.slice(start, start + group);
    if (files) cards.push(...(await Promise.all(some.map(index => fileCard(dataset, index, size)))));
    else {
      const batch = (await dataset.read(some)).inputs[0];
      if (!batch) throw new LetheError(`${dataset.path} has no input that could be shown.`);
      cards.push(
        ...(await Promise.all(
          some.map((index, row) =>
            picture !== null && range !== null
              ? pictureCard(index, batch, row, picture, range, size)
              : rowCard(index, batch, row, some.length),
          ),
        )),
      );
    }
  }
  return cards;
}

function rangeOf(dataset: Dataset): Promise<ValueRange> {
  const known = ranges.get(dataset);
  if (known) return known;
  const count = Math.min(dataset.size, rangeSamples);
  const spread = Array.from({ length: count }, (_, at) => Math.floor((at * dataset.size) / count));
  const range = dataset.read(spread).then(({ inputs }) => valueRange(inputs[0] as Tensor));
  ranges.set(dataset, range);
  range.catch(() => ranges.delete(dataset));
  return range;
}

/** One image file at a time: files differ in size, and one that is damaged must not spoil the others. */
async function fileCard(dataset: Dataset, index: number, size: number): Promise<SampleCard> {
  try {
    const image = (await dataset.read([index])).inputs[0] as Tensor;
    const [, height = 0, width = 0] = image.dims;
    const picture: Picture = { height, width, channels: 3, interleaved: true };
    return await pictureCard(index, image, 0, picture, { low: 0, high: 255 }, size);
  } catch (error) {
    if (!(error instanceof LetheError) || index >= dataset.size || index < 0) throw error;
    return { index, thumbnail: null, problem: error.message, values: null };
  }
}

async function pictureCard(
  index: number,
  batch: Tensor,
  row: number,
  picture: Picture,
  range: ValueRange,
  size: number,
): Promise<SampleCard> {
  const { default: sharp } = await import('sharp');
  const { height, width, channels } = picture;
  const png = await sharp(pixelsOf(batch, row, picture, range), { raw: { width, height, channels } })
    .resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
  return {
    index,
    thumbnail: `data:image/png;base64,${png.toString('base64')}`,
    problem: null,
    values: null,
  };
}

function rowCard(index: number, batch: Tensor, row: number, rows: number): SampleCard {
  const width = batch.data.length / rows;
  const read = elementReader(batch);
  const values = Array.from({ length: Math.min(width, shownValues) }, (_, at) => read(row * width + at));
  const bad = values.findIndex(value => !Number.isFinite(value));
  if (bad < 0) return { index, thumbnail: null, problem: null, values };
  const problem = `Value ${bad + 1} of sample ${index} is ${values[bad]}. Correct it or remove the sample.`;
  return { index, thumbnail: null, problem, values: null };
}
