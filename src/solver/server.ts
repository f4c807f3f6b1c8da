// The solver's side of the channel: one job, any number of clients, and an end when nobody needs it any more.
import { createServer, type Server, type Socket } from 'node:net';
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { CancelledError, LetheError, messageOf, UsageError } from '../shared/errors';
import type { ModelInspection } from '../shared/inspection';
import { missingPackage } from '../shared/missingPackage';
import type { RunResult } from '../shared/report';
import {
  cancelRequest,
  endedNotification,
  hasEnded,
  helloRequest,
  inspectRequest,
  logNotification,
  progressNotification,
  startRequest,
  type JobFailure,
  type JobProgress,
  type JobRequest,
  type JobState,
} from '../shared/solverProtocol';
import type { JobFolder } from '../client/jobFolder';

/** What the solver can do, handed in so that the channel can be tested without a model. */
export interface SolverWork {
  run(
    request: JobRequest,
    hooks: { progress(update: JobProgress): void; log(line: string): void; signal: AbortSignal },
  ): Promise<RunResult>;
  inspect(path: string, stats: boolean): Promise<ModelInspection>;
}

/** How long to stay, in milliseconds. */
export interface Patience {
  /** Without any client, while no job runs. */
  readonly alone: number;
  /** With clients, after the job ended. */
  readonly afterEnd: number;
}

const progressInterval = 100;
const stateInterval = 1000;

/** Serves one job folder until its job has ended and nobody is connected. */
export class SolverServer {
  private readonly clients = new Set<MessageConnection>();
  private readonly server: Server;
  private readonly abort = new AbortController();
  private readonly token: string;
  private state: JobState;
  private lastProgress = 0;
  private lastState = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly closed: Promise<void>;
  private resolveClosed: () => void = () => undefined;

  constructor(
    private readonly folder: JobFolder,
    private readonly work: SolverWork,
    private readonly patience: Patience = { alone: 15_000, afterEnd: 60_000 },
  ) {
    this.state = folder.readState();
    this.token = folder.readAddress().token;
    this.server = createServer(socket => this.accept(socket));
    this.closed = new Promise(resolve => (this.resolveClosed = resolve));
  }

  /** Listens; resolves when the solver has nothing left to do and its socket is closed. */
  async serve(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.folder.readAddress().socket, resolve);
    });
    this.reconsider();
    await this.closed;
  }

  private accept(socket: Socket): void {
    const connection = createMessageConnection(
      new SocketMessageReader(socket),
      new SocketMessageWriter(socket),
    );
    let known = false;
    const guard = (): void => {
      if (!known)
        throw new ResponseError(ErrorCodes.InvalidRequest, 'Say hello with the token of the job first.');
    };
    connection.onRequest(helloRequest, ({ token }) => {
      if (token !== this.token)
        throw new ResponseError(ErrorCodes.InvalidRequest, 'That is not the token of this job.');
      known = true;
      this.clients.add(connection);
      this.reconsider();
      return this.state;
    });
    connection.onRequest(startRequest, request => {
      guard();
      if (this.state.status !== 'waiting') {
        throw new ResponseError(ErrorCodes.InvalidRequest, 'This solver was given its job before.');
      }
      this.start(request);
      return this.state;
    });
    connection.onRequest(cancelRequest, () => {
      guard();
      this.abort.abort();
      if (this.state.status === 'waiting') this.end({ status: 'cancelled' });
      return this.state;
    });
    connection.onRequest(inspectRequest, async ({ path, stats }) => {
      guard();
      try {
        return await this.work.inspect(path, stats);
      } catch (error) {
        return new ResponseError(ErrorCodes.InternalError, messageOf(error), failureOf(error));
      }
    });
    const leave = (): void => {
      this.clients.delete(connection);
      this.reconsider();
    };
    connection.onClose(leave);
    // A broken pipe is a client that left; `onClose` follows.
    connection.onError(() => undefined);
    socket.on('error', () => undefined);
    connection.listen();
  }

  private start(request: JobRequest): void {
    this.setState({ ...this.state, status: 'running', request, progress: { phase: 'opening' } });
    this.reconsider();
    const hooks = {
      progress: (update: JobProgress) => this.progress(update),
      log: (line: string) => this.log(line),
      signal: this.abort.signal,
    };
    this.work.run(request, hooks).then(
      result => this.end({ status: 'done', result }),
      (error: unknown) => {
        if (error instanceof CancelledError) return this.end({ status: 'cancelled' });
        const failure = failureOf(error);
        if (failure.kind === 'defect') console.error(error);
        this.end({ status: 'failed', failure });
      },
    );
  }

  private progress(update: JobProgress): void {
    const now = Date.now();
    const changedPhase = update.phase !== this.state.progress?.phase;
    this.state = { ...this.state, progress: update };
    const last = update.step !== undefined && update.step === update.steps;
    if (changedPhase || last || now - this.lastProgress >= progressInterval) {
      this.lastProgress = now;
      this.tell(client => client.sendNotification(progressNotification, update));
    }
    if (changedPhase || now - this.lastState >= stateInterval) this.setState(this.state);
  }

  private log(line: string): void {
    console.error(line);
    this.tell(client => client.sendNotification(logNotification, { line }));
  }

  private end(outcome: Partial<JobState>): void {
    this.setState({ ...this.state, ...outcome });
    this.tell(client => client.sendNotification(endedNotification, this.state));
    this.reconsider();
  }

  private setState(state: JobState): void {
    this.state = state;
    this.lastState = Date.now();
    try {
      this.folder.writeState(state);
    } catch (error) {
      // A full disk must not end a job that its clients can still follow.
      console.error(`The state could not be written: ${messageOf(error)}`);
    }
  }

  private tell(send: (client: MessageConnection) => Promise<void>): void {
    for (const client of this.clients) send(client).catch(() => undefined);
  }

  /** Decides how long to wait for something to happen, after anything that bears on it. */
  private reconsider(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const ended = hasEnded(this.state);
    if (this.state.status === 'running') return;
    // With nobody connected an ended job is in its folder for whoever comes later.
    if (ended && this.clients.size === 0) return this.close();
    if (!ended && this.clients.size > 0) return;
    this.timer = setTimeout(() => this.close(), ended ? this.patience.afterEnd : this.patience.alone);
  }

  private close(): void {
    for (const client of this.clients) client.dispose();
    this.clients.clear();
    this.server.close();
    this.resolveClosed();
  }
}

/** What a client is told about something that was thrown. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof UsageError) return { kind: 'usage', message: error.message };
  if (error instanceof LetheError) return { kind: 'failed', message: error.message };
  const missing = missingPackage(error);
  if (missing) return { kind: 'failed', message: missing.message };
  return { kind: 'defect', message: messageOf(error) };
}
