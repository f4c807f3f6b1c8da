// Keeps the viewer process: starts it when something is asked, starts it anew after a crash, ends it with the window.
import type { CancellationToken, NotificationType, RequestType } from 'vscode-jsonrpc';
import type { ViewerClient } from '../client/viewerClient';
import { LetheError } from '../shared/errors';
import type * as viewerProtocol from '../shared/viewerProtocol';
import type { ViewerFailure } from '../shared/viewerProtocol';

type Protocol = typeof viewerProtocol;

/** Where lines of the process go. */
export interface ViewerLog {
  info(line: string): void;
  error(line: string): void;
}

interface Listener {
  readonly type: (protocol: Protocol) => NotificationType<never>;
  readonly hear: (body: never) => void;
}

/** The one viewer process of a window. */
export class ViewerHost {
  private running: Promise<{ client: ViewerClient; protocol: Protocol }> | null = null;
  private readonly listeners = new Set<Listener>();
  private disposed = false;
  private turns = 0;

  /** `program` is the bundled solver. */
  constructor(
    private readonly program: string,
    private readonly log: ViewerLog,
  ) {}

  /** Counts starts and ends of the process: what an earlier one was told to open, a later one does not know. */
  get generation(): number {
    return this.turns;
  }

  /**
   * Asks the viewer. Throws a LetheError with its sentence, a CancelledError, or a ViewerEndedError when the process
   * died on it; the next question starts a new one.
   */
  async ask<P, R>(
    type: (protocol: Protocol) => RequestType<P, R, ViewerFailure>,
    body: P,
    token?: CancellationToken,
  ): Promise<R> {
    if (this.disposed) throw new LetheError('This window is closing, so nothing more is read.');
    const { client, protocol } = await (this.running ??= this.start());
    return client.request(type(protocol), body, token);
  }

  /** The process as it is now, or null while there is none. */
  async processId(): Promise<number | null> {
    return (await this.running)?.client.processId ?? null;
  }

  /** Hears a notification of every process, the present one and later ones, until the returned function is called. */
  on<P>(type: (protocol: Protocol) => NotificationType<P>, hear: (body: P) => void): () => void {
    const listener = { type, hear } as unknown as Listener;
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ends the process. */
  dispose(): void {
    this.disposed = true;
    this.running?.then(({ client }) => client.dispose()).catch(() => undefined);
    this.running = null;
  }

  private async start(): Promise<{ client: ViewerClient; protocol: Protocol }> {
    this.turns++;
    try {
      const [{ ViewerClient: Client }, protocol] = await Promise.all([
        import('../client/viewerClient'),
        import('../shared/viewerProtocol'),
      ]);
      const client = await Client.start(this.program, line => this.log.info(`viewer: ${line}`));
      client.onExit(sentence => {
        this.running = null;
        this.turns++;
        this.log.error(sentence);
      });
      const { summaryNotification, viewerProgressNotification } = protocol;
      for (const type of [summaryNotification, viewerProgressNotification] as NotificationType<unknown>[]) {
        client.onNotification(type, body => this.tell(protocol, type.method, body));
      }
      return { client, protocol };
    } catch (error) {
      this.running = null;
      throw error;
    }
  }

  private tell(protocol: Protocol, method: string, body: unknown): void {
    for (const { type, hear } of this.listeners) {
      if (type(protocol).method === method) hear(body as never);
    }
  }
}
