// Saves a model with changed tensors: the file's own bytes, but for those of the tensors that changed.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, parse, relative, resolve } from 'node:path';
import { ModelError, systemCode } from './errors';
import { entryPatches } from './externalEntries';
import { realFiles, saveFailure, type FileOperations } from './fileOperations';
import { readFully, statRegular, withFile } from './files';
import { recoverSave } from './journal';
import type { OnnxModel } from './model';
import { withLengths, type Patch } from './patch';
import { payloadPatches, type NewValues } from './payloadPatch';
import { replaceFiles, type NewFile } from './replaceFiles';
import { refuseSharedData, refuseSharedRanges } from './sharedData';
import { storedTensors, type NamedTensor } from './storedTensors';

/**
 * Saves `model` with new values for some tensors to `target`, atomically; `target` may be the model's own path.
 * `changes` is keyed by initializer, or by the output of the Constant node that holds a tensor. Values are rounded to
 * the tensor's own type. Everything else in the file stays byte for byte, except lengths where varints grow or shrink.
 *
 * A model with external data gets `<stem>.onnx.data` beside a new target, which holds all of it, and the entries that
 * say where it lies are rewritten; data files of the original are never written to. In place, the data files that
 * changed are replaced, unless another model uses them or they have several hard links.
 *
 * `model` describes the files as they were: after saving in place, read it again.
 *
 * Throws a ModelError, with every file as it was, when a name or length is wrong, a value does not fit the type, the
 * source changed on disk since it was read, the disk is full or the folder may not be written to.
 */
export function saveModel(
  model: OnnxModel,
  changes: ReadonlyMap<string, NewValues>,
  target: string,
  files: FileOperations = realFiles,
): void {
  const place = throughLinks(resolve(target));
  const inPlace = existsSync(place) && realpathSync(model.path) === place;
  recoverSave(place, files);
  checkUnchanged(model);
  const tensors = [...storedTensors(model)];
  const changed = findChanged(model, tensors, changes);
  refuseSharedRanges(model, tensors, changed);
  const patches = [...changed].flatMap(([{ name, tensor }, values]) => payloadPatches(name, tensor, values));
  const newFiles = inPlace
    ? planInPlace(model, place, tensors, patches)
    : planElsewhere(model, place, tensors, patches);
  replaceFiles(place, newFiles, files, () => checkUnchanged(model));
}

/** The file a path leads to: saving over a symbolic link replaces what it points at, not the link. */
function throughLinks(path: string): string {
  try {
    if (existsSync(path)) statRegular(path);
    return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
  } catch (error) {
    throw systemCode(error) === undefined ? error : saveFailure(path, error);
  }
}

/** Throws a ModelError when a file of the model is no longer what it was when the model was opened. */
export function checkUnchanged(model: Pick<OnnxModel, 'stamps'>): void {
  for (const stamp of model.stamps) {
    const stats = statRegular(stamp.file);
    if (stats.size !== stamp.size || stats.mtimeMs !== stamp.modified) {
      throw new ModelError(
        stamp.file,
        'The file has changed on disk since it was opened, so nothing was saved.',
        'Open the model again and repeat the work on it.',
      );
    }
  }
}

function findChanged(
  model: OnnxModel,
  tensors: readonly NamedTensor[],
  changes: ReadonlyMap<string, NewValues>,
): Map<NamedTensor, NewValues> {
  const result = new Map<NamedTensor, NewValues>();
  for (const [name, values] of changes) {
    // A value of a sub-graph may hide one of the main graph, which comes first.
    const found = tensors.filter(tensor => tensor.isValue && tensor.name === name);
    const chosen = model.graph.initializers.has(name) ? found.slice(0, 1) : found;
    if (chosen.length !== 1) {
      const problem = chosen.length === 0 ? 'no stored tensor' : `${chosen.length} stored tensors`;
      throw new ModelError(
        model.path,
        `The model has ${problem} named "${name}".`,
        'Nothing was saved; check the name.',
      );
    }
    result.set(chosen[0]!, values);
  }
  return result;
}

