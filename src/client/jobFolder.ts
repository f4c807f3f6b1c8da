// A job's folder: its state, its log, its lock with the process that owns it, and where its socket is.
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { LetheError } from '../shared/errors';
import type { JobState } from '../shared/solverProtocol';
import { processStart } from './processStart';

/** Which process owns a job. `started` tells it from a later process with the same id. */
export interface JobLock {
  readonly pid: number;
  readonly started: string;
}

/** How to reach a job's solver; only the person who started it can read this. */
export interface JobAddress {
  readonly socket: string;
  readonly token: string;
}

/** Longest Unix socket path that every supported system takes (macOS: 104 bytes with the final zero). */
const socketPathLimit = 100;

/**
 * The folder of all jobs: `LETHE_HOME/jobs`, else the system's place for a person's program state, else, where that
 * cannot be written, a temporary one.
 */
export function jobsFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment['LETHE_HOME'];
  if (given !== undefined) return join(given, 'jobs');
  const usual = join(stateHome(environment), 'jobs');
  try {
    mkdirSync(usual, { recursive: true, mode: 0o700 });
    accessSync(usual, constants.W_OK);
    return usual;
  } catch {
    const temporary = join(tmpdir(), `lethe-${userInfo().uid}`);
    ownFolder(temporary);
    return join(temporary, 'jobs');
  }
}

function stateHome(environment: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(environment['LOCALAPPDATA'] ?? homedir(), 'Lethe');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Lethe');
  return join(environment['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'lethe');
}

/** How long an ended job that nobody fetched is kept, in milliseconds. */
const keptFor = 30 * 24 * 3600 * 1000;

/** A job's folder on disk. */
export class JobFolder {
  constructor(readonly path: string) {}

  /** Makes the folder of a new job, readable by its owner only, with an address and the state `waiting`. */
  static create(parent: string): JobFolder {
    clearOldJobs(parent);
    const id = randomBytes(8).toString('hex');
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    const folder = new JobFolder(join(parent, id));
    mkdirSync(folder.path, { mode: 0o700 });
    const address = { socket: socketPath(folder.path, id), token: randomBytes(16).toString('hex') };
    writeFileSync(join(folder.path, 'address.json'), JSON.stringify(address), { mode: 0o600 });
    folder.writeState({ id, status: 'waiting', request: null, progress: null, result: null, failure: null });
    return folder;
  }

  get logPath(): string {
    return join(this.path, 'solver.log');
  }

  /** Throws a LetheError when the folder holds no job. */
  readAddress(): JobAddress {
    return this.readJson<JobAddress>('address.json');
  }

  /** Throws a LetheError when the folder holds no job. */
  readState(): JobState {
    return this.readJson<JobState>('state.json');
  }

  /** Replaces the state in one step: a reader sees the old one or the new one. */
  writeState(state: JobState): void {
    const temporary = join(this.path, `state.${process.pid}.tmp`);
    writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
    renameSync(temporary, join(this.path, 'state.json'));
  }

  /** Makes this process the job's owner. Throws a LetheError when a living process owns it. */
  lock(): void {
    const owner = this.owner();
    if (owner !== null) {
      throw new LetheError(
        `The job in ${this.path} is being worked on by process ${owner}. Wait for it or cancel it.`,
      );
    }
    rmSync(join(this.path, 'lock'), { force: true });
    const lock: JobLock = { pid: process.pid, started: processStart(process.pid) ?? '' };
    writeFileSync(join(this.path, 'lock'), JSON.stringify(lock), { mode: 0o600, flag: 'wx' });
  }

  /** The id of the living process that owns the job, or null. */
  owner(): number | null {
    let lock: JobLock;
    try {
      lock = JSON.parse(readFileSync(join(this.path, 'lock'), 'utf8')) as JobLock;
    } catch {
      return null;
    }
    const started = processStart(lock.pid);
    return started !== null && started === lock.started ? lock.pid : null;
  }

  /** Removes the folder and the socket. */
  remove(): void {
    const socket = this.addressIfAny()?.socket;
    if (socket !== undefined && process.platform !== 'win32') rmSync(socket, { force: true });
    // On Windows a solver that is about to end may still hold its log.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  private addressIfAny(): JobAddress | null {
    try {
      return this.readAddress();
    } catch {
      return null;
    }
  }

  private readJson<T>(name: string): T {
    try {
      return JSON.parse(readFileSync(join(this.path, name), 'utf8')) as T;
    } catch {
      throw new LetheError(
        `${this.path} holds no job that can be read (${name}). It may have ended and been cleared.`,
      );
    }
  }
}

/** The folders of all jobs below `parent`, in no particular order. */
export function listJobs(parent: string): JobFolder[] {
  try {
    return readdirSync(parent).map(name => new JobFolder(join(parent, name)));
  } catch {
    return [];
  }
}

/** Removes jobs that nobody works on and whose state has not changed for a month. */
export function clearOldJobs(parent: string, now: number = Date.now()): void {
  for (const job of listJobs(parent)) {
    const changed = statSync(job.path, { throwIfNoEntry: false })?.mtimeMs ?? now;
    if (now - changed > keptFor && job.owner() === null) job.remove();
  }
}

function socketPath(folder: string, id: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\lethe-${id}`;
  const inside = join(folder, 'socket');
  if (Buffer.byteLength(inside) <= socketPathLimit) return inside;
  for (const base of [tmpdir(), '/tmp']) {
    const candidate = join(base, `lethe-${userInfo().uid}`, id);
    if (Buffer.byteLength(candidate) <= socketPathLimit) {
      ownFolder(join(candidate, '..'));
      return candidate;
    }
  }
  throw new LetheError(
    `No folder with a path short enough for a socket was found. Set TMPDIR to a shorter path.`,
  );
}

/** Makes a folder that only this person can enter; refuses one that somebody else made. */
function ownFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const status = lstatSync(path);
  if (!status.isDirectory() || status.uid !== userInfo().uid) {
    throw new LetheError(
      `${path} belongs to somebody else, so no socket is put there. Set TMPDIR to a folder of yours.`,
    );
  }
  chmodSync(path, 0o700);
}
