// Jobs of this window: started, followed in a notification and the status bar, found again after a window reload.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { JobFolder } from '../../client/jobFolder';
import type { SolverClient } from '../../client/solverClient';
import { CancelledError, LetheError, messageOf } from '../../shared/errors';
import { samplesText } from '../../shared/numberText';
import { progressText } from '../../shared/progressText';
import type { RunResult } from '../../shared/report';
import type { JobProgress } from '../../shared/solverProtocol';
import type { Host } from '../host';
import type { RunningJob } from '../modelEditor/modelDocument';
import { collectRun } from './collect';
import { readOrder, writeOrder, type JobOrder } from './jobFile';
import type { RunRecord } from './runStore';

/** How long a job may take to heed a cancellation before its process is ended, in milliseconds. */
const patience = 10_000;
/** Lines of a solver's log that are kept when its job failed. */
const logLines = 200;

/** A job that this window follows. */
interface FollowedJob {
  readonly order: JobOrder;
  readonly client: SolverClient;
  cancelled: boolean;
}

/** Starts and follows jobs, one at a time. */
export class Jobs implements vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly item = vscode.window.createStatusBarItem(
    'lethe.progress',
    vscode.StatusBarAlignment.Left,
    10,
  );
  private current: FollowedJob | null = null;
  private busy: Promise<unknown> = Promise.resolve();
  private starting = false;
  private disposed = false;

  /** A job began or ended. */
  readonly onDidChange = this.changes.event;

  constructor(private readonly host: Host) {
    this.item.name = 'Lethe';
    this.item.command = 'workbench.view.extension.lethe';
  }

  /** Whether a job is under way. */
  get running(): boolean {
    return this.current !== null || this.starting;
  }

  /** The process of the job under way; null when none is. */
  get processId(): number | null {
    return this.current?.client.folder.owner() ?? null;
  }

  /** The job under way on a model, or null. */
  runningOn(model: string): RunningJob | null {
    const job = this.current;
    return job?.order.model === model
      ? { method: job.order.method, progress: job.client.state.progress }
      : null;
  }

  /** Resolves when no job is under way and the last one's result was dealt with. */
  async idle(): Promise<void> {
    await this.busy.catch(() => undefined);
  }

  /**
   * Starts a job and follows it to its end. Gives the run, or null when it failed or was cancelled, which has been
   * said by then. Throws a LetheError when a job is under way already or the workspace is not trusted.
   */
  start(order: JobOrder): Promise<RunRecord | null> {
    if (!vscode.workspace.isTrusted) {
      throw new LetheError(
        'This workspace is in Restricted Mode, so models are viewed but nothing is run. Trust it first.',
      );
    }
    if (this.running) throw new LetheError('A run is under way. Wait for it to end, or cancel it first.');
    this.starting = true;
    const work = this.launch(order);
    this.busy = work;
    return work;
  }

  /** Asks the job under way to stop at its next step. */
  async cancel(): Promise<void> {
    const job = this.current;
    if (job === null || job.cancelled) return;
    job.cancelled = true;
    this.item.text = '$(sync~spin) Cancelling…';
    setTimeout(() => this.current === job && job.client.kill(), patience);
    await job.client.cancel().catch(() => undefined);
  }

  /** Takes up the jobs that this workspace's window left behind: follows what runs, keeps what has ended. */
  async takeUp(): Promise<void> {
    const left = this.leftBehind();
    if (left.length === 0) return;
    const { JobFolder: Folder } = await import('../../client/jobFolder');
    for (const { path, order } of left) {
      const work = this.resume(new Folder(path), order).catch((error: unknown) => this.report(error, order));
      this.busy = Promise.all([this.busy.catch(() => undefined), work]);
    }
  }

  dispose(): void {
    // The job goes on; a later window finds it by its folder.
    this.disposed = true;
    this.item.dispose();
    this.changes.dispose();
  }

  private get folder(): string {
    return join(this.host.context.globalStorageUri.fsPath, 'jobs');
  }

  private leftBehind(): { path: string; order: JobOrder }[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch {
      return [];
    }
    return names.flatMap(name => {
      const path = join(this.folder, name);
      const order = readOrder(path);
      return order?.workspace === this.host.workspaceName ? [{ path, order }] : [];
    });
  }

  private async launch(order: JobOrder): Promise<RunRecord | null> {
    let client: SolverClient;
    this.changes.fire();
    try {
      if (!existsSync(this.host.solver)) {
        throw new LetheError(`${this.host.solver} is missing, so nothing can be run. Install Lethe again.`);
      }
      const { SolverClient: Client } = await import('../../client/solverClient');
      client = await Client.launch({ program: this.host.solver, jobs: this.folder });
      writeOrder(client.folder.path, order);
    } catch (error) {
      this.starting = false;
      this.changes.fire();
      if (order.pending !== null) await this.host.runs.dropPending(order.pending);
      this.report(error, order);
      return null;
    }
    return this.follow(client, order, () =>
      client.start({ recipe: order.recipe, assignments: order.assignments }),
    );
  }

  private async resume(folder: JobFolder, order: JobOrder): Promise<void> {
    const { SolverClient: Client } = await import('../../client/solverClient');
    if (folder.owner() !== null) {
      try {
        await this.follow(await Client.attach(folder), order, () => Promise.resolve());
        return;
      } catch (error) {
        // It may have ended between the two looks; its state says so.
        this.host.log.info(messageOf(error));
      }
    }
    const state = folder.readState();
    if (state.status === 'done' && state.result) {
      await this.keep(order, state.result);
    } else {
      if (order.pending !== null) await this.host.runs.dropPending(order.pending);
      if (state.status === 'failed') this.report(new LetheError(state.failure?.message ?? ''), order, folder);
      else if (state.status !== 'cancelled') {
        const message =
          'The solver process ended without a result while no window was open; no file was changed, so the job can be run again.';
        this.report(new LetheError(message), order, folder);
      }
    }
    folder.remove();
  }

  private async follow(
    client: SolverClient,
    order: JobOrder,
    begin: () => Promise<void>,
  ): Promise<RunRecord | null> {
    const job: FollowedJob = { order, client, cancelled: false };
    this.current = job;
    this.starting = false;
    this.host.documentOf(order.model)?.setRunning({ method: order.method, progress: client.state.progress });
    this.changes.fire();
    const outcome = vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: titleOf(order), cancellable: true },
      async (bar, token) => {
        token.onCancellationRequested(() => void this.cancel());
        let share = 0;
        const show = (update: JobProgress): void => {
          const text = progressText(update);
          const now = update.step !== undefined && update.steps ? update.step / update.steps : share;
          bar.report({ message: text, increment: Math.max(0, 100 * (now - share)) });
          share = Math.max(share, now);
          if (!job.cancelled) this.item.text = `$(sync~spin) ${text}`;
          this.host.documentOf(order.model)?.setProgress(update);
        };
        this.item.tooltip = titleOf(order);
        this.item.text = '$(sync~spin) Starting the solver';
        this.item.show();
        if (client.state.progress) show(client.state.progress);
        client.follow({ progress: show, log: line => this.host.log.info(`solver: ${line}`) });
        await begin();
        return client.result();
      },
    );
    try {
      const result = await outcome;
      return await this.keep(order, result);
    } catch (error) {
      // A window that closes loses its connection, not its job.
      if (this.disposed) return null;
      if (order.pending !== null) await this.host.runs.dropPending(order.pending);
      if (error instanceof CancelledError || job.cancelled) {
        vscode.window.setStatusBarMessage('Cancelled. The model is as it was.', 8000);
      } else {
        this.report(error, order, client.folder);
      }
      return null;
    } finally {
      if (!this.disposed) this.end(job);
    }
  }

  private end(job: FollowedJob): void {
    this.item.hide();
    job.client.detach();
    job.client.folder.remove();
    if (this.current === job) this.current = null;
    this.host.documentOf(job.order.model)?.setRunning(null);
    this.changes.fire();
  }

  private async keep(order: JobOrder, result: RunResult): Promise<RunRecord> {
    await this.host.loadRuns();
    const record = await collectRun(this.host.runs, this.host.viewer, order, result);
    await this.host.propose(order.model, record.runId);
    this.host.runsChanged();
    await this.host.evictRuns();
    this.host.announce(record, order);
    return record;
  }

  /** One notification; the solver's log goes to ours before its folder is removed. */
  private report(error: unknown, order: JobOrder, folder?: JobFolder): void {
    const { log } = this.host;
    let message = messageOf(error);
    if (folder) {
      for (const line of tail(folder.logPath)) log.info(`solver: ${line}`);
      // The file that the sentence names is about to go; its lines are in our log.
      message = message.replace(/ (Its log|The log tells where): .*$/s, '');
    }
    log.error(`${order.recipe}: ${message}`);
    this.host.showFailure(message);
  }
}

function titleOf(order: JobOrder): string {
  const name = order.model.split(/[\\/]/).at(-1)!;
  return order.samples === null
    ? `Lethe: running ${order.recipe.split(/[\\/]/).at(-1)!}`
    : `Lethe: unlearning ${samplesText(order.samples)} from ${name}`;
}

function tail(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-logLines);
  } catch {
    return [];
  }
}
