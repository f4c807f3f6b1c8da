// Every command, in the order of the manifest.
import type { ModelEditorProvider } from '../modelEditor/modelEditorProvider';
import { applyCommand } from './apply';
import { cancelCommand } from './cancel';
import type { Command } from './command';
import { compareCommand } from './compare';
import { deleteRunCommand } from './deleteRun';
import { diagnoseCommand } from './diagnose';
import { discardCommand } from './discard';
import { exportForgetCommand } from './exportForget';
import { addToForgetCommand, clearForgetCommand, removeFromForgetCommand } from './forgetSet';
import { importForgetCommand } from './importForget';
import { openDatasetCommand } from './openDataset';
import { openInLetheCommand } from './openInLethe';
import { openModelCommand } from './openModel';
import { openRecipeCommand } from './openRecipe';
import { openReportCommand } from './openReport';
import { reloadCommand } from './reload';
import { retryDatasetCommand } from './retryDataset';
import { revealSampleCommand } from './revealSample';
import { revealTensorCommand } from './revealTensor';
import { runRecipeCommand } from './runRecipe';
import { saveAsNewCommand } from './saveAsNew';
import { showLogCommand } from './showLog';
import { unlearnCommand } from './unlearn';

/** All commands; the last three are for our own views only. */
export function allCommands(editor: ModelEditorProvider): Command[] {
  return [
    openModelCommand,
    openInLetheCommand,
    openDatasetCommand,
    unlearnCommand,
    diagnoseCommand,
    cancelCommand,
    compareCommand,
    saveAsNewCommand,
    applyCommand(editor),
    discardCommand,
    openRecipeCommand,
    openReportCommand,
    deleteRunCommand,
    runRecipeCommand,
    importForgetCommand,
    exportForgetCommand,
    clearForgetCommand,
    showLogCommand,
    addToForgetCommand,
    removeFromForgetCommand,
    revealSampleCommand,
    revealTensorCommand,
    reloadCommand,
    retryDatasetCommand,
  ];
}
