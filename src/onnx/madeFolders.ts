// Folders that a save makes, and takes away again when it fails.
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder with those above it and gives the ones that were not there, the outermost first. */
export function makeFolder(folder: string): string[] {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return [];
  const made: string[] = [];
  for (let path = folder; path.length >= first.length; path = dirname(path)) made.unshift(path);
  return made;
}

/** Removes a folder that is still empty. */
export function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something else was put there, or the folder cannot be removed: it is empty of ours either way.
  }
}
