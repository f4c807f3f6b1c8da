import type { Command } from './command';

/** Shows the log. */
export const showLogCommand: Command = {
  id: 'lethe.showLog',
  run: host => host.log.show(),
};
