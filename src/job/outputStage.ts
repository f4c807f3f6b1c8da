// Outputs that appear all together or not at all: written beside their targets first, then renamed into place.
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, normalize, sep } from 'node:path';
import { LetheError } from '../shared/errors';
import { makeFolder, removeEmpty } from '../onnx/madeFolders';

/** A staged file and where it goes. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/** A file that could not be written. */
export class OutputError extends LetheError {
  override readonly name = 'OutputError';
}

/** Staging folders carry the host and the process, so that only their own machine judges whether they are left over. */
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
const stagingName = /^\.lethe-partial-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/;

/** The outputs of one run. Call `commit` or `abandon` exactly once. */
export class OutputStage {
  private readonly folders = new Map<string, string>();
  private readonly moves: Move[] = [];

  /**
   * `targets` are the files this run may write. Runs of the same outputs that were killed are cleared up first: one
   * that had begun to rename is completed, others are removed.
   */
  constructor(targets: readonly string[]) {
    const places = new Set(targets.map(target => existingFolder(dirname(target))));
    for (const place of places) clearLeftovers(place, new Set(targets));
  }

  /** A path to write the file that will become `target`, on the same file system. Throws an OutputError. */
  stage(target: string): string {
    const place = existingFolder(dirname(target));
    let folder = this.folders.get(place);
    if (folder === undefined) {
      folder = join(place, `.lethe-partial-${host}-${process.pid}-${randomBytes(4).toString('hex')}`);
      guarded(folder, () => mkdirSync(folder!, { mode: 0o700 }));
      this.folders.set(place, folder);
    }
    const group = join(folder, `${this.moves.length}`);
    guarded(target, () => mkdirSync(group));
    const from = join(group, basename(target));
    this.moves.push({ from, to: target });
    return from;
  }

  /**
   * The files that a writer made of a staged path: the one itself and those it put beside it (external data), which go
   * beside its target; of a folder the files `inside` it, which go into the target.
   */
  adoptFiles(target: string, inside: readonly string[] | null): Move[] {
    const at = this.moves.findIndex(({ to }) => to === target);
    const { from } = this.moves[at]!;
    const below = (name: string): Move => ({ from: join(from, name), to: join(target, name) });
    const beside = readdirSync(dirname(from)).filter(name => name !== basename(from));
    const files = inside?.map(below) ?? [
      { from, to: target },
      ...beside.map(name => ({ from: join(dirname(from), name), to: join(dirname(target), name) })),
    ];
    this.moves.splice(at, 1, ...files);
    return files;
  }

  /** Writes a text that will become `target`. Throws an OutputError that names the target. */
  write(target: string, content: string | Uint8Array): void {
    const path = this.stage(target);
    guarded(target, () => writeFileSync(path, content));
  }

  /**
   * Puts every staged file in its place. When one cannot be, those before it get their old content back, and an
   * OutputError says which and why.
   */
  commit(): void {
    for (const { from, to } of this.moves) guarded(to, () => synchronise(from));
    const folders = [...this.folders.values()];
    const journal = folders[0] === undefined ? null : join(folders[0], 'journal.json');
    const done: { to: string; backup: string | null }[] = [];
    const made: string[] = [];
    try {
      for (const { to } of this.moves) guarded(to, () => made.push(...makeFolder(dirname(to))));
      const backups = this.moves.map(({ from, to }, index) => {
        const backup = join(dirname(from), `old-${index}`);
        if (!existsSync(to)) return null;
        guarded(to, () => keepOld(to, backup));
        return backup;
      });
      if (journal !== null) {
        guarded(journal, () => {
          writeFileSync(journal, JSON.stringify(this.moves));
          synchronise(journal);
        });
      }
      this.moves.forEach(({ from, to }, index) => {
        guarded(to, () => renameSync(from, to));
        done.push({ to, backup: backups[index] ?? null });
      });
    } catch (error) {
      for (const { to, backup } of done.reverse()) {
        if (backup === null) rmSync(to, { force: true });
        else renameSync(backup, to);
      }
      if (journal !== null) rmSync(journal, { force: true });
      made.reverse().forEach(removeEmpty);
      throw error;
    } finally {
      this.abandon();
    }
  }

  /** Removes everything staged; the targets stay as they are. */
  abandon(): void {
    for (const folder of this.folders.values()) rmSync(folder, { recursive: true, force: true });
  }
}

/** Does something that writes `target` and turns what the file system says into a sentence. */
export function guarded<T>(target: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw outputError(target, error);
  }
}

/** The sentence for a failed write; errors that are sentences already, or are no file system's, pass through. */
export function outputError(target: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof LetheError || code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  const unchanged = 'Every file is as it was.';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new OutputError(
        `${target} could not be written: the disk is full. Free some space or choose another place. ${unchanged}`,
      );
    case 'EFBIG':
      return new OutputError(
        `${target} could not be written: it is larger than files may be there. Choose another place. ${unchanged}`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new OutputError(
        `${target} could not be written: this account may not write there. Choose another place. ${unchanged}`,
      );
    default:
      return new OutputError(`${target} could not be written (${code}). Choose another place. ${unchanged}`);
  }
}

/** The same error with the place where a file was staged replaced by where it was to go. */
export function restated(error: unknown, staged: string, target: string): unknown {
  if (!(error instanceof LetheError) || !error.message.includes(dirname(staged))) return error;
  return new OutputError(error.message.replaceAll(dirname(staged), dirname(target)));
}

/** The nearest folder on the way up that exists: renaming from there stays on one file system, mounts aside. */
function existingFolder(folder: string): string {
  if (existsSync(folder) || dirname(folder) === folder) return folder;
  return existingFolder(dirname(folder));
}

function synchronise(path: string): void {
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Keeps a file's present content under another name: as a link, or a copy where links are not to be had. */
function keepOld(path: string, backup: string): void {
  try {
    linkSync(path, backup);
  } catch {
    copyFileSync(path, backup);
  }
}

function clearLeftovers(place: string, targets: ReadonlySet<string>): void {
  let names: string[];
  try {
    names = readdirSync(place);
  } catch {
    return;
  }
  for (const name of names) {
    const match = stagingName.exec(name);
    if (!match || match[1] !== host || lives(Number(match[2]))) continue;
    const folder = join(place, name);
    const moves = readJournal(join(folder, 'journal.json'));
    if (moves === null) {
      rmSync(folder, { recursive: true, force: true });
    } else if (
      moves.every(({ from, to }) => targets.has(to) && normalize(from).startsWith(`${folder}${sep}`))
    ) {
      for (const { from, to } of moves) if (existsSync(from)) guarded(to, () => renameSync(from, to));
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function readJournal(path: string): Move[] | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Move[];
  } catch {
    return null;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
