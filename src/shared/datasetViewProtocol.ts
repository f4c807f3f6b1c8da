// The channel between the dataset panel's webview and the extension host.
import type { DatasetColumns, DatasetOverview, DatasetPredictions, SampleCard } from './viewerProtocol';

/** Everything the panel shows at the top level. */
export type DatasetViewState =
  | { readonly kind: 'empty'; readonly hasModel: boolean }
  | { readonly kind: 'loading'; readonly path: string }
  | { readonly kind: 'error'; readonly message: string; readonly path: string | null }
  | {
      readonly kind: 'ready';
      readonly overview: DatasetOverview;
      /** The model's file name, where predictions can be had. */
      readonly model: string | null;
      readonly restricted: boolean;
      /** The data changed on disk since they were opened. */
      readonly stale?: boolean;
    };

/** What the webview asks the host. */
export type DatasetViewRequests = {
  readonly columns: { readonly ask: null; readonly answer: DatasetColumns };
  /** Of the open model; null where there is none. */
  readonly predictions: { readonly ask: null; readonly answer: DatasetPredictions | null };
  readonly cards: {
    readonly ask: { readonly indices: readonly number[]; readonly size: number };
    readonly answer: readonly SampleCard[];
  };
  readonly command: {
    readonly ask: 'openDataset' | 'unlearn' | 'importForget' | 'exportForget' | 'retry' | 'trust';
    readonly answer: null;
  };
};

/** What the host tells the webview. */
export type DatasetViewEvents = {
  readonly state: DatasetViewState;
  /** The forget set, ascending. */
  readonly forgetSet: readonly number[];
  /** Scroll to a sample and show its details. */
  readonly reveal: { readonly index: number };
  /** Predictions changed (another model, applied run): ask again. */
  readonly stalePredictions: null;
};

/** What the webview tells the host. */
export type DatasetViewNotices = {
  readonly ready: null;
  /** The current selection, ascending; the host resolves context-menu commands with it. */
  readonly selection: readonly number[];
  /** The person changed the forget set in the panel (Delete, a button). */
  readonly forgetSet: readonly number[];
};
