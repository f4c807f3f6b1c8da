// A recipe for the chosen samples as an unsaved file beside the model: complete, to be changed, saved and run.
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path';
import * as vscode from 'vscode';
import { samplesText } from '../../shared/numberText';
import type { DataSource, MethodSettings } from '../../shared/recipe';
import { recipeFileText, recipeOf, withoutLabels } from '../dataset/binding';
import type { Host } from '../host';
import { runSettings } from '../runSettings';
import { isTfjs } from '../runs/storedModel';

/** Opens the recipe in an editor. Nothing is written until it is saved there. */
export async function editRecipe(
  host: Host,
  samples: readonly number[],
  method: MethodSettings,
): Promise<void> {
  const { binding: bound, overview } = host.dataset;
  const model = bound?.model;
  if (!bound || !model) return;
  const binding = overview?.labels === 'none' ? withoutLabels(bound) : bound;
  const folder = dirname(model);
  const stem = basename(model, extname(model));
  const order = { model, forgotten: samples, method, ...runSettings(model) };
  const output = await freeName(folder, `${stem}-unlearned`, isTfjs(model) ? '' : '.onnx');
  const recipe = relativeRecipe(recipeOf(binding, order), folder, basename(output));
  const text = recipeFileText(recipe);
  const uri = vscode.Uri.file(await freeName(folder, stem, '.unlearn.json')).with({ scheme: 'untitled' });
  const document = await vscode.workspace.openTextDocument(uri);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(document, { preview: false });
  void vscode.window.showInformationMessage(
    `The recipe forgets ${samplesText(samples.length)} with ${method.name}. Change what you want, then run it by the button in the editor’s title.`,
  );
}

/** The recipe of a run with paths as they are written beside the model, and an output there. */
function relativeRecipe(
  recipe: Record<string, unknown>,
  folder: string,
  output: string,
): Record<string, unknown> {
  const at = (path: string): string => {
    const short = relative(folder, path);
    return short !== '' && !short.startsWith('..') && !isAbsolute(short) ? short.replaceAll('\\', '/') : path;
  };
  const source = (given: DataSource): DataSource =>
    typeof given === 'string' ? at(given) : { ...given, path: at(given.path) };
  const data = recipe['data'] as Record<string, unknown>;
  const sources = Object.fromEntries(
    (['train', 'test', 'validation'] as const).flatMap(key =>
      data[key] === undefined ? [] : [[key, source(data[key] as DataSource)]],
    ),
  );
  return {
    ...recipe,
    model: at(recipe['model'] as string),
    output,
    report: `${basename(output, extname(output))}.report`,
    ...(typeof recipe['reference'] === 'string' ? { reference: at(recipe['reference']) } : {}),
    data: { ...data, ...sources },
  };
}

/** A path that no file and no open editor has. */
async function freeName(folder: string, stem: string, ending: string): Promise<string> {
  const open = new Set(vscode.workspace.textDocuments.map(document => document.uri.path));
  for (let number = 1; ; number++) {
    const path = join(folder, `${stem}${number === 1 ? '' : `-${number}`}${ending}`);
    const uri = vscode.Uri.file(path);
    const taken = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (!taken && !open.has(uri.path)) return path;
  }
}
