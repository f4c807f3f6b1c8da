// An open model: its overview, the weights it has, the run proposed for it. Knows no webview and parses nothing.
import * as vscode from 'vscode';
import {
  isDirty,
  openedState,
  placeOf,
  referencesOf,
  withWeights,
  type DocumentState,
  type Weights,
  type WeightsEdit,
} from '../../shared/documentState';
import { LetheError, messageOf } from '../../shared/errors';
import type { Diagnosis } from '../../shared/diagnosis';
import type { GraphValue, ModelGraph } from '../../shared/modelGraph';
import type { JobProgress } from '../../shared/solverProtocol';
import type { ModelComparison, ModelOverview, ParameterSummary } from '../../shared/viewerProtocol';
import type { RunStore } from '../runs/runStore';
import type { ViewerHost } from '../viewerHost';

/** A job on the model that is under way. */
export interface RunningJob {
  readonly method: string;
  readonly progress: JobProgress | null;
}

/** A diagnosis, and what it was made of: `key` tells samples and weights from others. */
export type DiagnosisState =
  | { readonly kind: 'measuring'; readonly key: string }
  | { readonly kind: 'failed'; readonly key: string; readonly message: string }
  | { readonly kind: 'ready'; readonly key: string; readonly diagnosis: Diagnosis };

/** What a document needs from its surroundings. */
export interface DocumentServices {
  readonly viewer: ViewerHost;
  readonly runs: RunStore;
}

/** Bins of every histogram. */
const bins = 40;
/** Entries listed as changed most. */
const largest = 5;

/** A model file in an editor. */
export class ModelDocument implements vscode.CustomDocument {
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly progressing = new vscode.EventEmitter<JobProgress>();
  private readonly closing = new vscode.EventEmitter<void>();
  private readonly edits: WeightsEdit[] = [];
  private readonly comparisons = new Map<string, Promise<ModelComparison>>();
  private readonly summaries = new Map<string, Promise<readonly ParameterSummary[]>>();
  private documentState: DocumentState;
  private overviewOrError: ModelOverview | string | null = null;
  private proposalId: string | null = null;
  private runningJob: RunningJob | null = null;
  private staleOnDisk = false;
  private diagnosisState: DiagnosisState | null = null;

  readonly onDidChange = this.changes.event;
  /** How a job on this model stands, more often than `onDidChange` tells it. */
  readonly onDidProgress = this.progressing.event;
  readonly onDidDispose = this.closing.event;

  constructor(
    readonly uri: vscode.Uri,
    private readonly services: DocumentServices,
    state: DocumentState = openedState,
  ) {
    this.documentState = state;
  }

  get path(): string {
    return this.uri.fsPath;
  }

  get state(): DocumentState {
    return this.documentState;
  }

  /** Null while the model is being read, and when it cannot be. */
  get overview(): ModelOverview | null {
    return typeof this.overviewOrError === 'string' ? null : this.overviewOrError;
  }

  /** Why the model cannot be read, or null. */
  get error(): string | null {
    return typeof this.overviewOrError === 'string' ? this.overviewOrError : null;
  }

  /** The run that is shown beside the document, or null. Once applied it is none; taking that back makes it one again. */
  get proposal(): string | null {
    return this.proposalId === this.applied ? null : this.proposalId;
  }

  /** The run whose weights the document has, or null. */
  get applied(): string | null {
    return this.documentState.current.kind === 'run' ? this.documentState.current.runId : null;
  }

  /** The run to show changes of: the proposal, else the applied one. */
  get shownRun(): string | null {
    return this.proposal ?? this.applied;
  }

  get running(): RunningJob | null {
    return this.runningJob;
  }

  /** What was last measured before a run, or that it is being measured; null before. */
  get diagnosis(): DiagnosisState | null {
    return this.diagnosisState;
  }

  get stale(): boolean {
    return this.staleOnDisk;
  }

  get dirty(): boolean {
    return isDirty(this.documentState);
  }

  /** Names in storage that must stay while the document is open. */
  get references(): string[] {
    return [
      ...new Set([
        ...referencesOf(this.documentState, this.edits),
        ...(this.proposalId === null ? [] : [this.proposalId]),
      ]),
    ];
  }

  /** Reads the model, at first or again. Failing leaves a sentence in `error`. */
  async load(): Promise<void> {
    try {
      this.overviewOrError = await this.services.viewer.ask(protocol => protocol.overviewRequest, {
        path: this.path,
      });
    } catch (error) {
      this.overviewOrError = messageOf(error);
    }
    this.comparisons.clear();
    this.summaries.clear();
    this.changed();
  }

  /** Looks whether the file still is what was read; tells when not. */
  async checkDisk(): Promise<boolean> {
    const known = this.overview?.stamp;
    if (known === undefined) {
      await this.load();
      return false;
    }
    let stale: boolean;
    try {
      const now = await this.services.viewer.ask(protocol => protocol.overviewRequest, { path: this.path });
      stale = now.stamp !== known;
    } catch {
      stale = true;
    }
    if (known !== this.overview?.stamp) return this.staleOnDisk;
    this.markStale(stale);
    return stale;
  }

