import type { Command } from './command';

/** Opens the dataset of the panel once more. */
export const retryDatasetCommand: Command = {
  id: 'lethe.retryDataset',
  async run(host) {
    // Why it fails stands in the panel.
    await host.dataset.retry().catch(() => undefined);
  },
};
