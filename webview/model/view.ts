// What the tabs of the model editor have in common.
import type { MessageChannelEnd } from '../../src/shared/messages';
import type {
  ModelViewEvents,
  ModelViewNotices,
  ModelViewRequests,
  ModelViewState,
} from '../../src/shared/modelViewProtocol';
import type { NoRequests } from '../kit/channel';

/** The channel to the host. */
export type Host = MessageChannelEnd<NoRequests, ModelViewRequests, ModelViewNotices, ModelViewEvents>;

/** The state in which there is a model to show. */
export type ReadyState = Extract<ModelViewState, { readonly kind: 'ready' }>;

/** One tab's content. */
export interface View {
  readonly element: HTMLElement;
  /** The model, the proposal or the dataset changed. Called for hidden tabs too: work waits for `show`. */
  update(state: ReadyState): void;
  /** The tab came into sight; loads what it has not loaded yet. */
  show(): void;
  /** Selects a tensor, where the tab has tensors. */
  reveal?(tensor: string): void;
}

/** Presses a button of the host; a refusal is told by the host itself. */
export function command(host: Host, name: ModelViewRequests['command']['ask']): () => void {
  return () => {
    host.ask('command', name).catch(() => undefined);
  };
}

/** The run whose result is compared with the original: the proposal, else what was applied. */
export function comparedRun(state: ReadyState): ReadyState['proposal'] {
  return state.proposal ?? state.applied;
}

/** Files are named without their folder. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
