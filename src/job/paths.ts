// Where a job reads and writes, and that it never writes over what it reads.
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { UsageError } from '../shared/errors';
import type { DataSource, Recipe } from '../shared/recipe';

/** The files and folders of a job, absolute. */
export interface JobPaths {
  readonly model: string;
  readonly output: string;
  /** The report's folder. */
  readonly report: string;
  readonly reference: string | null;
  /** Everything the job reads besides the model and the reference, with what to call it. */
  readonly inputs: readonly { readonly path: string; readonly role: string }[];
}

/** The files inside a report's folder. */
export const reportFiles = ['report.json', 'report.html', 'receipt.json'] as const;

/** The paths of a recipe, relative ones taken from `base`. */
export function jobPaths(recipe: Recipe, base: string, recipeFile: string | null): JobPaths {
  const at = (path: string): string => resolve(base, path);
  const output = at(recipe.output);
  const stem = basename(output, extname(output));
  const inputs: { path: string; role: string }[] = [];
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
    report: recipe.report === undefined ? join(dirname(output), `${stem}.report`) : at(recipe.report),
    reference: recipe.reference ? at(recipe.reference) : null,
    inputs,
  };
}

/**
 * Throws a UsageError when an output is something the job reads, lies inside a data folder, or cannot be what it
 * should be (a folder where a file must go). `external` are the model's and the reference's data files.
 */
export function checkOutputs(paths: JobPaths, external: readonly string[] = []): void {
  const read = [
    { path: paths.model, role: 'the model' },
    ...(paths.reference ? [{ path: paths.reference, role: 'the reference model' }] : []),
    ...paths.inputs,
    ...external.map(path => ({ path, role: 'a data file of the model' })),
  ];
  const written = [
    { path: paths.output, key: 'output' },
    { path: `${paths.output}.data`, key: 'output' },
    ...reportFiles.map(name => ({ path: join(paths.report, name), key: 'report' })),
  ];
  for (const { path, key } of written) {
    for (const input of read) {
      if (sameFile(path, input.path)) {
        throw new UsageError(
          `${path} is ${input.role}, which a run never replaces. Choose another path for "${key}".`,
        );
      }
      if (isFolder(input.path) && isInside(path, input.path)) {
        throw new UsageError(
          `${path} lies inside ${input.path}, which is ${input.role}. Choose a path outside it for "${key}".`,
        );
      }
    }
  }
  for (const input of read) {
    if (sameFile(paths.report, input.path)) {
      throw new UsageError(`${paths.report} is ${input.role}. Choose another folder for "report".`);
    }
  }
  if (isFolder(paths.output)) {
    throw new UsageError(
      `${paths.output} is a folder, but the model becomes a file. Choose another path for "output".`,
    );
  }
  if (isFile(paths.report) || sameFile(paths.report, paths.output)) {
    throw new UsageError(
      `${paths.report} is a file, but the report becomes a folder. Choose another path for "report".`,
    );
  }
}

/** Whether two paths lead to the same file, through links and whatever case the file system ignores. */
export function sameFile(a: string, b: string): boolean {
  if (realPath(a) === realPath(b)) return true;
  const [left, right] = [status(a), status(b)];
  return (
    left !== null && right !== null && left.dev === right.dev && left.ino === right.ino && left.ino !== 0n
  );
}

/** The path with links resolved as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(realPath(folder), realPath(path));
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(way) !== way;
}

function status(
  path: string,
): { dev: bigint; ino: bigint; isDirectory(): boolean; isFile(): boolean } | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

function isFolder(path: string): boolean {
  return status(path)?.isDirectory() ?? false;
}

function isFile(path: string): boolean {
  return status(path)?.isFile() ?? false;
}
