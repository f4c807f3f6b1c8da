// The one context object: what the window has open, and the services that everything uses.
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from '../shared/errors';
import type { DatasetPredictions } from '../shared/viewerProtocol';
import type { DatasetBinding } from './dataset/binding';
import { bindingKey, DatasetModel } from './dataset/datasetModel';
import type { ModelDocument } from './modelEditor/modelDocument';
import type { ModelView } from './modelEditor/modelView';
import { runSentence } from '../shared/runSentences';
import type { JobOrder } from './runs/jobFile';
import { Log } from './log';
import { Jobs } from './runs/jobs';
import { RunStore, type RunRecord } from './runs/runStore';
import { ViewerHost } from './viewerHost';

const proposalKey = (model: string): string => `lethe.proposal:${model}`;

/** Everything that one window's extension holds. */
export class Host implements vscode.Disposable {
  readonly log = new Log();
  readonly viewer: ViewerHost;
  readonly runs: RunStore;
  readonly dataset: DatasetModel;
  readonly jobs: Jobs;
  /** The bundled solver. */
  readonly solver: string;
  /** The samples marked in the side bar's forget set. */
  markedInForgetSet: readonly number[] = [];
  private readonly documents = new Set<ModelDocument>();
  private readonly views = new Map<ModelDocument, Set<ModelView>>();
  private readonly surroundings = new vscode.EventEmitter<void>();
  private readonly documentChanges = new vscode.EventEmitter<ModelDocument>();
  private activeDocument: ModelDocument | null = null;
  private runsLoaded: Promise<void> | null = null;

  /** Something beside a document changed: trust, the dataset, the active model, the runs. */
  readonly onDidChangeSurroundings = this.surroundings.event;
  readonly onDidChangeDocument = this.documentChanges.event;

  constructor(readonly context: vscode.ExtensionContext) {
    this.solver = join(context.extensionPath, 'dist', 'solver.js');
    this.viewer = new ViewerHost(this.solver, this.log);
    this.runs = new RunStore(context.globalStorageUri.fsPath);
    this.dataset = new DatasetModel(this.viewer, context.workspaceState);
    this.jobs = new Jobs(this);
    context.subscriptions.push(
      this,
      this.jobs,
      this.log,
      this.viewer,
      this.dataset,
      this.dataset.onDidChange(() => this.surroundings.fire()),
      this.jobs.onDidChange(() => this.surroundings.fire()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.surroundings.fire()),
    );
  }

  /** The model whose editor was used last; null when none is open. */
  get active(): ModelDocument | null {
    return this.activeDocument;
  }

  /** The open documents. */
  get open(): readonly ModelDocument[] {
    return [...this.documents];
  }

  /** The document of a path, or null. */
  documentOf(path: string): ModelDocument | null {
    return this.open.find(document => document.path === path) ?? null;
  }

  /** What tells this window's workspace from others; jobs belong to one. */
  get workspaceName(): string {
    const { workspaceFile, workspaceFolders } = vscode.workspace;
    return (workspaceFile ?? workspaceFolders?.[0]?.uri)?.toString() ?? '';
  }

  addDocument(document: ModelDocument): void {
    this.documents.add(document);
    this.activeDocument ??= document;
    const running = this.jobs.runningOn(document.path);
    if (running) document.setRunning(running);
    const keyOf = (): string => JSON.stringify([document.state, document.overview?.stamp]);
    let key = keyOf();
    let loaded = document.overview !== null;
    document.onDidChange(() => {
      const now = keyOf();
      if (now !== key) {
        void this.refer(document);
        if (loaded && this.dataset.binding?.model === document.path) this.dataset.stalePredictions();
      }
      key = now;
      loaded = document.overview !== null;
      this.documentChanges.fire(document);
    });
    document.onDidDispose(() => {
      this.documents.delete(document);
      if (this.activeDocument === document) this.setActive(this.open.at(-1) ?? null);
      void this.runs.refer(this.ownerName(document), process.pid, []);
    });
    this.surroundings.fire();
    void this.recall(document);
  }

