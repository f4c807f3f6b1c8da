import type { Command } from './command';
import { openModel, runOf } from './targets';

/** Shows what a run changed, in the editor of its model. */
export const compareCommand: Command = {
  id: 'lethe.compare',
  async run(host, given) {
    await host.loadRuns();
    const record = runOf(host, given);
    const document = await openModel(host, record.model);
    await host.propose(record.model, record.runId);
    for (const view of host.viewsOf(document)) view.reveal({ tab: 'changes' });
  },
};
