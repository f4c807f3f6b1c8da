// Refuses to change bytes that something else relies on: data files of other models, ranges of other tensors.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ModelError } from './errors';
import { readFully, statRegular, withFile } from './files';
import type { OnnxModel } from './model';
import type { NewValues } from './payloadPatch';
import { readModel } from './reader';
import type { NamedTensor } from './storedTensors';

/** Throws a ModelError when a data file has several hard links, or a model beside `model` other than it uses it. */
export function refuseSharedData(dataFile: string, model: string): void {
  const links = statRegular(dataFile).nlink;
  if (links > 1) {
    throw new ModelError(
      dataFile,
      `This data file has ${links} names on the disk (hard links), and saving would change what they share.`,
      'Save the model under another name, or replace the file by a copy of its own.',
    );
  }
  const folder = dirname(model);
  for (const name of readdirSync(folder)) {
    if (!name.toLowerCase().endsWith('.onnx') || name === basename(model)) continue;
    if (refersTo(join(folder, name), dataFile)) {
      throw new ModelError(
        dataFile,
        `The model ${name} uses this data file too, and saving would change it.`,
        'Save the model under another name.',
      );
    }
  }
}

function refersTo(model: string, dataFile: string): boolean {
  try {
    return readModel(model).externalFiles.includes(dataFile);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // Lethe cannot read it, but other programs may: the name of the data file in its bytes is enough.
    return contains(model, Buffer.from(basename(dataFile)));
  }
}

function contains(file: string, pattern: Buffer): boolean {
  try {
    return withFile(file, (descriptor, stats) => {
      const step = 2 ** 20;
      for (let at = 0; at < stats.size; at += step) {
        // Pieces overlap, so that a name across their border is found.
        const bytes = Buffer.alloc(Math.min(step + pattern.length, stats.size - at));
        readFully(file, descriptor, bytes, at);
        if (bytes.includes(pattern)) return true;
      }
      return false;
    });
  } catch (error) {
    // A folder named *.onnx, or a model that may not be read, is no reason to stop.
    if (error instanceof ModelError) return false;
    throw error;
  }
}

/** Throws a ModelError when a tensor that changes shares external bytes with any other tensor. */
export function refuseSharedRanges(
  model: OnnxModel,
  tensors: readonly NamedTensor[],
  changed: ReadonlyMap<NamedTensor, NewValues>,
): void {
  const external = tensors
    .filter(({ tensor }) => tensor.encoding === 'external' && tensor.ranges[0]!.length > 0)
    .map(named => ({ named, range: named.tensor.ranges[0]! }))
    .sort((a, b) =>
      a.range.file < b.range.file ? -1 : a.range.file > b.range.file ? 1 : a.range.offset - b.range.offset,
    );
  // The tensor so far that reaches furthest, and the furthest of those that change.
  let all: (typeof external)[number] | null = null;
  let touched: (typeof external)[number] | null = null;
  for (const current of external) {
    const overlaps = (other: typeof all): boolean =>
      other !== null &&
      other.range.file === current.range.file &&
      other.range.offset + other.range.length > current.range.offset;
    const other = changed.has(current.named) && overlaps(all) ? all : overlaps(touched) ? touched : null;
    if (other) {
      throw new ModelError(
        model.path,
        `The tensors "${other.named.name}" and "${current.named.name}" share bytes of ${basename(current.range.file)}.`,
        'Freeze both, or save a copy of the model without shared external data first.',
      );
    }
    const reach = (entry: typeof all): number =>
      entry?.range.file === current.range.file ? entry.range.offset + entry.range.length : -1;
    const end = current.range.offset + current.range.length;
    if (end > reach(all)) all = current;
    if (changed.has(current.named) && end > reach(touched)) touched = current;
  }
}
