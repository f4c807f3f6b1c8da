// What the extension exports: enough for a test to see what a person would, and to wait for what takes time.
import type { DocumentState } from '../shared/documentState';
import type { MethodSettings, Preprocess } from '../shared/recipe';
import { bindingOfPath, bindingOfRecipe } from './dataset/binding';
import type { Host } from './host';
import { openBinding } from './commands/openDataset';
import { startUnlearning } from './runs/startUnlearning';

/** An open model as data. */
export interface DocumentView {
  readonly path: string;
  readonly state: DocumentState;
  readonly dirty: boolean;
  readonly proposal: string | null;
  readonly applied: string | null;
  readonly running: boolean;
  readonly stale: boolean;
  /** Whether the model has been read. */
  readonly ready: boolean;
  readonly error: string | null;
}

/** The open dataset as data. */
export interface DatasetView {
  readonly kind: 'empty' | 'loading' | 'error' | 'ready';
  readonly path: string | null;
  readonly size: number | null;
  readonly preprocess: Preprocess | null;
  readonly message: string | null;
  readonly forgetSet: readonly number[];
  readonly selection: readonly number[];
}

/** The exports of the extension. */
export interface LetheApi {
  documents(): readonly DocumentView[];
  dataset(): DatasetView;
  /** Ids of the runs of a model, the newest first. */
  runs(model: string): Promise<readonly string[]>;
  /** Opens the data of a recipe for its model, or a path for a model, as the command does without asking. */
  openDataset(
    what: { readonly recipe: string } | { readonly path: string; readonly model: string },
  ): Promise<void>;
  setForgetSet(indices: readonly number[]): void;
  /** Starts a run of the open dataset's model; gives the run's id, or null when it failed or was cancelled. */
  unlearn(samples: readonly number[], method: MethodSettings): Promise<string | null>;
  /** Resolves when no job is under way and its result was dealt with. */
  idle(): Promise<void>;
  /** The solver process of the job under way, or null. */
  solverProcess(): number | null;
  /** The last lines of the log, each with its level in front. */
  log(): readonly string[];
  /** The viewer process, or null while there is none. */
  viewerProcess(): Promise<number | null>;
}

/** The exports over a host. */
export function createApi(host: Host): LetheApi {
  return {
    documents: () =>
      host.open.map(document => ({
        path: document.path,
        state: document.state,
        dirty: document.dirty,
        proposal: document.proposal,
        applied: document.applied,
        running: document.running !== null,
        stale: document.stale,
        ready: document.overview !== null,
        error: document.error,
      })),
    dataset: () => {
      const state = host.dataset.viewState(host.active !== null);
      return {
        kind: state.kind,
        path: state.kind === 'ready' ? state.overview.path : null,
        size: state.kind === 'ready' ? state.overview.size : null,
        preprocess: host.dataset.binding?.preprocess ?? null,
        message: state.kind === 'error' ? state.message : null,
        forgetSet: host.dataset.forgetSet,
        selection: host.dataset.selection,
      };
    },
    runs: async model => {
      await host.loadRuns();
      return host.runs.ofModel(model).map(({ runId }) => runId);
    },
    openDataset: async what => {
      if ('path' in what) return openBinding(host, bindingOfPath(what.path, what.model));
      const { readRecipe } = await import('./dataset/recipesBeside');
      await openBinding(host, bindingOfRecipe(await readRecipe(what.recipe), what.recipe));
    },
    setForgetSet: indices => host.dataset.setForgetSet(indices),
    unlearn: async (samples, method) => (await startUnlearning(host, samples, method))?.runId ?? null,
    idle: () => host.jobs.idle(),
    solverProcess: () => host.jobs.processId,
    log: () => host.log.lines,
    viewerProcess: () => host.viewer.processId(),
  };
}