  /** Says whether the file differs from what was read. */
  markStale(stale: boolean): void {
    if (stale === this.staleOnDisk) return;
    this.staleOnDisk = stale;
    this.changed();
  }

  /** Takes what is on disk, giving up the document's own weights. */
  async reload(): Promise<void> {
    this.documentState = openedState;
    this.staleOnDisk = false;
    await this.load();
  }

  /** The file was written with the present weights: `state` is the document from now on, `stamp` the file's. */
  saved(state: DocumentState, stamp: string): void {
    // An edit may have been taken back while the file was being written.
    this.documentState = { ...state, current: this.documentState.current };
    if (this.overview) this.overviewOrError = { ...this.overview, stamp };
    this.staleOnDisk = false;
    this.summaries.clear();
    this.changed();
  }

  /** Gives the document other weights, as a step of its history. */
  step(edit: WeightsEdit): void {
    this.edits.push(edit);
    this.setWeights(edit.after);
  }

  /** Gives the document other weights without a new step: undo, redo, revert. */
  setWeights(weights: Weights): void {
    this.documentState = withWeights(this.documentState, weights);
    this.changed();
  }

  /** Takes up the state that a backup told. */
  restore(state: DocumentState): void {
    this.documentState = state;
    this.changed();
  }

  /** Shows a run beside the document, or none. */
  propose(runId: string | null): void {
    this.proposalId = runId;
    this.changed();
  }

  /** Says how a diagnosis stands. */
  setDiagnosis(state: DiagnosisState | null): void {
    this.diagnosisState = state;
    this.changed();
  }

  /** Says that a job on this model runs; null when none does any more. */
  setRunning(job: RunningJob | null): void {
    this.runningJob = job;
    this.changed();
  }

  /** Says how the job on this model stands. */
  setProgress(progress: JobProgress): void {
    if (this.runningJob === null) return;
    this.runningJob = { ...this.runningJob, progress };
    this.progressing.fire(progress);
  }

  /** The path of the file that holds some weights of the document. Throws a LetheError when there is none. */
  pathOf(weights: Weights): string {
    const place = placeOf(this.documentState, weights);
    if (place.place === 'file') return this.path;
    return place.place === 'run'
      ? this.services.runs.modelPath(place.runId)
      : this.services.runs.snapshotPath(place.sha256);
  }

  /** The file that holds what a run started from: the original, kept in storage once a run was saved over it. */
  async originalPath(run: string | null = this.shownRun): Promise<string> {
    const { saved, original } = this.documentState;
    if (saved.kind === 'original' && original === null && run !== null) {
      // The file may have been saved with this run in an earlier session.
      const kept = await this.services.runs.originalOf(run);
      if (kept !== null) return this.services.runs.snapshotPath(kept);
    }
    return this.pathOf({ kind: 'original' });
  }

  /** Statistics and histograms of the weights that the document has; `tell` hears each as soon as it is there. */
  summarize(tell: (summary: ParameterSummary) => void): Promise<readonly ParameterSummary[]> {
    const path = this.pathOf(this.documentState.current);
    const known = this.summaries.get(path);
    if (known) return known;
    const stopListening = this.services.viewer.on(
      protocol => protocol.summaryNotification,
      ({ path: of, summary }) => {
        if (of === path) tell(summary);
      },
    );
    const asked = this.services.viewer
      .ask(protocol => protocol.summariesRequest, { path, bins })
      .finally(stopListening);
    this.summaries.set(path, asked);
    asked.catch(() => this.summaries.delete(path));
    return asked;
  }

  /** The nodes of the graph. */
  graph(): Promise<ModelGraph> {
    return this.services.viewer.ask(protocol => protocol.graphRequest, { path: this.path });
  }

  /** The dims of all values; `sizes` are those of one sample by input, where data are open. */
  graphShapes(sizes: Readonly<Record<string, readonly number[]>>): Promise<readonly GraphValue[]> {
    return this.services.viewer.ask(protocol => protocol.graphShapesRequest, { path: this.path, sizes });
  }

  /** The original against the run that is shown. Throws a LetheError when no run is shown. */
  compare(): Promise<ModelComparison> {
    const runId = this.shownRun;
    if (runId === null) {
      throw new LetheError(
        'There is nothing to compare yet. Unlearn samples, or choose a run in the side bar.',
      );
    }
    const known = this.comparisons.get(runId);
    if (known) return known;
    const asked = this.originalPath().then(original =>
      this.services.viewer.ask(protocol => protocol.compareRequest, {
        a: original,
        b: this.services.runs.modelPath(runId),
        bins,
        largest,
      }),
    );
    this.comparisons.set(runId, asked);
    asked.catch(() => this.comparisons.delete(runId));
    return asked;
  }

  dispose(): void {
    this.closing.fire();
    this.closing.dispose();
    this.progressing.dispose();
    this.changes.dispose();
  }

  private changed(): void {
    this.changes.fire();
  }
}
