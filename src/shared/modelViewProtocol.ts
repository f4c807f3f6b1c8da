// The channel between the model editor's webview and the extension host.
import type { Diagnosis } from './diagnosis';
import type { Evaluation } from './evaluation';
import type { GraphValue, ModelGraph } from './modelGraph';
import type { SetSummary } from './predictionSummary';
import type { RunResult } from './report';
import type { JobProgress } from './solverProtocol';
import type { ModelComparison, ModelOverview, ParameterSummary } from './viewerProtocol';

/** The tabs of the editor, in their order. */
export type ModelTab = 'overview' | 'graph' | 'parameters' | 'changes' | 'predictions' | 'runs';

/** A finished run that is not part of the document yet. */
export interface ProposalInfo {
  readonly runId: string;
  readonly result: RunResult;
  /** How many samples it forgot. */
  readonly forgotten: number;
  /** The state of the document does not change by being shown a proposal. */
  readonly applied: boolean;
}

/** A finished run of the model. */
export interface RunInfo {
  readonly runId: string;
  readonly result: RunResult;
  /** How many samples it forgot, and of which data (a file's name). */
  readonly forgotten: number;
  readonly data: string;
  /** Equal for runs that forgot the same samples of the same data, and for no others. */
  readonly set: string;
  /** When it ended, in milliseconds since 1970. */
  readonly created: number;
  readonly seed: number;
  /** The method's settings that the recipe names, beside its name. */
  readonly settings: readonly (readonly [name: string, value: string])[];
}

/** The evaluation of a run, and names of the classes by number where they are known. */
export interface RunEvaluation {
  readonly evaluation: Evaluation;
  readonly classes: readonly string[] | null;
}

/** A diagnosis of the model with the samples that were chosen when it was asked for. */
export type DiagnosisView =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'ready';
      readonly diagnosis: Diagnosis;
      /** Other samples are chosen now, or the model has other weights. */
      readonly stale: boolean;
    };

/** Everything the editor shows at the top level. */
export type ModelViewState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'error'; readonly message: string }
  | {
      readonly kind: 'ready';
      readonly overview: ModelOverview;
      /** The proposal that the bar offers, the newest unapplied run; null without one. */
      readonly proposal: ProposalInfo | null;
      /** The run whose weights the document now has; null while it has its own. */
      readonly applied: ProposalInfo | null;
      /** Every run of this model in storage, the newest first. */
      readonly runs: readonly RunInfo[];
      /** A job on this model that is under way. */
      readonly running: { readonly method: string; readonly progress: JobProgress | null } | null;
      /** Restricted Mode: viewing works, solving does not. */
      readonly restricted: boolean;
      /** The file changed on disk since it was opened. */
      readonly stale: boolean;
      /** Whether a dataset is open for this model. */
      readonly dataset: {
        readonly path: string;
        readonly size: number;
        /** How many samples are in the forget set. */
        readonly chosen: number;
      } | null;
      /** Null while none was asked for. */
      readonly diagnosis: DiagnosisView | null;
    };

/** One sample before and after. */
export interface PredictionRow {
  readonly index: number;
  readonly set: 'forgotten' | 'retained' | 'held-out';
  /** Names of classes, or values. Null without a label. */
  readonly label: string | null;
  readonly before: string;
  readonly after: string;
  /** Null without a label. */
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
  readonly flipped: boolean;
}

/** Predictions of a run. */
export interface Predictions {
  /** Every forgotten sample; of the others where they are too many as many as there is room for, evenly taken. */
  readonly rows: readonly PredictionRow[];
  /** Each set as a whole. */
  readonly summaries: readonly SetSummary[];
}

/** What the webview asks the host. */
export type ModelViewRequests = {
  /** Summaries of all parameters; `summary` events come before the answer. */
  readonly summaries: { readonly ask: null; readonly answer: readonly ParameterSummary[] };
  /** The original against the proposal (or the applied run). */
  readonly changes: { readonly ask: null; readonly answer: ModelComparison };
  /** Predictions on the training data and, where the recipe names it, the test data; without `all` at most 50 000 rows. */
  readonly predictions: { readonly ask: { readonly all: boolean }; readonly answer: Predictions };
  /** The nodes of the model and what flows between them. */
  readonly graph: { readonly ask: null; readonly answer: ModelGraph };
  /** Shapes that the file does not declare, measured by running the model once. */
  readonly graphShapes: { readonly ask: null; readonly answer: readonly GraphValue[] };
  /** Two models tensor by tensor: ids of runs, "original" or "retrained". */
  readonly compareRuns: {
    readonly ask: { readonly a: string; readonly b: string };
    readonly answer: ModelComparison;
  };
  /** What the solver measured of a run beyond its metrics; null where its recipe asked for the metrics only. */
  readonly evaluation: {
    readonly ask: { readonly runId: string };
    readonly answer: RunEvaluation | null;
  };
  /** Shows a run beside the model. */
  readonly propose: { readonly ask: { readonly runId: string }; readonly answer: null };
  /** A button of a run in the list. */
  readonly runCommand: {
    readonly ask: {
      readonly runId: string;
      readonly command: 'openReport' | 'openRecipe' | 'saveAsNew';
    };
    readonly answer: null;
  };
  /** A button was pressed. */
  readonly command: {
    readonly ask:
      | 'apply'
      | 'saveAsNew'
      | 'discard'
      | 'openDataset'
      | 'unlearn'
      | 'diagnose'
      | 'cancel'
      | 'showLog'
      | 'reload'
      | 'trust'
      | 'openReport';
    readonly answer: null;
  };
  /** Shows a sample in the dataset panel. */
  readonly revealSample: { readonly ask: { readonly index: number }; readonly answer: null };
};

/** What the host tells the webview. */
export type ModelViewEvents = {
  readonly state: ModelViewState;
  readonly summary: ParameterSummary;
  readonly progress: JobProgress;
  /** Select a tab and, in Parameters or Changes, a tensor. */
  readonly reveal: {
    readonly tab: ModelTab;
    readonly tensor?: string;
  };
};

/** What the webview tells the host. */
export type ModelViewNotices = {
  /** The view is drawn and listens; the host answers with `state`. */
  readonly ready: null;
};
