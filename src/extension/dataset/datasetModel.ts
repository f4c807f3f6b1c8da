// The open dataset of the window: its columns, what the model predicts, the samples that are selected and chosen.
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { LetheError, messageOf } from '../../shared/errors';
import type { DatasetViewState } from '../../shared/datasetViewProtocol';
import type {
  DatasetColumns,
  DatasetOverview,
  DatasetPredictions,
  SampleCard,
} from '../../shared/viewerProtocol';
import { literalPattern } from '../literalPattern';
import type { ViewerHost } from '../viewerHost';
import { datasetRequest, pathOfSource, type DatasetBinding } from './binding';

/** Where a workspace remembers its open dataset. */
export const bindingKey = 'lethe.dataset';
const forgetKey = (path: string): string => `lethe.forget:${path}`;

/** The largest side of a thumbnail that is ever drawn, in pixels. */
const largestThumbnail = 512;

/** The dataset of the panel. */
export class DatasetModel {
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly forgetChanges = new vscode.EventEmitter<readonly number[]>();
  private readonly selectionChanges = new vscode.EventEmitter<void>();
  private readonly reveals = new vscode.EventEmitter<number>();
  private readonly predictionChanges = new vscode.EventEmitter<void>();
  private readonly predicting = new vscode.EventEmitter<void>();
  private bound: DatasetBinding | null = null;
  private opened: { overview: DatasetOverview; generation: number } | null = null;
  private reopening: Promise<DatasetOverview> | null = null;
  private status: 'empty' | 'loading' | 'ready' | 'error' = 'empty';
  private failure = '';
  private columnsAsked: Promise<DatasetColumns> | null = null;
  private predictionsAsked: { model: string; stamp: string; asked: Promise<DatasetPredictions> } | null =
    null;
  private forgotten: readonly number[] = [];
  private selected: readonly number[] = [];
  private restored = false;
  private turn = 0;
  private staleOnDisk = false;
  private watcher: vscode.FileSystemWatcher | null = null;

  /** The dataset, or how it stands, changed. */
  readonly onDidChange = this.changes.event;
  readonly onDidChangeForgetSet = this.forgetChanges.event;
  readonly onDidChangeSelection = this.selectionChanges.event;
  readonly onDidReveal = this.reveals.event;
  /** Predictions that were asked for are there. */
  readonly onDidPredict = this.predicting.event;
  /** What the model predicts is to be asked again. */
  readonly onDidStalePredictions = this.predictionChanges.event;

  constructor(
    private readonly viewer: ViewerHost,
    private readonly memory: vscode.Memento,
  ) {}

  get binding(): DatasetBinding | null {
    return this.bound;
  }

  /** The open dataset; null while there is none. */
  get overview(): DatasetOverview | null {
    return this.status === 'ready' ? (this.opened?.overview ?? null) : null;
  }

  /** The samples to forget, ascending. */
  get forgetSet(): readonly number[] {
    return this.forgotten;
  }

  /** The samples selected in the panel, ascending. */
  get selection(): readonly number[] {
    return this.selected;
  }

  /** What the panel shows at its top level. */
  viewState(hasModel: boolean): DatasetViewState {
    const path = this.bound === null ? null : pathOfSource(this.bound.source);
    if (this.status === 'loading' && path !== null) return { kind: 'loading', path };
    if (this.status === 'error') return { kind: 'error', message: this.failure, path };
    const { overview } = this;
    if (overview === null) return { kind: 'empty', hasModel };
    return {
      kind: 'ready',
      overview,
      model: this.bound?.model ? basename(this.bound.model) : null,
      restricted: !vscode.workspace.isTrusted,
      stale: this.staleOnDisk,
    };
  }

