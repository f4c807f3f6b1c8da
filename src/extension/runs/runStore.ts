// Finished runs and originals in the extension's storage, each in a folder named by the SHA-256 of its model.
// Knows no editor: plain files, so that it is tested on Node.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isSha256 } from '../../shared/documentState';
import { LetheError } from '../../shared/errors';
import type { MethodSettings } from '../../shared/recipe';
import type { RunResult } from '../../shared/report';
import type { DatasetBinding } from '../dataset/binding';
import { storedModelPath, storedModelSha256 } from './storedModel';

/** What is known about a finished run besides its model. */
export interface RunRecord {
  readonly version: 1;
  /** SHA-256 of the run's model, external data included. */
  readonly runId: string;
  /** Absolute path of the model that was unlearned. */
  readonly model: string;
  /** When the run ended, in milliseconds since 1970. */
  readonly created: number;
  /** The result, its paths inside the run's folder. */
  readonly result: RunResult;
  /** The samples it forgot, ascending. */
  readonly forgotten: readonly number[];
  /** The data it used. */
  readonly binding: DatasetBinding;
  /** The method as it was ordered; absent in records of earlier versions. */
  readonly settings?: MethodSettings;
}

const recordName = 'run.json';
const reportName = 'report';
/** A pending folder that nothing was written into for so long belongs to no job, in milliseconds. */
const abandonedAfter = 30 * 24 * 3600 * 1000;
/** The name of a run's recipe inside its folder. */
export const recipeName = 'recipe.unlearn.json';

/** The storage folder `root`: `runs/<sha256>`, `originals/<sha256>`, `pending/<id>`, `references/<name>.json`. */
export class RunStore {
  private known = new Map<string, RunRecord>();

  constructor(readonly root: string) {}

  /** The folder of a run. */
  folder(runId: string): string {
    return join(this.root, 'runs', checked(runId));
  }

  modelPath(runId: string): string {
    return storedModelPath(this.folder(runId));
  }

  recipePath(runId: string): string {
    return join(this.folder(runId), recipeName);
  }

  reportPath(runId: string): string {
    return join(this.folder(runId), reportName, 'report.html');
  }

  /** The model of an original that was kept. */
  snapshotPath(sha256: string): string {
    return storedModelPath(join(this.root, 'originals', checked(sha256)));
  }

  /** A record read before by `load`; undefined when there is none. */
  get(runId: string): RunRecord | undefined {
    return this.known.get(runId);
  }

  /** Runs of a model, the newest first. */
  ofModel(path: string): RunRecord[] {
    return [...this.known.values()]
      .filter(record => record.model === path)
      .sort((a, b) => b.created - a.created);
  }

  /** Reads the records of all runs. Folders without a readable record are left alone and left out. */
  async load(): Promise<void> {
    const found = new Map<string, RunRecord>();
    for (const name of await names(join(this.root, 'runs'))) {
      if (!isSha256(name)) continue;
      try {
        const text = await readFile(join(this.root, 'runs', name, recordName), 'utf8');
        const record = JSON.parse(text) as RunRecord;
        if (record.version === 1 && record.runId === name) found.set(name, record);
      } catch {
        continue;
      }
    }
    this.known = found;
  }

