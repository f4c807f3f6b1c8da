import { diagnoseModel } from '../modelEditor/diagnoseModel';
import { chooseSamples, openedModel, refuseWhereRestricted } from './chosen';
import type { Command } from './command';
import { openModel } from './targets';

/** Measures, before anything is unlearned, whether the model interpolates and which methods can move it. */
export const diagnoseCommand: Command = {
  id: 'lethe.diagnose',
  async run(host, given) {
    await refuseWhereRestricted();
    const model = await openedModel(host, given);
    if (model === null) return;
    const samples = await chooseSamples(host, false, 'Diagnose');
    if (samples === null) return;
    const document = await openModel(host, model);
    for (const view of host.viewsOf(document)) view.reveal({ tab: 'overview' });
    await diagnoseModel(host, document, samples);
  },
};
