// Steps in Lethe that several journeys take.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import type { CodeWindow } from './codeWindow';

/** The sample's folder in a workspace. */
export const sample = 'mnist-mislabelled';

/** Opens the sample's model and waits until it is drawn. */
export async function openModel(window: CodeWindow): Promise<Frame> {
  await window.openFile(`${sample}/model.onnx`);
  const model = await window.view('model');
  await model.getByRole('tab', { name: 'Overview' }).waitFor();
  return model;
}

/** Opens the data that the recipe beside the model names, and waits for the model's predictions on them. */
export async function openDataset(window: CodeWindow): Promise<Frame> {
  await window.commandAndPick('Lethe: Open Dataset', 'recipe.unlearn.json');
  const dataset = await window.view('dataset');
  await cells(dataset).first().waitFor();
  // The pictures need sharp and its native library, which the VSIX has to hold.
  await dataset.locator('.cell img').first().waitFor();
  await dataset.locator('.cell[aria-label*="prediction"]').first().waitFor();
  return dataset;
}

/** The samples on the screen. */
export function cells(dataset: Frame): Locator {
  return dataset.locator('.cell');
}

/** What the dataset panel says of itself: how many are shown, selected, to be forgotten. */
export function statusLine(dataset: Frame): Promise<string> {
  return dataset
    .locator('.status-text')
    .innerText()
    .then(text => text.replace(/[\u2009\u202f\u00a0]/g, ' '));
}

/** Types a filter. */
export async function filter(dataset: Frame, text: string): Promise<void> {
  const box = dataset.getByRole('combobox', { name: 'Filter samples' });
  await box.click();
  await box.fill(text);
}

/** Imports the sample's list of wrong labels as the forget set. */
export async function importForgetSet(window: CodeWindow, workspace: string): Promise<void> {
  await window.command('Lethe: Import Forget Set…');
  await window.answerPath(join(workspace, sample, 'forget.csv'));
}

/** The bar that offers a finished run. */
export function proposal(model: Frame): Locator {
  return model.getByRole('region', { name: 'Proposal' });
}

/** Waits for a finished run's proposal. A run of the sample takes seconds, longer on a busy machine. */
export async function waitForProposal(window: CodeWindow): Promise<Frame> {
  const model = await window.view('model');
  await proposal(model).getByText('Proposal', { exact: true }).waitFor({ timeout: 180_000 });
  return model;
}

/** Makes the sample's recipe so short that its run is over at once. */
export function makeQuickRun(workspace: string): void {
  setMethod(workspace, { name: 'shrink', epochs: 1, batchSize: 100, epochOver: 'forget' });
}

/** Makes the model forget the forget set, as the recipe beside it says; gives the editor with the proposal. */
export async function unlearnByRecipe(window: CodeWindow): Promise<Frame> {
  await window.commandAndPick('Lethe: Unlearn Samples…', 'with the settings of recipe.unlearn.json');
  return waitForProposal(window);
}

/** Makes the sample's recipe so long that there is time to interfere. */
export function makeLongRun(workspace: string): void {
  setMethod(workspace, { name: 'minnorm-og', epochs: 400 });
}

/** Makes the sample's recipe search with so small a budget that it ends soon. */
export function makeShortSearch(workspace: string): void {
  setMethod(workspace, { name: 'auto' }, { budget: { sampleGradients: 12_000 } });
}

/** Makes the sample's recipe say that its training data have no labels, and its run short. */
export function takeLabels(workspace: string): void {
  setMethod(
    workspace,
    { name: 'minnorm-og', epochs: 10, descentEpochs: 2, epochOver: 'forget' },
    {
      data: {
        ...{ train: { path: 'train.npz', labels: [] }, test: 'test.npz' },
        ...{ preprocess: { scale: 1 / 255 }, classes: [...'0123456789'] },
      },
    },
  );
}

function setMethod(
  workspace: string,
  method: Record<string, unknown>,
  more: Record<string, unknown> = {},
): void {
  const path = join(workspace, sample, 'recipe.unlearn.json');
  const recipe = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...recipe, ...more, method }, null, 2));
}
