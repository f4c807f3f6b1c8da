// A model as it lies in a folder of storage: `model.onnx` and perhaps `model.onnx.data`, or the folder `model` of a
// TensorFlow.js one.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LetheError } from '../../shared/errors';

const fileName = 'model.onnx';
const folderName = 'model';

/** Where a run that works inside its own folder puts its model. */
export function storedOutput(model: string): string {
  return isTfjs(model) ? folderName : fileName;
}

/** Whether a path names a TensorFlow.js model, which is saved as a folder. */
export function isTfjs(path: string): boolean {
  return path.endsWith('.json');
}

/** The file to open the stored model by. */
export function storedModelPath(folder: string): string {
  const tfjs = join(folder, folderName, 'model.json');
  return existsSync(tfjs) ? tfjs : join(folder, fileName);
}

/**
 * The SHA-256 of a stored model: that of its file where it is alone, else that of the text `<sha256>  <name>\n` of each
 * of its files, ordered by name. Throws a LetheError where there is none.
 */
export async function storedModelSha256(folder: string): Promise<string> {
  const [place, names] = await modelFiles(folder);
  const lines: { name: string; sha256: string }[] = [];
  for (const name of names) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(place, name))) hash.update(chunk as Buffer);
    lines.push({ name: name.replaceAll('\\', '/'), sha256: hash.digest('hex') });
  }
  if (lines.length === 1) return lines[0]!.sha256;
  const text = lines.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  return createHash('sha256').update(text).digest('hex');
}

async function modelFiles(folder: string): Promise<readonly [place: string, names: readonly string[]]> {
  const names = await readdir(folder);
  const onnx = names.filter(name => name === fileName || name === `${fileName}.data`);
  if (onnx.includes(fileName)) return [folder, onnx.sort()];
  const place = join(folder, folderName);
  if (!existsSync(join(place, 'model.json'))) throw new LetheError(`${folder} holds no model.`);
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile());
  return [place, files.map(({ parentPath, name }) => join(parentPath, name).slice(place.length + 1)).sort()];
}
