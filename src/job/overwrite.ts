// What may be written where: never over what is read, never onto anything but a regular file.
import { realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { UsageError } from '../shared/errors';

/** A file to be written, and the key or option by which its path was given. */
export interface Target {
  readonly path: string;
  /** As people wrote it: `"output"`, `--out`. */
  readonly key: string;
}

/** A file or folder that is read, and what to call it. */
export interface Source {
  readonly path: string;
  readonly role: string;
}

/** Throws a UsageError when a target is a source, or lies inside a folder that is one. */
export function requireUnread(targets: readonly Target[], sources: readonly Source[]): void {
  for (const { path, key } of targets) {
    for (const source of sources) {
      if (sameFile(path, source.path)) throw isRead(path, source.role, key);
      if (status(source.path)?.isDirectory() && isInside(path, source.path)) {
        throw new UsageError(
          `${path} lies inside ${source.path}, which is ${source.role}. Choose a path outside it for ${key}.`,
        );
      }
    }
  }
}

/** The same for very many files, of which each costs one look: throws when a target that exists is one of them. */
export function requireNoneOf(targets: readonly Target[], files: readonly string[], role: string): void {
  const present = new Map<string, Target>();
  for (const target of targets) {
    const found = identity(target.path);
    if (found !== null) present.set(found, target);
  }
  if (present.size === 0) return;
  for (const file of files) {
    const found = identity(file);
    const target = found === null ? undefined : present.get(found);
    if (target) throw isRead(target.path, role, target.key);
  }
}

/** Throws a UsageError for a target where something else than a regular file is, or on the way to which a file is. */
export function requireReplaceable(targets: readonly Target[]): void {
  for (const { path, key } of targets) {
    const kind = kindOf(path);
    if (kind !== null && kind !== 'a file') {
      throw new UsageError(
        `${path} is ${kind}, but a file is to be written there. Choose another path for ${key}.`,
      );
    }
    for (let folder = dirname(path); kind === null; folder = dirname(folder)) {
      const above = kindOf(folder);
      if (above !== null && above !== 'a folder') {
        throw new UsageError(
          `${path} cannot be written because ${folder} is ${above} and no folder. Choose another path for ${key}.`,
        );
      }
      if (above !== null || dirname(folder) === folder) break;
    }
  }
}

/** Throws a UsageError when two targets of different keys are one file, or one would have to be the folder of another. */
export function requireApart(targets: readonly Target[]): void {
  for (const target of targets) {
    for (const other of targets) {
      if (target.key === other.key) continue;
      if (sameFile(target.path, other.path) || isInside(target.path, other.path)) {
        throw new UsageError(
          `${target.path} cannot be written beside ${other.path}: ${target.key} and ${other.key} lead to the same place. ` +
            `Choose another path for ${target.key}.`,
        );
      }
    }
  }
}

/** Whether two paths lead to the same file, through links and whatever case the file system ignores. */
export function sameFile(a: string, b: string): boolean {
  if (realPath(a) === realPath(b)) return true;
  const left = identity(a);
  return left !== null && left === identity(b);
}

/** What is at a path, in words; null where nothing is. */
export function kindOf(path: string): string | null {
  const found = status(path);
  if (found === null) return null;
  if (found.isFile()) return 'a file';
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

function isRead(path: string, role: string, key: string): UsageError {
  return new UsageError(`${path} is ${role}, which a run never replaces. Choose another path for ${key}.`);
}

/** The path with links resolved as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

/** Whether a path lies below a folder, links resolved. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(realPath(folder), realPath(path));
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(way) !== way;
}

/** Equal for two names of one file; null where there is none, or the file system does not number its files. */
function identity(path: string): string | null {
  const found = status(path);
  return found === null || found.ino === 0n ? null : `${found.dev}:${found.ino}`;
}

function status(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
