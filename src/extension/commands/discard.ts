import type { Command } from './command';
import { runOf } from './targets';

/** Stops proposing a run. It stays in the list of runs. */
export const discardCommand: Command = {
  id: 'lethe.discard',
  async run(host, given) {
    const { model } = runOf(host, given);
    await host.propose(model, null);
  },
};
