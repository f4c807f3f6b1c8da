import type { ModelEditorProvider } from '../modelEditor/modelEditorProvider';
import type { Command } from './command';
import { openModel, runOf } from './targets';

/** Gives the open model a run's weights, as an edit that can be undone. */
export function applyCommand(editor: ModelEditorProvider): Command {
  return {
    id: 'lethe.apply',
    async run(host, given) {
      await host.loadRuns();
      const record = runOf(host, given);
      const document = host.documentOf(record.model) ?? (await openModel(host, record.model));
      await editor.apply(document, record.runId);
    },
  };
}
