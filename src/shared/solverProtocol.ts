// The channel between a client (command line, editor) and the solver process: JSON-RPC requests and notifications.
import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ModelInspection } from './inspection';
import type { ProjectionProgress, RunResult } from './report';

/** What a job is asked to do. */
export interface JobRequest {
  /** Absolute path of the recipe file. */
  readonly recipe: string;
  /** `path=value` assignments on top of it, in order. */
  readonly assignments: readonly string[];
  /** The folder of an interrupted job of the same recipe, whose checkpoint this one takes up. */
  readonly resumeFrom?: string;
}

/** The file in a job's folder that an interrupted run is taken up from. */
export const checkpointName = 'checkpoint.bin';

/** What a job is busy with. */
export type JobPhase = 'opening' | 'measuring' | 'unlearning' | 'saving';

/** Where a job stands. */
export interface JobProgress {
  readonly phase: JobPhase;
  /** Counted from 1; absent outside the phase `unlearning`, like all that follows. */
  readonly epoch?: number;
  readonly epochs?: number;
  readonly step?: number;
  readonly steps?: number;
  /** The mean loss of the last batch. */
  readonly loss?: number;
  /** The orthogonality residual of the last projection. */
  readonly residual?: number;
  /** Estimated from the steps done so far. */
  readonly secondsLeft?: number;
  /** The projection that the run is in, where that takes iterations. */
  readonly projection?: ProjectionProgress;
}

/** Why a job ended without a result; `defect` is anything Lethe did not foresee. */
export interface JobFailure {
  readonly kind: 'failed' | 'usage' | 'defect';
  readonly message: string;
}

/** The state of a job, as kept in its folder and told to every client. */
export interface JobState {
  readonly id: string;
  readonly status: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly request: JobRequest | null;
  readonly progress: JobProgress | null;
  readonly result: RunResult | null;
  readonly failure: JobFailure | null;
}

/** Opens the channel: every other request is refused until the job's token was given. Gives the present state. */
export const helloRequest = new RequestType<{ readonly token: string }, JobState, void>('lethe/hello');

/** Starts the job; refused when one was started before. */
export const startRequest = new RequestType<JobRequest, JobState, void>('lethe/start');

/** Asks the job to stop at the next step. Answers at once; `lethe/ended` follows. */
export const cancelRequest = new RequestType0<JobState, void>('lethe/cancel');

/** Reads a model. Needs no job. */
export const inspectRequest = new RequestType<
  { readonly path: string; readonly stats: boolean },
  ModelInspection,
  JobFailure
>('lethe/inspect');

/** Tells where the job stands, at most ten times a second. */
export const progressNotification = new NotificationType<JobProgress>('lethe/progress');

/** A line for the log. */
export const logNotification = new NotificationType<{ readonly line: string }>('lethe/log');

/** The job ended: done, failed or cancelled. */
export const endedNotification = new NotificationType<JobState>('lethe/ended');

/** Whether nothing more will happen to a job. */
export function hasEnded(state: JobState): boolean {
  return state.status === 'done' || state.status === 'failed' || state.status === 'cancelled';
}
