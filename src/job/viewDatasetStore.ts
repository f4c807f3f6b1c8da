// The datasets an editor has opened: a few in memory, the others opened again when they are asked for.
import { LetheError } from '../shared/errors';
import type { DatasetOverview, DatasetRequest } from '../shared/viewerProtocol';
import { openViewDataset, type ViewDataset } from './viewDataset';

/** Datasets kept in memory at a time; the one unused for longest goes first. */
const kept = 3;

/** Datasets by the ids that are given to an editor. */
export class DatasetStore {
  private readonly opened = new Map<string, { readonly request: DatasetRequest; readonly size: number }>();
  private readonly inMemory = new Map<string, ViewDataset>();
  private count = 0;

  /** Opens a dataset under a new id. Throws a ModelError or a DataError. */
  async open(request: DatasetRequest): Promise<DatasetOverview> {
    const view = await openViewDataset(request);
    const id = `dataset-${++this.count}`;
    this.opened.set(id, { request, size: view.dataset.size });
    this.keep(id, view);
    return { id, ...view.overview };
  }

  /** The dataset of an id. Throws a LetheError when it was closed, or has another size than when it was opened. */
  async get(id: string): Promise<ViewDataset> {
    const entry = this.opened.get(id);
    if (entry === undefined) throw new LetheError('This dataset is no longer open. Open it again.');
    const view = this.inMemory.get(id) ?? (await openViewDataset(entry.request));
    if (view.dataset.size !== entry.size) {
      throw new LetheError(
        `${view.dataset.path} had ${entry.size} samples when it was opened and now has ${view.dataset.size}. Open it again.`,
      );
    }
    // It may have been closed while it was read.
    if (this.opened.has(id)) this.keep(id, view);
    return view;
  }

  /** Forgets an id and gives the memory of its dataset back. */
  close(id: string): void {
    this.opened.delete(id);
    this.inMemory.delete(id);
  }

  private keep(id: string, view: ViewDataset): void {
    this.inMemory.delete(id);
    this.inMemory.set(id, view);
    for (const oldest of this.inMemory.keys()) {
      if (this.inMemory.size <= kept) break;
      this.inMemory.delete(oldest);
    }
  }
}
