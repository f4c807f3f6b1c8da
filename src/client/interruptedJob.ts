// Finding the job of a recipe that a crash, a kill or a power cut interrupted.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointName, type JobRequest } from '../shared/solverProtocol';
import { listJobs, type JobFolder } from './jobFolder';

/**
 * The newest job below `parent` that ran this recipe with these assignments, kept a checkpoint, and is nobody's now; null
 * where there is none.
 */
export function interruptedJob(
  parent: string,
  request: Pick<JobRequest, 'recipe' | 'assignments'>,
): JobFolder | null {
  const found = listJobs(parent).flatMap(job => {
    const kept = statSync(join(job.path, checkpointName), { throwIfNoEntry: false });
    if (!kept || job.owner() !== null) return [];
    try {
      const asked = job.readState().request;
      const same =
        asked?.recipe === request.recipe &&
        JSON.stringify(asked.assignments) === JSON.stringify(request.assignments);
      return same ? [{ job, time: kept.mtimeMs }] : [];
    } catch {
      return [];
    }
  });
  found.sort((a, b) => b.time - a.time);
  return found[0]?.job ?? null;
}