/** The model file where it stands and every data file that changes. */
function planInPlace(
  model: OnnxModel,
  place: string,
  tensors: readonly NamedTensor[],
  patches: readonly Patch[],
): NewFile[] {
  const dataFiles = model.externalFiles.filter(file => patches.some(patch => patch.file === file));
  for (const file of dataFiles) {
    if (relative(dirname(place), file).startsWith('..')) {
      throw new ModelError(
        place,
        `The model was opened through a link from another folder, where its data file ${file} lies.`,
        'Save it under another name.',
      );
    }
    refuseSharedData(file, place);
  }
  const entries = tensors
    .filter(({ tensor }) => tensor.encoding === 'external' && dataFiles.includes(tensor.ranges[0]!.file))
    .flatMap(({ tensor }) => entryPatches(tensor.proto, new Map([['checksum', null]])));
  const own = [...patches.filter(patch => patch.file === model.path), ...entries];
  const result: NewFile[] = dataFiles.map(file => ({
    path: file,
    content: () =>
      patched(
        file,
        patches.filter(patch => patch.file === file),
      ),
  }));
  if (own.length > 0 || dataFiles.length === 0)
    result.push({ path: place, content: () => patchedModel(model, own) });
  return result;
}

/** The model under another name, with all of its external data in one file of its own. */
function planElsewhere(
  model: OnnxModel,
  place: string,
  tensors: readonly NamedTensor[],
  patches: readonly Patch[],
): NewFile[] {
  const own = patches.filter(patch => patch.file === model.path);
  if (model.externalFiles.length === 0) return [{ path: place, content: () => patchedModel(model, own) }];
  const dataName = `${parse(place).name}.onnx.data`;
  const dataPath = join(dirname(place), dataName);
  refuseOwnData(model, place, dataPath);
  if (existsSync(dataPath)) refuseSharedData(dataPath, place);

  // Data files are joined whole, each at a page boundary, so that offsets keep their alignment.
  const starts = new Map<string, number>();
  let size = 0;
  for (const file of model.externalFiles) {
    size = Math.ceil(size / 4096) * 4096;
    starts.set(file, size);
    size += statRegular(file).size;
  }
  for (const { tensor } of tensors) {
    if (tensor.encoding !== 'external') continue;
    const range = tensor.ranges[0]!;
    const offset = starts.get(range.file)! + range.offset;
    const wanted = new Map<string, string | null>([
      ['location', dataName],
      ['checksum', null],
    ]);
    if (offset !== range.offset) wanted.set('offset', String(offset));
    own.push(...entryPatches(tensor.proto, wanted));
  }
  return [
    { path: dataPath, content: () => joined(starts, patches) },
    { path: place, content: () => patchedModel(model, own) },
  ];
}

function refuseOwnData(model: OnnxModel, place: string, dataPath: string): void {
  const real = existsSync(dataPath) ? realpathSync(dataPath) : dataPath;
  if (model.externalFiles.includes(place) || model.externalFiles.includes(real)) {
    const file = model.externalFiles.includes(place) ? place : real;
    throw new ModelError(
      file,
      'Saving under this name would replace a data file of the model itself.',
      'Choose another name.',
    );
  }
}

function* joined(starts: ReadonlyMap<string, number>, patches: readonly Patch[]): Generator<Uint8Array> {
  let written = 0;
  for (const [file, start] of starts) {
    if (start > written) yield new Uint8Array(start - written);
    yield* patched(
      file,
      patches.filter(patch => patch.file === file),
    );
    written = start + statRegular(file).size;
  }
}

function patchedModel(model: OnnxModel, patches: readonly Patch[]): Generator<Uint8Array> {
  return patched(model.path, withLengths(model.path, patches));
}

/** The bytes of a file with patches made, in pieces. */
export function* patched(file: string, patches: readonly Patch[]): Generator<Uint8Array> {
  const size = statRegular(file).size;
  let done = 0;
  for (const patch of [...patches].sort((a, b) => a.offset - b.offset)) {
    yield* original(file, done, patch.offset);
    yield* patch.content();
    done = patch.offset + patch.length;
  }
  yield* original(file, done, size);
}

function* original(file: string, from: number, to: number): Generator<Uint8Array> {
  const window = new Uint8Array(Math.min(to - from, 2 ** 20));
  for (let at = from; at < to; at += window.length) {
    const bytes = window.subarray(0, Math.min(window.length, to - at));
    withFile(file, descriptor => readFully(file, descriptor, bytes, at));
    yield bytes;
  }
}
