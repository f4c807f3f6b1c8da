import { LetheError } from '../../shared/errors';
import type { Host } from '../host';
import { startUnlearning } from '../runs/startUnlearning';
import { chooseMethod } from './chooseMethod';
import { chooseSamples, isPanel, openedModel, refuseWhereRestricted } from './chosen';
import type { Command } from './command';
import { editRecipe } from './editRecipe';

/** Chooses samples and a method, and makes the model forget them. The result is a proposal. */
export const unlearnCommand: Command = {
  id: 'lethe.unlearn',
  async run(host, given) {
    await refuseWhereRestricted();
    if ((await openedModel(host, given)) === null) return;
    refuseWhileRunning(host);
    const samples = await chooseSamples(host, isPanel(given), 'Unlearn');
    if (samples === null) return;
    const choice = await chooseMethod(host, samples);
    if (choice === null) return;
    if (choice.edit) await editRecipe(host, samples, choice.method);
    else await startUnlearning(host, samples, choice.method);
  },
};

function refuseWhileRunning(host: Host): void {
  if (host.jobs.running) throw new LetheError('A run is under way. Wait for it to end, or cancel it first.');
}
