// What the journey reads beside the screen: files on disk and running solvers.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobFolder } from '../../src/client/jobFolder';
import { decodeNpz } from '../../src/tensor/npz';

/** The SHA-256 of a file. */
export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** How many samples of an npz file carry a label. */
export function countLabel(path: string, label: number): number {
  const labels = decodeNpz(readFileSync(path), path).get('labels');
  if (!labels || !('data' in labels)) throw new Error(`${path} holds no labels.`);
  return [...(labels.data as Iterable<number | bigint>)].filter(value => Number(value) === label).length;
}

/** The processes of jobs under way, by the locks in the extension's storage. */
export function solverProcesses(storage: string): number[] {
  const jobs = join(storage, 'jobs');
  if (!existsSync(jobs)) return [];
  return readdirSync(jobs).flatMap(name => {
    const owner = new JobFolder(join(jobs, name)).owner();
    return owner === null ? [] : [owner];
  });
}

/** Resolves once the condition holds; fails with the sentence after the time, in milliseconds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  time = 30_000,
): Promise<void> {
  const deadline = Date.now() + time;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`This did not come to pass in ${time / 1000} s: ${what}.`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
