import type { Command } from './command';

/** Stops the job under way at its next step. */
export const cancelCommand: Command = {
  id: 'lethe.cancel',
  run: host => host.jobs.cancel(),
};
