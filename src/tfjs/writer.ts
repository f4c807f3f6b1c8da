// Saves a TensorFlow.js model with changed weights: the bytes of its files, but for those of the weights that changed.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ModelError, systemCode } from '../onnx/errors';
import { realFiles, saveFailure, type FileOperations } from '../onnx/fileOperations';
import { statRegular } from '../onnx/files';
import { recoverSave } from '../onnx/journal';
import type { FileStamp } from '../onnx/model';
import type { Patch } from '../onnx/patch';
import { payloadPatches, type NewValues } from '../onnx/payloadPatch';
import { replaceFiles, type NewFile } from '../onnx/replaceFiles';
import { checkUnchanged, patched } from '../onnx/writer';
import type { StoredWeight } from './manifest';
import type { Shard } from './shardFiles';
import { makeFolder, removeEmpty } from '../onnx/madeFolders';

/** The file that marks a folder as one that Lethe made and may replace; it lists the model's other files. */
export const markerName = '.lethe-model.json';

/** What saving needs to know of a model that was opened. */
export interface SavedModel {
  readonly path: string;
  readonly shards: readonly Shard[];
  readonly stamps: readonly FileStamp[];
  readonly weights: ReadonlyMap<string, StoredWeight>;
}

/**
 * Saves a model with new values for some weights. In place (`target` is the model's own file) only the shards that
 * change are replaced; else `target` is a folder, which is made, empty, or made by Lethe before, and gets all files of
 * the model under their names, `model.json` unchanged byte for byte. Throws a ModelError, with every file as it was,
 * when a name or length is wrong, a value does not fit the type, the model changed on disk since it was read, the
 * folder holds something else, the disk is full or may not be written to.
 */
export function saveTfjs(
  model: SavedModel,
  changes: ReadonlyMap<string, NewValues>,
  target: string,
  files: FileOperations = realFiles,
): void {
  const place = resolve(target);
  const inPlace = existsSync(place) && realpathSync(place) === realpathSync(model.path);
  const patches = patchesOf(model, changes);
  if (inPlace) saveInPlace(model, patches, realpathSync(place), files);
  else saveElsewhere(model, patches, place, files);
}

/** The files that saving a model writes into a folder of its own, relative to it. */
export function savedNames(shards: readonly Shard[]): string[] {
  return ['model.json', ...shards.map(({ name }) => name.split(/[/\\]/).join(sep)), markerName];
}

/**
 * Why a folder may not take a model; null when it may. It may where nothing is, where an empty folder is, and where a
 * folder is that Lethe wrote for a model with the same files.
 */
export function folderProblem(folder: string, names: readonly string[]): string | null {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (!stats) return null;
  if (!stats.isDirectory()) return 'is a file, but a TensorFlow.js model is written as a folder';
  const present = (readdirSync(folder, { recursive: true }) as string[]).filter(
    name => !statSync(join(folder, name)).isDirectory(),
  );
  if (present.length === 0) return null;
  const marked = listedFiles(join(folder, markerName));
  if (marked === null) return 'is a folder with files that Lethe did not write';
  const allowed = new Set(names);
  const other = present.find(
    name => !allowed.has(name) || (name !== markerName && !marked.includes(portable(name))),
  );
  return other === undefined ? null : `holds ${JSON.stringify(other)}, which is no part of this model`;
}

function listedFiles(marker: string): string[] | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(marker, 'utf8'));
    const listed = (parsed as { files?: unknown } | null)?.files;
    return Array.isArray(listed) ? listed.filter(name => typeof name === 'string') : null;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) !== undefined) return null;
    throw error;
  }
}

function portable(name: string): string {
  return name.split(sep).join('/');
}

function patchesOf(model: SavedModel, changes: ReadonlyMap<string, NewValues>): Patch[] {
  const patches: Patch[] = [];
  for (const [name, values] of changes) {
    const weight = model.weights.get(name);
    if (!weight) {
      throw new ModelError(
        model.path,
        `The model has no weight named "${name}".`,
        'Nothing was saved; check the name.',
      );
    }
    patches.push(...payloadPatches(name, weight.tensor, values));
  }
  return patches;
}

function saveInPlace(
  model: SavedModel,
  patches: readonly Patch[],
  place: string,
  files: FileOperations,
): void {
  recoverSave(place, files);
  checkUnchanged(model);
  const changed = model.shards.filter(({ path }) => patches.some(patch => patch.file === path));
  for (const { path } of changed) refuseShared(path, place);
  if (changed.length === 0) return;
  replaceFiles(
    place,
    changed.map(({ path }) => patchedFile(path, path, patches)),
    files,
    () => checkUnchanged(model),
  );
}

function saveElsewhere(
  model: SavedModel,
  patches: readonly Patch[],
  folder: string,
  files: FileOperations,
): void {
  const names = savedNames(model.shards);
  const problem = folderProblem(folder, names);
  if (problem !== null) {
    throw new ModelError(folder, `This place ${problem}. Nothing was saved.`, 'Choose an empty folder.');
  }
  const made: string[] = [];
  try {
    for (const inside of new Set(['.', ...model.shards.map(({ name }) => dirname(name))])) {
      made.push(...makeFolder(join(folder, inside)));
    }
    const place = join(realpathSync(folder), 'model.json');
    recoverSave(place, files);
    checkUnchanged(model);
    const listed = names.filter(name => name !== markerName).map(portable);
    const marker = `${JSON.stringify({ writtenBy: 'lethe', files: listed }, null, 2)}\n`;
    const newFiles: NewFile[] = [
      ...model.shards.map(({ name, path }) => patchedFile(join(dirname(place), name), path, patches)),
      { path: place, content: () => patched(model.path, []) },
      { path: join(dirname(place), markerName), content: () => [Buffer.from(marker)] },
    ];
    replaceFiles(place, newFiles, files, () => checkUnchanged(model));
  } catch (error) {
    made.reverse().forEach(removeEmpty);
    throw saveFailure(folder, error);
  }
}

function patchedFile(target: string, source: string, patches: readonly Patch[]): NewFile {
  const own = patches.filter(patch => patch.file === source);
  return { path: target, content: () => patched(source, own) };
}

/** Throws a ModelError when a shard has several hard links, or another JSON file beside the model names it. */
function refuseShared(shard: string, model: string): void {
  const links = statRegular(shard).nlink;
  if (links > 1) {
    throw new ModelError(
      shard,
      `This weight file has ${links} names on the disk (hard links), and saving would change what they share.`,
      'Save the model into another folder, or replace the file by a copy of its own.',
    );
  }
  const folder = dirname(model);
  if (relative(folder, shard).startsWith('..')) {
    throw new ModelError(
      model,
      `The model was opened through a link from another folder, where its weight file ${shard} lies.`,
      'Save it into another folder.',
    );
  }
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || name === basename(model) || name === markerName) continue;
    const path = join(folder, name);
    if (!statSync(path).isFile() || !readFileSync(path, 'utf8').includes(JSON.stringify(basename(shard))))
      continue;
    throw new ModelError(
      shard,
      `The model ${name} uses this weight file too, and saving would change it.`,
      'Save the model into another folder.',
    );
  }
}
