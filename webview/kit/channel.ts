// The webview's end of the typed channel to the extension host.
import { MessageChannelEnd } from '../../src/shared/messages';
import type { EventTable, RequestTable } from '../../src/shared/messages';

/** A webview answers no requests of the host. */
export type NoRequests = Record<never, { readonly ask: never; readonly answer: never }>;

/** VS Code gives its object once a page, so it is kept here. */
const host = acquireVsCodeApi<unknown>();

/** Opens the channel: `Theirs` are the host's requests, `Out` our notices, `In` the host's events. */
export function openChannel<
  Theirs extends RequestTable,
  Out extends EventTable,
  In extends EventTable,
>(): MessageChannelEnd<NoRequests, Theirs, Out, In> {
  return new MessageChannelEnd<NoRequests, Theirs, Out, In>(
    {
      send: envelope => host.postMessage(envelope),
      receive: listener => window.addEventListener('message', event => listener(event.data)),
    },
    {},
  );
}

/** What the view kept of itself (tab, filter, scroll) when it was last hidden; the fallback where there is nothing. */
export function savedState<T extends object>(fallback: T): T {
  const saved = host.getState();
  return typeof saved === 'object' && saved !== null ? { ...fallback, ...saved } : fallback;
}

/** Keeps what the view needs to come back as it was. */
export function saveState(state: object): void {
  host.setState(state);
}
