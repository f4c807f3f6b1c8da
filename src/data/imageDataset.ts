// A dataset of image files: paths and labels in memory, pixels decoded when they are read.
import { elementCount, type Tensor } from '../tensor/tensor';
import { readColumn, type Column, type NamedArray } from './arrayDataset';
import type { Dataset, SampleArray, SampleBatch } from './dataset';
import { ImageCache } from './decodeImage';
import { DataError } from './errors';
import { checkIndices, stack, takeRows } from './rows';
import { describeDims } from './text';

/** Images by path. `read` alone needs images of one size; a bound dataset resizes them one by one. */
export class ImageDataset implements Dataset {
  readonly size: number;
  readonly inputs: readonly SampleArray[] = [{ name: 'image', dtype: 'uint8', dims: null }];
  readonly labels: readonly SampleArray[];
  readonly columns: readonly string[];
  private readonly cache = new ImageCache();
  private readonly values = new Map<string, readonly (string | number)[]>();

  constructor(
    readonly path: string,
    readonly files: readonly string[],
    private readonly labelArrays: readonly NamedArray[],
    readonly classes: readonly string[] | null,
    private readonly columnSources: ReadonlyMap<string, Column>,
  ) {
    this.size = files.length;
    this.labels = labelArrays.map(({ name, tensor }) => ({
      name,
      dtype: tensor.dtype,
      dims: tensor.dims.slice(1),
    }));
    this.columns = [...columnSources.keys()];
  }

  column(name: string): readonly (string | number)[] {
    return readColumn(this.path, this.columnSources, this.values, name);
  }

  async read(indices: readonly number[]): Promise<SampleBatch> {
    checkIndices(indices, this.size, this.path);
    const images: Tensor[] = [];
    for (const index of indices) {
      const image = await this.cache.get(this.files[index]!);
      const [first = image] = images;
      if (image.dims.join() !== first.dims.join() || elementCount(image.dims) === 0) {
        throw new DataError(
          `${this.files[index]} has the size ${describeDims(image.dims.slice(0, 2))}, another image read with it ` +
            `${describeDims(first.dims.slice(0, 2))} (height × width). Set preprocess.resize to bring them to one size.`,
        );
      }
      images.push(image);
    }
    const empty: Tensor = { dtype: 'uint8', dims: [0, 0, 0, 3], data: new Uint8Array() };
    return {
      inputs: [images.length === 0 ? empty : stack(images)],
      labels: this.labelArrays.map(({ tensor }) => takeRows(tensor, indices)),
    };
  }
}
