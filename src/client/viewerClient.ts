// An editor's side of the viewer: starts the process and asks it. Imports nothing that parses a model.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type Disposable,
  type MessageConnection,
  type NotificationType,
  type RequestType,
} from 'vscode-jsonrpc/node';
import { CancelledError, LetheError } from '../shared/errors';
import { cancelledCode, type ViewerFailure } from '../shared/viewerProtocol';

/** The viewer process ended, so what was asked has no answer. A new one can be started. */
export class ViewerEndedError extends LetheError {
  override readonly name = 'ViewerEndedError';
}

/** The viewer met something that Lethe did not foresee; its log has the details. */
export class ViewerDefectError extends LetheError {
  override readonly name = 'ViewerDefectError';
}

/** A running viewer process. */
export class ViewerClient {
  private readonly gone: Promise<ViewerEndedError>;
  private disposed = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly connection: MessageConnection,
  ) {
    this.gone = new Promise(resolve => {
      // `close` comes after everything the process wrote was read, answers included.
      child.once('close', () => resolve(new ViewerEndedError(this.endSentence())));
    });
    connection.onError(() => undefined);
    connection.listen();
  }

  /**
   * Starts a viewer: `program` is the bundled solver (`dist/solver.js`), `log` gets every line it writes for its log.
   * Throws a ViewerEndedError when it cannot be started.
   */
  static async start(program: string, log: (line: string) => void): Promise<ViewerClient> {
    if (!existsSync(program)) {
      throw new ViewerEndedError(`${program} is missing, so models cannot be read. Install Lethe again.`);
    }
    const child = spawn(process.execPath, ['--enable-source-maps', program, 'view'], {
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}) },
    });
    createInterface({ input: child.stderr }).on('line', log);
    // Writing to a process that has just ended fails; its end is told by `close`.
    child.stdin.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', error =>
        reject(new ViewerEndedError(`The viewer process could not be started (${error.message}).`)),
      );
    });
    child.on('error', error => log(error.message));
    return new ViewerClient(
      child,
      createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin)),
    );
  }

  /**
   * Asks the viewer. Rejects with a LetheError that holds the sentence to show, a CancelledError when `token` was
   * cancelled, a ViewerDefectError, or a ViewerEndedError when the process ended before its answer.
   */
  async request<P, R>(
    type: RequestType<P, R, ViewerFailure>,
    params: P,
    token?: CancellationToken,
  ): Promise<R> {
    if (token?.isCancellationRequested) throw new CancelledError();
    const ended = this.gone.then(error => Promise.reject(error));
    ended.catch(() => undefined);
    try {
      // The library's own type asks whether P may be null, which cannot be told of a type parameter.
      const plain = type as unknown as RequestType<unknown, R, ViewerFailure>;
      const answer = this.connection.sendRequest(plain, params, token);
      answer.catch(() => undefined);
      return await Promise.race([answer, ended]);
    } catch (error) {
      if (error instanceof LetheError) throw error;
      if (error instanceof ResponseError) {
        if (error.code === cancelledCode) throw new CancelledError();
        const failure = error.data as ViewerFailure | undefined;
        if (failure?.kind === 'failed') throw new LetheError(failure.message);
        if (failure?.kind === 'defect') throw new ViewerDefectError(failure.message);
      }
      if (this.disposed || this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new ViewerEndedError(this.endSentence());
      }
      throw error;
    }
  }

  /** The id of the process. */
  get processId(): number | null {
    return this.child.pid ?? null;
  }

  /** Hears what the viewer tells by itself, until disposed. */
  onNotification<P>(type: NotificationType<P>, handler: (params: P) => void): Disposable {
    return this.connection.onNotification(type, handler);
  }

  /** Hears of the end of the process once, with a sentence; not when it was this client that ended it. */
  onExit(listener: (sentence: string) => void): Disposable {
    let wanted = true;
    void this.gone.then(error => {
      if (wanted && !this.disposed) listener(error.message);
    });
    return { dispose: () => void (wanted = false) };
  }

  /** Ends the process: at once when it is idle, else as soon as its present step allows. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.connection.dispose();
    this.child.stdin?.end();
  }

  private endSentence(): string {
    if (this.disposed) return 'The viewer process was ended.';
    const { exitCode, signalCode } = this.child;
    const how = signalCode ? `killed by ${signalCode}` : `exit code ${exitCode}`;
    return `The process that reads models and data ended unexpectedly (${how}). No file was changed; try again.`;
  }
}