  /** Opens a dataset in place of the present one. Throws what the viewer says; the panel shows it too. */
  async open(binding: DatasetBinding): Promise<DatasetOverview> {
    const turn = ++this.turn;
    const earlier = this.opened;
    const sameData =
      this.bound !== null && JSON.stringify(this.bound.source) === JSON.stringify(binding.source);
    this.bound = binding;
    this.watch(pathOfSource(binding.source));
    this.restored = true;
    this.forget();
    this.setStatus('loading');
    if (earlier !== null && earlier.generation === this.viewer.generation) {
      void this.viewer
        .ask(protocol => protocol.closeDatasetRequest, { id: earlier.overview.id })
        .catch(() => undefined);
    }
    try {
      const overview = await this.ask(binding);
      if (turn !== this.turn) return overview;
      this.opened = { overview, generation: this.viewer.generation };
      await this.memory.update(bindingKey, binding);
      if (!sameData) {
        this.selected = [];
        const kept = this.memory.get<readonly number[]>(forgetKey(overview.path), []);
        this.forgotten = kept.filter(index => index < overview.size);
      }
      this.setStatus('ready');
      this.forgetChanges.fire(this.forgotten);
      this.selectionChanges.fire();
      return overview;
    } catch (error) {
      if (turn === this.turn) {
        this.failure = messageOf(error);
        this.setStatus('error');
      }
      throw error;
    }
  }

  /** Opens the present dataset once more, after it or the model changed or could not be read. */
  async retry(): Promise<void> {
    if (this.bound !== null) await this.open(this.bound);
  }

  /** Opens what was open before the window was loaded anew. Does nothing a second time. */
  async restore(): Promise<void> {
    if (this.restored) return;
    this.restored = true;
    const binding = this.memory.get<DatasetBinding>(bindingKey);
    // Why it cannot be opened stands in the panel.
    if (binding) await this.open(binding).catch(() => undefined);
  }

  columns(): Promise<DatasetColumns> {
    this.columnsAsked ??= this.withId(id =>
      this.viewer.ask(protocol => protocol.datasetColumnsRequest, { id }),
    );
    this.columnsAsked.catch(() => (this.columnsAsked = null));
    return this.columnsAsked;
  }

  /** What the model in a file predicts; `stamp` tells versions of that file apart. */
  predictions(model: string, stamp: string): Promise<DatasetPredictions> {
    const known = this.predictionsAsked;
    if (known?.model === model && known.stamp === stamp) return known.asked;
    const asked = this.withId(id => this.viewer.ask(protocol => protocol.predictionsRequest, { id, model }));
    const entry = { model, stamp, asked };
    this.predictionsAsked = entry;
    asked.then(
      () => this.predicting.fire(),
      () => {
        if (this.predictionsAsked === entry) this.predictionsAsked = null;
      },
    );
    return asked;
  }

  /** The last predictions that were asked for, if they are there. */
  async knownPredictions(): Promise<DatasetPredictions | null> {
    return (await this.predictionsAsked?.asked.catch(() => null)) ?? null;
  }

  /** Cards of samples. Throws a LetheError for indices that are not in the dataset. */
  cards(indices: readonly number[], size: number): Promise<readonly SampleCard[]> {
    const wanted = this.checked(indices);
    const side = Math.min(largestThumbnail, Math.max(1, Math.round(Number(size) || 1)));
    return this.withId(id =>
      this.viewer.ask(protocol => protocol.cardsRequest, { id, indices: wanted, size: side }),
    );
  }

  /** The samples that a forget file names. */
  readForgetFile(file: string): Promise<readonly number[]> {
    return this.withId(id => this.viewer.ask(protocol => protocol.forgetFileRequest, { id, file }));
  }

  /** Runs a request on the dataset, opening it anew where the viewer process was started anew. */
  async withId<T>(use: (id: string) => Promise<T>): Promise<T> {
    const { bound, opened } = this;
    if (bound === null || opened === null) {
      throw new LetheError('No dataset is open. Open the data that the model was trained on.');
    }
    if (opened.generation !== this.viewer.generation) {
      this.reopening ??= this.ask(bound).finally(() => (this.reopening = null));
      const overview = await this.reopening;
      if (this.bound === bound) this.opened = { overview, generation: this.viewer.generation };
      return use(overview.id);
    }
    return use(opened.overview.id);
  }