  addView(document: ModelDocument, view: ModelView, panel: vscode.WebviewPanel): void {
    const views = this.views.get(document) ?? new Set();
    this.views.set(document, views.add(view));
    if (panel.active) this.setActive(document);
    panel.onDidChangeViewState(() => {
      if (panel.active) this.setActive(document);
    });
    panel.onDidDispose(() => {
      view.dispose();
      views.delete(view);
      if (views.size === 0) this.views.delete(document);
    });
  }

  /** The editors of a document. */
  viewsOf(document: ModelDocument): readonly ModelView[] {
    return [...(this.views.get(document) ?? [])];
  }

  /** Reads the runs in storage, once; later calls wait for the first. */
  loadRuns(): Promise<void> {
    return (this.runsLoaded ??= this.runs.load().then(() => this.surroundings.fire()));
  }

  /** Tells everybody that the runs changed. */
  runsChanged(): void {
    this.surroundings.fire();
  }

  /** Shows a run beside a model, or none; the window remembers which. */
  async propose(model: string, runId: string | null): Promise<void> {
    await this.rememberProposal(model, runId);
    const document = this.documentOf(model);
    if (!document) return;
    document.propose(runId);
    await this.refer(document);
  }

  /** Keeps which run a model is to be opened with; storage keeps that run. */
  async rememberProposal(model: string, runId: string | null): Promise<void> {
    await this.context.workspaceState.update(proposalKey(model), runId ?? undefined);
    await this.runs.refer(`${this.workspaceName} ${model}`, null, runId === null ? [] : [runId]);
  }

  /** Removes the oldest runs that nobody needs, as far as the quota asks for it. */
  async evictRuns(): Promise<void> {
    const megabytes = vscode.workspace.getConfiguration('lethe').get('storageQuota', 4096);
    for (const name of await this.runs.evict(megabytes * 1024 * 1024)) {
      this.log.info(`Storage was above ${megabytes} MB, so the run ${name} was removed.`);
    }
  }

  /** Says what a run did, and offers what comes next. */
  announce(record: RunRecord, order: JobOrder): void {
    const own = order.pending === null ? ` ${basename(record.binding.recipe ?? '')} wrote its output.` : '';
    void vscode.window
      .showInformationMessage(`${runSentence(record.result)}${own}`, 'Show Changes', 'Save As New File…')
      .then(choice => {
        if (choice === 'Show Changes') void vscode.commands.executeCommand('lethe.compare', record.runId);
        if (choice === 'Save As New File…')
          void vscode.commands.executeCommand('lethe.saveAsNew', record.runId);
      });
  }

  /** One notification about something that went wrong, with the way to the log. */
  showFailure(message: string): void {
    void vscode.window.showErrorMessage(message, 'Show Log').then(choice => {
      if (choice === 'Show Log') this.log.show();
    });
  }

  /** Tells storage what an open document needs. */
  async refer(document: ModelDocument): Promise<void> {
    await this.runs.refer(this.ownerName(document), process.pid, document.references);
  }

  /** What the dataset's model predicts, with the weights that its document has; null without a model. */
  async predictionsOfDataset(): Promise<DatasetPredictions | null> {
    const model = this.dataset.binding?.model ?? null;
    if (model === null) return null;
    const document = this.documentOf(model);
    const path = document ? document.pathOf(document.state.current) : model;
    return this.dataset.predictions(path, document?.overview?.stamp ?? '');
  }

  /** Runs what must not throw into VS Code's face; a failure goes to the log. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.warn(messageOf(error));
    }
  }

  dispose(): void {
    this.surroundings.dispose();
    this.documentChanges.dispose();
  }

  /** Shows again the run that was proposed before the window was loaded anew. */
  private async recall(document: ModelDocument): Promise<void> {
    await this.loadRuns();
    const runId = this.context.workspaceState.get<string>(proposalKey(document.path));
    if (runId !== undefined && this.runs.get(runId) && document.proposal === null) {
      document.propose(runId);
    }
    const binding = this.context.workspaceState.get<DatasetBinding>(bindingKey);
    if (binding?.model === document.path) await this.dataset.restore();
  }

  private setActive(document: ModelDocument | null): void {
    if (document === this.activeDocument) return;
    this.activeDocument = document;
    this.surroundings.fire();
  }

  private ownerName(document: ModelDocument): string {
    return `${process.pid} ${document.uri.toString()}`;
  }
}
