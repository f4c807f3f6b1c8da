// A dataset held as arrays in memory: what .npz files become.
import { elementReader, type Tensor } from '../tensor/tensor';
import type { Dataset, SampleArray, SampleBatch } from './dataset';
import { DataError } from './errors';
import { checkIndices, takeRows } from './rows';
import { listNames } from './text';

/** An array of a dataset: samples along axis 0. */
export interface NamedArray {
  readonly name: string;
  readonly tensor: Tensor;
}

/** A column that may be asked for by name; values are made when they are first wanted. */
export type Column = () => readonly (string | number)[];

/** A dataset of arrays in memory. All arrays and columns have `size` entries along axis 0. */
export class ArrayDataset implements Dataset {
  readonly inputs: readonly SampleArray[];
  readonly labels: readonly SampleArray[];
  readonly columns: readonly string[];
  private readonly values = new Map<string, readonly (string | number)[]>();

  constructor(
    readonly path: string,
    readonly size: number,
    private readonly inputArrays: readonly NamedArray[],
    private readonly labelArrays: readonly NamedArray[],
    readonly classes: readonly string[] | null,
    private readonly columnSources: ReadonlyMap<string, Column>,
    readonly passedOver: readonly string[] = [],
  ) {
    this.inputs = inputArrays.map(describe);
    this.labels = labelArrays.map(describe);
    this.columns = [...columnSources.keys()];
  }

  column(name: string): readonly (string | number)[] {
    return readColumn(this.path, this.columnSources, this.values, name);
  }

  async read(indices: readonly number[]): Promise<SampleBatch> {
    checkIndices(indices, this.size, this.path);
    return {
      inputs: this.inputArrays.map(array => takeRows(array.tensor, indices)),
      labels: this.labelArrays.map(array => takeRows(array.tensor, indices)),
    };
  }
}

/** A column's values, remembered in `cache`. Throws a DataError that lists the columns when there is none of that name. */
export function readColumn(
  path: string,
  sources: ReadonlyMap<string, Column>,
  cache: Map<string, readonly (string | number)[]>,
  name: string,
): readonly (string | number)[] {
  const known = cache.get(name);
  if (known !== undefined) return known;
  const source = sources.get(name);
  if (source === undefined) {
    throw new DataError(`${path} has no column ${name}. Its columns are: ${listNames([...sources.keys()])}.`);
  }
  const values = source();
  cache.set(name, values);
  return values;
}

/** The column of a one-dimensional tensor. */
export function tensorColumn(tensor: Tensor): Column {
  return () => {
    const read = elementReader(tensor);
    return Array.from({ length: tensor.data.length }, (_, index) => read(index));
  };
}

function describe({ name, tensor }: NamedArray): SampleArray {
  return { name, dtype: tensor.dtype, dims: tensor.dims.slice(1) };
}
