// Where a job reads and writes, and that it never writes over what it reads.
import { basename, dirname, extname, join, resolve } from 'node:path';
import { UsageError } from '../shared/errors';
import { folderFilesOf } from '../tfjs/openModel';
import { folderProblem } from '../tfjs/writer';
import type { DataSource, Recipe } from '../shared/recipe';
import {
  isInside,
  kindOf,
  requireApart,
  requireReplaceable,
  requireUnread,
  sameFile,
  type Source,
  type Target,
} from './overwrite';

/** The files and folders of a job, absolute. */
export interface JobPaths {
  readonly model: string;
  /** A file; the folder of a TensorFlow.js model. */
  readonly output: string;
  /** The files inside `output` where that is a folder, the model's own file first; null where it is a file. */
  readonly outputFiles: readonly string[] | null;
  /** The report's folder. */
  readonly report: string;
  readonly reference: string | null;
  /** More retrained models. */
  readonly references: readonly string[];
  /** Everything the job reads besides the model and the reference, with what to call it. */
  readonly inputs: readonly Source[];
}

/** The files inside a report's folder. */
export const reportFiles = ['report.json', 'report.html', 'receipt.json'] as const;

/** The paths of a recipe, relative ones taken from `base`. */
export function jobPaths(recipe: Recipe, base: string, recipeFile: string | null): JobPaths {
  const at = (path: string): string => resolve(base, path);
  const output = at(recipe.output);
  const stem = basename(output, extname(output));
  const inputs: Source[] = [];
  const addData = (source: DataSource | null | undefined, role: string): void => {
    if (source) inputs.push({ path: at(typeof source === 'string' ? source : source.path), role });
  };
  addData(recipe.data.train, 'the training data');
  addData(recipe.data.test, 'the test data');
  addData(recipe.data.validation, 'the validation data');
  if ('file' in recipe.forget)
    inputs.push({ path: at(recipe.forget.file), role: 'the list of samples to forget' });
  if (recipeFile) inputs.push({ path: recipeFile, role: 'the recipe' });
  return {
    model: at(recipe.model),
    output,
    outputFiles: folderFilesOf(at(recipe.model)),
    report: recipe.report === undefined ? join(dirname(output), `${stem}.report`) : at(recipe.report),
    reference: recipe.reference ? at(recipe.reference) : null,
    references: (recipe.references ?? []).map(at),
    inputs,
  };
}

/** Every file that a run of a job may write. */
export function writtenFiles(paths: JobPaths): Target[] {
  const names = paths.outputFiles?.map(name => join(paths.output, name));
  return [
    ...(names ?? [paths.output, `${paths.output}.data`]).map(path => ({ path, key: '"output"' })),
    ...reportFiles.map(name => ({ path: join(paths.report, name), key: '"report"' })),
  ];
}

/** Throws a UsageError where the output is a folder, but the model cannot be written as the one that is named. */
function requireFolder({ output, outputFiles, report }: JobPaths): void {
  if (outputFiles === null) return;
  const problem = output.endsWith('.json')
    ? 'ends like a file, but a TensorFlow.js model is written as a folder'
    : folderProblem(output, outputFiles);
  if (problem !== null) {
    throw new UsageError(
      `${output} ${problem}. Choose a folder for "output" that is empty or not there yet.`,
    );
  }
  if (isInside(report, output)) {
    throw new UsageError(
      `${report} lies inside ${output}, the folder of the model. Choose a folder outside it for "report".`,
    );
  }
}

/**
 * Throws a UsageError when an output is something the job reads, lies inside a data folder, cannot be what it should
 * be (a folder, a pipe or a device where a file must go), or two outputs need the same place. `also` is read besides
 * what the recipe names, for example the data files of the models.
 */
export function checkOutputs(paths: JobPaths, also: readonly Source[] = []): void {
  const read = [
    { path: paths.model, role: 'the model' },
    ...(paths.reference ? [{ path: paths.reference, role: 'the reference model' }] : []),
    ...paths.references.map(path => ({ path, role: 'a reference model' })),
    ...paths.inputs,
    ...also,
  ];
  const written = writtenFiles(paths);
  requireUnread(written, read);
  for (const input of read) {
    if (sameFile(paths.report, input.path)) {
      throw new UsageError(`${paths.report} is ${input.role}. Choose another folder for "report".`);
    }
  }
  requireApart(written);
  requireFolder(paths);
  const kind = kindOf(paths.report);
  if (kind !== null && kind !== 'a folder') {
    throw new UsageError(
      `${paths.report} is ${kind}, but the report becomes a folder. Choose another path for "report".`,
    );
  }
  requireReplaceable(written);
}
