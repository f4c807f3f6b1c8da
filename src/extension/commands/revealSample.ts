import type { Command } from './command';
import { samplesOf } from './targets';

/** Shows a sample in the Dataset panel. */
export const revealSampleCommand: Command = {
  id: 'lethe.revealSample',
  async run(host, given) {
    const index = typeof given === 'number' ? given : samplesOf(given)?.[0];
    if (index !== undefined) await host.dataset.reveal(index);
  },
};