  /** Replaces the forget set and keeps it for the next time this dataset is opened. */
  setForgetSet(indices: readonly number[]): void {
    const next = this.checked(indices);
    if (next.length === this.forgotten.length && next.every((index, at) => index === this.forgotten[at]))
      return;
    this.forgotten = next;
    const { overview } = this;
    if (overview) void this.memory.update(forgetKey(overview.path), next);
    this.forgetChanges.fire(next);
  }

  addToForgetSet(indices: readonly number[]): void {
    this.setForgetSet([...this.forgotten, ...indices]);
  }

  removeFromForgetSet(indices: readonly number[]): void {
    const gone = new Set(indices);
    this.setForgetSet(this.forgotten.filter(index => !gone.has(index)));
  }

  /** Takes over what is selected in the panel. */
  setSelection(indices: readonly number[]): void {
    this.selected = this.checked(indices);
    this.selectionChanges.fire();
  }

  /** Shows a sample in the panel. */
  async reveal(index: number): Promise<void> {
    this.checked([index]);
    await vscode.commands.executeCommand('lethe.dataset.focus');
    this.reveals.fire(index);
  }

  /** The model's weights changed: what it predicts is to be asked again. */
  stalePredictions(): void {
    this.predictionChanges.fire();
  }

  /** The text of a sample's label, where labels are known by now. */
  async labelOf(index: number): Promise<string | null> {
    const { labels } = await this.columns();
    return labels === null ? null : this.nameOf(labels[index]!);
  }

  /** A class's name or a value as text. */
  nameOf(value: number): string {
    const { overview } = this;
    if (overview?.labels === 'values') return String(Number(value.toPrecision(4)));
    return overview?.classes?.[value] ?? String(value);
  }

  private ask(binding: DatasetBinding): Promise<DatasetOverview> {
    return this.viewer.ask(
      protocol => protocol.openDatasetRequest,
      datasetRequest(binding, binding.source, binding.model),
    );
  }

  /** Notices changes of the data on disk; what is drawn stays until the person asks for the new data. */
  private watch(path: string): void {
    this.staleOnDisk = false;
    this.watcher?.dispose();
    const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const pattern = folder
      ? new vscode.RelativePattern(vscode.Uri.file(path), '**/*')
      : new vscode.RelativePattern(vscode.Uri.file(dirname(path)), literalPattern(basename(path)));
    this.watcher = vscode.workspace.createFileSystemWatcher(pattern);
    const changed = (): void => {
      if (this.staleOnDisk || this.status !== 'ready') return;
      this.staleOnDisk = true;
      this.changes.fire();
    };
    this.watcher.onDidChange(changed);
    this.watcher.onDidCreate(changed);
    this.watcher.onDidDelete(changed);
  }

  dispose(): void {
    this.watcher?.dispose();
  }

  private forget(): void {
    this.columnsAsked = null;
    this.predictionsAsked = null;
  }

  private setStatus(status: DatasetModel['status']): void {
    this.status = status;
    this.changes.fire();
  }

  /** Indices from elsewhere, ascending and once each. Throws a LetheError for what is no sample. */
  private checked(indices: readonly number[]): readonly number[] {
    const size = this.opened?.overview.size ?? 0;
    const sorted = [...new Set(indices)].sort((a, b) => a - b);
    for (const index of sorted) {
      if (Number.isSafeInteger(index) && index >= 0 && index < size) continue;
      throw new LetheError(
        size === 0
          ? 'No dataset is open. Open the data that the model was trained on.'
          : `There is no sample ${String(index)}; the dataset has the samples 0 to ${size - 1}.`,
      );
    }
    return sorted;
  }
}
