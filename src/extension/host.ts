// The one context object: what the window has open, and the services that everything uses.
import { join } from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from '../shared/errors';
import type { DatasetPredictions } from '../shared/viewerProtocol';
import { DatasetModel } from './dataset/datasetModel';
import type { ModelDocument } from './modelEditor/modelDocument';
import type { ModelView } from './modelEditor/modelView';
import { RunStore } from './runs/runStore';
import { ViewerHost } from './viewerHost';

/** Everything that one window's extension holds. */
export class Host implements vscode.Disposable {
  readonly log: vscode.LogOutputChannel;
  readonly viewer: ViewerHost;
  readonly runs: RunStore;
  readonly dataset: DatasetModel;
  /** The bundled solver. */
  readonly solver: string;
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
    this.log = vscode.window.createOutputChannel('Lethe', { log: true });
    this.solver = join(context.extensionPath, 'dist', 'solver.js');
    this.viewer = new ViewerHost(this.solver, this.log);
    this.runs = new RunStore(context.globalStorageUri.fsPath);
    this.dataset = new DatasetModel(this.viewer, context.workspaceState);
    context.subscriptions.push(
      this,
      this.log,
      this.viewer,
      this.dataset.onDidChange(() => this.surroundings.fire()),
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

  addDocument(document: ModelDocument): void {
    this.documents.add(document);
    this.activeDocument ??= document;
    let weights = JSON.stringify(document.state);
    document.onDidChange(() => {
      const now = JSON.stringify(document.state);
      if (now !== weights && this.dataset.binding?.model === document.path) this.dataset.stalePredictions();
      if (now !== weights) void this.refer(document);
      weights = now;
      this.documentChanges.fire(document);
    });
    document.onDidDispose(() => {
      this.documents.delete(document);
      if (this.activeDocument === document) this.setActive(this.open.at(-1) ?? null);
      void this.runs.refer(this.ownerName(document), process.pid, []);
    });
    this.surroundings.fire();
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

  private setActive(document: ModelDocument | null): void {
    if (document === this.activeDocument) return;
    this.activeDocument = document;
    this.surroundings.fire();
  }

  private ownerName(document: ModelDocument): string {
    return `${process.pid} ${document.uri.toString()}`;
  }
}
