// Puts new files in the place of old ones: all of them or none, whatever fails on the way.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ModelError, systemCode } from './errors';
import {
  keepMode,
  removeQuietly,
  saveFailure,
  syncFolder,
  writeFully,
  type FileOperations,
} from './fileOperations';
import { applyEntries, isAlive, journalPath, undoEntries, writeJournal, type JournalEntry } from './journal';

/** A file to be written: its place and its new content. */
export interface NewFile {
  readonly path: string;
  content(): Iterable<Uint8Array>;
}

/**
 * Writes new files into the folder of `target` (or below it), each to a temporary file first, and moves them into
 * place together. `check` runs when all are written and nothing is in place yet; what it throws stops the save.
 * Throws a ModelError when the disk is full or the folder may not be written to; every file is then as it was.
 */
export function replaceFiles(
  target: string,
  newFiles: readonly NewFile[],
  files: FileOperations,
  check: () => void,
): void {
  const folder = dirname(target);
  // Random, so that nothing left behind by an earlier process is taken for ours.
  const stem = `.${basename(target)}.${process.pid}.${randomBytes(6).toString('hex')}.`;
  const name = (index: number, kind: string): string => join(folder, `${stem}${index}.lethe-${kind}`);
  const entries = newFiles.map((file, index): JournalEntry => ({
    temporary: name(index, 'new'),
    target: file.path,
    backup: name(index, 'old'),
  }));
  try {
    removeAbandoned(files, target);
    newFiles.forEach((file, index) => writeNew(files, entries[index]!.temporary, file));
    check();
    const [first, ...others] = entries;
    if (first && others.length === 0) {
      files.rename(first.temporary, first.target);
      // The file is in place; only a power cut in the next moments could still undo that.
      syncQuietly(files, folder);
    } else moveTogether(files, target, name(entries.length, 'new'), entries);
  } catch (error) {
    // Once the journal could not be undone, the new files must stay for the next open to complete the save.
    if (!existsSync(journalPath(target))) for (const entry of entries) removeQuietly(files, entry.temporary);
    throw saveFailure(target, error);
  }
}

function writeNew(files: FileOperations, temporary: string, file: NewFile): void {
  const descriptor = files.create(temporary);
  try {
    if (existsSync(file.path)) keepMode(descriptor, statSync(file.path));
    for (const bytes of file.content()) writeFully(files, descriptor, bytes);
    files.sync(descriptor);
  } finally {
    files.close(descriptor);
  }
}

function moveTogether(
  files: FileOperations,
  target: string,
  journalDraft: string,
  entries: readonly JournalEntry[],
): void {
  try {
    writeJournal(files, target, journalDraft, entries);
    applyEntries(files, entries);
    syncFolder(files, dirname(target));
  } catch (error) {
    takeBack(files, target, entries);
    throw error;
  }
  for (const entry of entries) removeQuietly(files, entry.backup);
  removeQuietly(files, journalPath(target));
  syncQuietly(files, dirname(target));
}

function syncQuietly(files: FileOperations, folder: string): void {
  try {
    syncFolder(files, folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

function takeBack(files: FileOperations, target: string, entries: readonly JournalEntry[]): void {
  try {
    undoEntries(files, entries);
    if (existsSync(journalPath(target))) files.remove(journalPath(target));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new ModelError(
      target,
      `The disk failed in the middle of saving (${(error as Error).message}).`,
      'All bytes are safe; open the model again when the disk works, and the save will be completed.',
    );
  }
}

/** Removes temporary files that a save to the same target left behind when its process was killed. */
function removeAbandoned(files: FileOperations, target: string): void {
  const folder = dirname(target);
  const prefix = `.${basename(target)}.`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(\d+)\.[0-9a-f]+\.\d+\.lethe-new$/.exec(name.slice(prefix.length));
    // A journal would have been completed before; without one the file was never finished.
    if (match && (Number(match[1]) === process.pid || !isAlive(Number(match[1])))) {
      removeQuietly(files, join(folder, name));
    }
  }
}
