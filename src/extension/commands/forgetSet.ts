import { LetheError } from '../../shared/errors';
import type { Host } from '../host';
import type { Command } from './command';
import { samplesOf } from './targets';

/** Adds the selection of the panel, or given samples, to the forget set. */
export const addToForgetCommand: Command = {
  id: 'lethe.addToForget',
  run: (host, given) => host.dataset.addToForgetSet(chosen(host, given)),
};

/** Takes samples out of the forget set: those clicked, those selected in its list, else the panel's selection. */
export const removeFromForgetCommand: Command = {
  id: 'lethe.removeFromForget',
  run: (host, clicked, marked) => {
    const listed = isKeyOfList(clicked) ? host.markedInForgetSet : null;
    host.dataset.removeFromForgetSet(listed ?? samplesOf(marked) ?? chosen(host, clicked));
  },
};

/** Empties the forget set. */
export const clearForgetCommand: Command = {
  id: 'lethe.clearForget',
  run: host => host.dataset.setForgetSet([]),
};

/** Whether the call comes from a key pressed in the list; its argument is in the manifest. */
function isKeyOfList(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'pressedIn' in given;
}

function chosen(host: Host, given: unknown): readonly number[] {
  const samples = samplesOf(given) ?? host.dataset.selection;
  if (samples.length > 0) return samples;
  throw new LetheError('No sample is selected. Select some in the Dataset panel first.');
}
