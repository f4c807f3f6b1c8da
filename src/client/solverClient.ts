// A client's side of the channel: starts a solver process or attaches to one, and follows its job.
// Imports nothing that parses a model or loads ONNX Runtime, so that an editor's extension host can use it.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createMessageConnection,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { CancelledError, LetheError, UsageError } from '../shared/errors';
import type { ModelInspection } from '../shared/inspection';
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
  type JobProgress,
  type JobRequest,
  type JobState,
} from '../shared/solverProtocol';
import { JobFolder, jobsFolder } from './jobFolder';

/** Where the solver's program is and where jobs live. */
export interface ClientOptions {
  /** The bundled solver, `dist/solver.js`. */
  readonly program: string;
  /** The folder of all jobs; by default `jobsFolder()`. */
  readonly jobs?: string;
  /** How long a solver may take to listen, in milliseconds. */
  readonly startTimeout?: number;
}

/** The solver process ended without telling a result. */
export class SolverEndedError extends LetheError {
  override readonly name = 'SolverEndedError';
}

/** What a client wants to hear. */
export interface JobListener {
  progress?(update: JobProgress): void;
  log?(line: string): void;
}

/** A solver process that this client is connected to. */
export class SolverClient {
  private readonly listeners = new Set<JobListener>();
  private readonly ended: Promise<JobState>;
  private settleEnded: { resolve(state: JobState): void; reject(error: Error): void } | null = null;

  private constructor(
    readonly folder: JobFolder,
    private readonly connection: MessageConnection,
    private readonly socket: Socket,
    private readonly child: ChildProcess | null,
    private latest: JobState,
  ) {
    this.ended = new Promise((resolve, reject) => (this.settleEnded = { resolve, reject }));
    this.ended.catch(() => undefined);
    if (hasEnded(latest)) this.settleEnded?.resolve(latest);
  }

