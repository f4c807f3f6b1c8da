import type { Command } from './command';
import { openModel } from './targets';

/** Shows a parameter in the editor of the active model. */
export const revealTensorCommand: Command = {
  id: 'lethe.revealTensor',
  async run(host, path, tensor) {
    if (typeof path !== 'string' || typeof tensor !== 'string') return;
    const document = await openModel(host, path);
    const tab = document.shownRun === null ? 'parameters' : 'changes';
    for (const view of host.viewsOf(document)) view.reveal({ tab, tensor });
  },
};
