// The journal of a save that replaces several files: what is left of it when the machine stops in between is finished
// when the model is next opened.
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ModelError, systemCode } from './errors';
import { isPlainRelative } from './externalData';
import {
  removeQuietly,
  saveFailure,
  syncFolder,
  writeFully,
  type FileOperations,
  realFiles,
} from './fileOperations';

/** One file of a save: the finished new file, its place, and where the old one is kept until all is done. */
export interface JournalEntry {
  readonly temporary: string;
  readonly target: string;
  readonly backup: string;
}

/** Longer than any save takes between its first and last rename. */
const busyMilliseconds = 60_000;

/** The journal of saves to a model file. */
export function journalPath(target: string): string {
  return join(dirname(target), `.${basename(target)}.lethe-journal`);
}

/**
 * Writes the journal, by way of the file `temporary`; from here on the save will be completed, by this process or a
 * later one.
 */
export function writeJournal(
  files: FileOperations,
  target: string,
  temporary: string,
  entries: readonly JournalEntry[],
): void {
  const folder = dirname(target);
  const inside = (path: string): string => relative(folder, path).split(sep).join('/');
  const text = JSON.stringify({
    version: 1,
    process: process.pid,
    files: entries.map(entry => ({
      temporary: inside(entry.temporary),
      target: inside(entry.target),
      backup: inside(entry.backup),
    })),
  });
  const path = journalPath(target);
  try {
    const descriptor = files.create(temporary);
    try {
      writeFully(files, descriptor, Buffer.from(text));
      files.sync(descriptor);
    } finally {
      files.close(descriptor);
    }
    files.rename(temporary, path);
  } catch (error) {
    removeQuietly(files, temporary);
    throw error;
  }
  syncFolder(files, folder);
}

/** Puts the new files in place. What is in place already, from an interrupted run, is left alone. */
export function applyEntries(files: FileOperations, entries: readonly JournalEntry[]): void {
  for (const { temporary, target, backup } of entries) {
    if (!existsSync(temporary)) continue;
    if (existsSync(target) && !existsSync(backup)) files.rename(target, backup);
    files.rename(temporary, target);
  }
}

/** Takes back what `applyEntries` did; the journal stays valid until the last step. */
export function undoEntries(files: FileOperations, entries: readonly JournalEntry[]): void {
  for (const { temporary, target, backup } of [...entries].reverse()) {
    if (!existsSync(temporary) && existsSync(target)) files.rename(target, temporary);
    if (existsSync(backup)) files.rename(backup, target);
  }
}

/**
 * Completes a save to `target` that was interrupted after its journal was written: its new files are whole by then.
 * Gives true when there was something to complete. Throws a ModelError when another process is in the middle of such
 * a save, the journal is damaged, or the folder may not be written to.
 */
export function recoverSave(target: string, files: FileOperations = realFiles): boolean {
  const path = journalPath(resolve(target));
  const text = readJournal(path);
  if (text === null) return false;
  const entries = parseJournal(path, text);
  if (entries === null) {
    throw new ModelError(target, 'Another process is saving this model right now.', 'Try again in a minute.');
  }
  try {
    applyEntries(files, entries);
    syncFolder(files, dirname(path));
    for (const entry of entries) if (existsSync(entry.backup)) files.remove(entry.backup);
    files.remove(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new ModelError(
      target,
      `An interrupted save cannot be completed (${(error as Error).message}).`,
      'Make its folder writable and open the model again.',
    );
  }
  return true;
}

function readJournal(path: string): string | null {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > 2 ** 20) throw damagedJournal(path);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw systemCode(error) === undefined ? error : saveFailure(path, error);
  }
}

/** The entries of a journal, or null while the process that wrote it is still at work. */
function parseJournal(path: string, text: string): JournalEntry[] | null {
  let journal: unknown;
  try {
    journal = JSON.parse(text);
  } catch {
    throw damagedJournal(path);
  }
  if (
    typeof journal !== 'object' ||
    journal === null ||
    !('files' in journal) ||
    !Array.isArray(journal.files)
  ) {
    throw damagedJournal(path);
  }
  const owner = 'process' in journal && typeof journal.process === 'number' ? journal.process : 0;
  if (owner !== process.pid && isAlive(owner) && Date.now() - statSync(path).mtimeMs < busyMilliseconds)
    return null;
  const folder = dirname(path);
  return journal.files.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw damagedJournal(path);
    const place = (key: string): string => {
      const value: unknown = (entry as Record<string, unknown>)[key];
      // The journal lies in a folder that anyone may have filled: it may move files within it only.
      if (typeof value !== 'string' || !isPlainRelative(value)) throw damagedJournal(path);
      return join(folder, value);
    };
    return { temporary: place('temporary'), target: place('target'), backup: place('backup') };
  });
}

/** Whether a process runs. */
export function isAlive(id: number): boolean {
  if (!Number.isSafeInteger(id) || id <= 0) return false;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function damagedJournal(path: string): ModelError {
  return new ModelError(
    path,
    'This file should say how to complete an interrupted save, but it is damaged.',
    'Delete it, and check that the model and its data files belong together.',
  );
}