  /** Starts a solver process that has no job yet. Throws a SolverEndedError when it does not come up. */
  static async launch(options: ClientOptions): Promise<SolverClient> {
    const folder = JobFolder.create(options.jobs ?? jobsFolder());
    const log = openSync(folder.logPath, 'a', 0o600);
    const child = spawn(process.execPath, ['--enable-source-maps', options.program, folder.path], {
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}) },
    });
    closeSync(log);
    child.unref();
    child.on('error', () => undefined);
    const { socket } = folder.readAddress();
    const deadline = Date.now() + (options.startTimeout ?? 60_000);
    for (;;) {
      const connected = await connect(socket);
      if (connected) return SolverClient.greet(folder, connected, child);
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new SolverEndedError(endSentence(child, folder));
      }
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new SolverEndedError(
          `The solver process did not answer in time and was stopped; no file was changed. Its log: ${folder.logPath}`,
        );
      }
      await sleep(15);
    }
  }

  /** Connects to the solver of a job folder that some client started. Throws a LetheError when none is running. */
  static async attach(folder: JobFolder): Promise<SolverClient> {
    const { socket } = folder.readAddress();
    const connected = await connect(socket);
    if (!connected) {
      throw new SolverEndedError(
        `No solver process is running for ${folder.path}. Its log: ${folder.logPath}`,
      );
    }
    return SolverClient.greet(folder, connected, null);
  }

  private static async greet(
    folder: JobFolder,
    socket: Socket,
    child: ChildProcess | null,
  ): Promise<SolverClient> {
    const connection = createMessageConnection(
      new SocketMessageReader(socket),
      new SocketMessageWriter(socket),
    );
    connection.listen();
    const state = await connection.sendRequest(helloRequest, { token: folder.readAddress().token });
    const client = new SolverClient(folder, connection, socket, child, state);
    client.listen();
    return client;
  }

  private listen(): void {
    this.connection.onNotification(progressNotification, update => {
      this.latest = { ...this.latest, progress: update };
      for (const listener of this.listeners) listener.progress?.(update);
    });
    this.connection.onNotification(logNotification, ({ line }) => {
      for (const listener of this.listeners) listener.log?.(line);
    });
    this.connection.onNotification(endedNotification, state => {
      this.latest = state;
      this.settleEnded?.resolve(state);
    });
    this.connection.onError(() => undefined);
    this.connection.onClose(() => void this.lost());
  }

  /** The state as last heard. */
  get state(): JobState {
    return this.latest;
  }

  /** Hears progress and log lines until the returned function is called. */
  follow(listener: JobListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Starts the job of this solver. */
  async start(request: JobRequest): Promise<void> {
    this.latest = await this.guarded(this.connection.sendRequest(startRequest, request));
  }

  /** Asks the job to stop at its next step; `result` then rejects with a CancelledError. */
  async cancel(): Promise<void> {
    await this.guarded(this.connection.sendRequest(cancelRequest));
  }

  /** Reads a model in the solver process. Throws a LetheError with the solver's sentence. */
  async inspect(path: string, stats: boolean): Promise<ModelInspection> {
    try {
      return await this.guarded(this.connection.sendRequest(inspectRequest, { path, stats }));
    } catch (error) {
      throw error instanceof LetheError ? error : new LetheError((error as Error).message);
    }
  }

  /**
   * The job's result. Rejects with a CancelledError, a UsageError or a LetheError as the job ended, and with a
   * SolverEndedError when the process died.
   */
  async result(): Promise<RunResult> {
    const state = await this.ended;
    if (state.status === 'done' && state.result) return state.result;
    if (state.status === 'cancelled') throw new CancelledError();
    const failure = state.failure;
    if (failure?.kind === 'usage') throw new UsageError(failure.message);
    if (failure?.kind === 'failed') throw new LetheError(failure.message);
    throw new LetheError(
      `The job ended on a defect of Lethe (${failure?.message ?? 'unknown'}); no file was changed. The log tells where: ${this.folder.logPath}`,
    );
  }

  /** Leaves. The job goes on; with nothing left to do the solver ends. */
  detach(): void {
    this.connection.dispose();
    this.socket.destroy();
  }

  /** Leaves a job that has ended and removes its folder, unless the log may be needed. */
  finish(): void {
    this.detach();
    const keepsLog = this.latest.failure?.kind === 'defect' || !hasEnded(this.latest);
    if (!keepsLog) this.folder.remove();
  }

  /** Ends the solver process at once. For when it does not react to `cancel`. */
  kill(): void {
    const pid = this.child?.pid ?? this.folder.owner();
    if (pid === null || pid === undefined) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already, which was wanted.
    }
  }

  /** The connection closed: the job may have ended just before, else the process died. */
  private async lost(): Promise<void> {
    if (hasEnded(this.latest)) return;
    const { child } = this;
    for (
      let waited = 0;
      waited < 2000 && child && child.exitCode === null && child.signalCode === null;
      waited += 20
    ) {
      await sleep(20);
    }
    try {
      const state = this.folder.readState();
      if (hasEnded(state)) {
        this.latest = state;
        this.settleEnded?.resolve(state);
        return;
      }
    } catch {
      // No state to be read: the sentence below says what is known.
    }
    this.settleEnded?.reject(new SolverEndedError(endSentence(child, this.folder)));
  }

  /** A pending request that also ends when the process does. */
  private async guarded<T>(request: Promise<T>): Promise<T> {
    request.catch(() => undefined);
    const gone = this.ended.then(
      () => new Promise<never>(() => undefined),
      (error: unknown) => Promise.reject(error as Error),
    );
    return Promise.race([request, gone]);
  }
}

function endSentence(child: ChildProcess | null, folder: JobFolder): string {
  const how = child?.signalCode
    ? ` (killed by ${child.signalCode})`
    : child && child.exitCode !== null
      ? ` (exit code ${child.exitCode})`
      : '';
  const log = existsSync(folder.logPath) ? ` Its log: ${folder.logPath}` : '';
  return `The solver process ended without a result${how}; no file was changed, so the job can be run again.${log}`;
}

/** A connected socket, or null when nobody listens there. */
function connect(path: string): Promise<Socket | null> {
  return new Promise(resolve => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', () => resolve(null));
  });
}
