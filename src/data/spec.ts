// How a recipe names a dataset.

/** The formats Lethe reads. */
export type DatasetFormat = 'npz' | 'npy' | 'csv' | 'tsv' | 'jsonl' | 'folder' | 'manifest' | 'idx';

/** A dataset as a recipe names it. `labels: []` says that the data has none. */
export interface DatasetSpec {
  readonly path: string;
  /** One of `DatasetFormat`; found out from the file where it is missing. */
  readonly format?: string | undefined;
  /** Names of the arrays or columns to feed to the model, in order. */
  readonly inputs?: readonly string[] | string | undefined;
  readonly labels?: readonly string[] | string | undefined;
}

/** Names given as one or several; null where none are given. */
export function namesOf(names: readonly string[] | string | undefined): readonly string[] | null {
  if (names === undefined) return null;
  return typeof names === 'string' ? [names] : names;
}
