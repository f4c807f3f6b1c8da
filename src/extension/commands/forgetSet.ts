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
    host.dataset.removeFromForgetSet(
      samplesOf(marked) ?? samplesOf(clicked) ?? listed(host) ?? chosen(host, null),
    );
  },
};

/** Empties the forget set. */
export const clearForgetCommand: Command = {
  id: 'lethe.clearForget',
  run: host => host.dataset.setForgetSet([]),
};

function listed(host: Host): readonly number[] | null {
  return host.markedInForgetSet.length > 0 ? host.markedInForgetSet : null;
}

function chosen(host: Host, given: unknown): readonly number[] {
  const samples = samplesOf(given) ?? host.dataset.selection;
  if (samples.length > 0) return samples;
  throw new LetheError('No sample is selected. Select some in the Dataset panel first.');
}