  /** A new folder to run a job in. */
  async newPending(): Promise<string> {
    const folder = join(this.root, 'pending', randomBytes(8).toString('hex'));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Gives up a folder made by `newPending`. Others are refused. */
  async dropPending(folder: string): Promise<void> {
    if (join(folder, '..') !== join(this.root, 'pending')) {
      throw new LetheError(`${folder} is no folder of a pending run.`);
    }
    await rm(folder, { recursive: true, force: true });
  }

  /**
   * Makes a pending folder, which holds a model, `report/` and the recipe, a finished run. A run with the same
   * model takes the place of the earlier one. `result` may name any paths; they become those of the run.
   */
  async adopt(
    pending: string,
    known: Omit<RunRecord, 'version' | 'runId' | 'created'>,
    created: number = Date.now(),
  ): Promise<RunRecord> {
    const runId = await storedModelSha256(pending);
    const folder = this.folder(runId);
    const report = join(folder, reportName);
    const record: RunRecord = {
      version: 1,
      runId,
      created,
      ...known,
      result: {
        ...known.result,
        output: join(folder, relative(pending, storedModelPath(pending))),
        report,
        receipt: join(report, 'receipt.json'),
      },
    };
    await writeFile(join(pending, recordName), JSON.stringify(record));
    await replaceFolder(pending, folder);
    this.known.set(runId, record);
    return record;
  }

  /** Keeps a pending folder that holds only a model as an original; gives its SHA-256. */
  async adoptOriginal(pending: string): Promise<string> {
    const sha256 = await storedModelSha256(pending);
    await replaceFolder(pending, join(this.root, 'originals', sha256));
    return sha256;
  }

  /** Remembers which original a run was saved over, so that both can be compared when the file holds the run. */
  async noteOriginal(runId: string, sha256: string): Promise<void> {
    await writeFile(join(this.folder(runId), 'original'), checked(sha256));
  }

  /** The kept original that a run was saved over, or null. */
  async originalOf(runId: string): Promise<string | null> {
    try {
      const sha256 = (await readFile(join(this.folder(runId), 'original'), 'utf8')).trim();
      return isSha256(sha256) && (await exists(this.snapshotPath(sha256))) ? sha256 : null;
    } catch {
      return null;
    }
  }

  /** Throws a LetheError when a run's model is not there or is not what its name says. */
  async verify(runId: string): Promise<void> {
    let sha256: string;
    try {
      sha256 = await storedModelSha256(this.folder(runId));
    } catch {
      throw new LetheError(
        `The result of this run is no longer in ${this.folder(runId)}. Run it again; the model file was not changed.`,
      );
    }
    if (sha256 !== runId) {
      throw new LetheError(
        `The result of this run was changed in ${this.folder(runId)}, so it is not used. Delete the run and run it again.`,
      );
    }
  }

  /** Removes a run. */
  async remove(runId: string): Promise<void> {
    this.known.delete(runId);
    await rm(this.folder(runId), { recursive: true, force: true });
  }

  /**
   * Says what `owner` needs: an open document (`pid` is its process, after whose end nothing is needed) or a backup
   * (null: until it is dropped). An empty list drops it.
   */
  async refer(owner: string, pid: number | null, names: readonly string[]): Promise<void> {
    const file = join(this.root, 'references', `${createHash('sha256').update(owner).digest('hex')}.json`);
    if (names.length === 0) return rm(file, { force: true });
    await mkdir(join(this.root, 'references'), { recursive: true });
    await writeFile(file, JSON.stringify({ pid, names }));
  }

  /** Removes the oldest runs and originals that nobody refers to until `quota` bytes are enough; gives their names. */
  async evict(quota: number): Promise<string[]> {
    await this.clearAbandoned();
    const needed = await this.referenced();
    const entries: { kind: 'runs' | 'originals'; name: string; bytes: number; changed: number }[] = [];
    for (const kind of ['runs', 'originals'] as const) {
      for (const name of await names(join(this.root, kind))) {
        const folder = join(this.root, kind, name);
        if (!isSha256(name)) continue;
        entries.push({ kind, name, bytes: await size(folder), changed: (await stat(folder)).mtimeMs });
      }
    }
    let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    const removed: string[] = [];
    for (const entry of entries.sort((a, b) => a.changed - b.changed)) {
      if (total <= quota) break;
      if (needed.has(entry.name)) continue;
      await rm(join(this.root, entry.kind, entry.name), { recursive: true, force: true });
      if (entry.kind === 'runs') this.known.delete(entry.name);
      total -= entry.bytes;
      removed.push(entry.name);
    }
    return removed;
  }

  /** Removes pending folders that no job can still be working in. */
  private async clearAbandoned(): Promise<void> {
    for (const name of await names(join(this.root, 'pending'))) {
      const folder = join(this.root, 'pending', name);
      const changed = (await stat(folder)).mtimeMs;
      if (Date.now() - changed > abandonedAfter) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Every name that somebody alive, or a backup, refers to. Entries of ended processes are cleared. */
  private async referenced(): Promise<Set<string>> {
    const needed = new Set<string>();
    const folder = join(this.root, 'references');
    for (const name of await names(folder)) {
      try {
        const { pid, names: wanted } = JSON.parse(await readFile(join(folder, name), 'utf8')) as {
          pid: number | null;
          names: string[];
        };
        if (pid !== null && !lives(pid)) await rm(join(folder, name), { force: true });
        else for (const each of wanted) needed.add(each);
      } catch {
        continue;
      }
    }
    return needed;
  }
}

/** Renames `from` to `to`, putting an earlier `to` out of the way first. */
async function replaceFolder(from: string, to: string): Promise<void> {
  await mkdir(join(to, '..'), { recursive: true, mode: 0o700 });
  const old = `${to}.${randomBytes(4).toString('hex')}.old`;
  const had = await exists(to);
  if (had) await rename(to, old);
  await rename(from, to);
  if (had) await rm(old, { recursive: true, force: true });
}

async function size(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sum;
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function checked(sha256: string): string {
  if (isSha256(sha256)) return sha256;
  throw new LetheError(`${JSON.stringify(sha256)} names nothing in storage.`);
}
