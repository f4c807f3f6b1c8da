// A folder of class folders with images, numbered as torchvision's ImageFolder numbers them.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, join, relative, sep } from 'node:path';
import type { Column } from './arrayDataset';
import type { Dataset } from './dataset';
import { imageExtensions, isImageName } from './decodeImage';
import { DataError } from './errors';
import { fileError } from './files';
import { ImageDataset } from './imageDataset';
import { encodeClasses } from './npzDataset';
import { namesOf, type DatasetSpec } from './spec';
import { compareCodePoints } from './text';

/**
 * Opens a folder whose sub-folders are classes. Classes are sorted by code point; within a class, folders are
 * sorted by path (links are followed) and files by name. Columns are `label` (the class
 * name) and `path`. With `labels: []` the sub-folders are classes no more, and a folder without any that holds images has
 * no labels either; the order stays. Throws a DataError when there is no class and no image, or a class has no image.
 */
export function openImageFolder(path: string, spec: Pick<DatasetSpec, 'labels'> = {}): Dataset {
  const folder = basename(path);
  const classes = entries(path)
    .filter(name => isFolder(join(path, name)))
    .sort(compareCodePoints);
  const unlabelled = namesOf(spec.labels)?.length === 0;
  const loose = classes.length === 0 || unlabelled ? imagesIn(path) : [];
  if (classes.length === 0 && loose.length === 0) {
    throw new DataError(
      `${path} has no class folders. Lethe expects one folder per class with ${imageExtensions.join(', ')} files inside.`,
    );
  }
  const files: string[] = [];
  const names: string[] = [];
  for (const name of classes) {
    const images = imagesBelow(join(path, name));
    if (images.length === 0) {
      throw new DataError(
        `The class folder ${folder}/${name} holds no image (${imageExtensions.join(', ')}). Add images or remove the folder.`,
      );
    }
    files.push(...images);
    names.push(...images.map(() => name));
  }
  if (unlabelled || classes.length === 0) {
    const all = [...loose, ...files];
    return new ImageDataset(
      path,
      all,
      [],
      null,
      new Map([['path', () => all.map(file => within(path, file))]]),
    );
  }
  const columns = new Map<string, Column>([
    ['label', () => names],
    ['path', () => files.map(file => within(path, file))],
  ]);
  const encoded = encodeClasses(names);
  return new ImageDataset(path, files, [{ name: 'label', tensor: encoded.tensor }], encoded.classes, columns);
}

/** The path of a file from the folder of the dataset, with slashes everywhere. */
function within(folder: string, file: string): string {
  return relative(folder, file).split(sep).join('/');
}

/** Image formats that torchvision counts as samples and Lethe cannot decode: leaving them out would shift indices. */
const unreadable = ['.ppm', '.bmp', '.pgm'];

/** Image files in a folder and below: folders sorted by their whole path, files by name within each. */
function imagesBelow(top: string): string[] {
  const folders: string[] = [];
  const walk = (folder: string, above: readonly string[]): void => {
    const real = realpathSync(folder);
    // A link to a folder above would lead round in circles.
    if (above.includes(real)) return;
    folders.push(folder);
    for (const name of entries(folder)) {
      if (isFolder(join(folder, name))) walk(join(folder, name), [...above, real]);
    }
  };
  walk(top, []);
  const images: string[] = [];
  for (const folder of folders.sort(compareCodePoints)) images.push(...imagesIn(folder));
  return images;
}

/** Image files directly in a folder, by name. */
function imagesIn(folder: string): string[] {
  return entries(folder)
    .sort(compareCodePoints)
    .map(name => join(folder, name))
    .filter(path => {
      if (isFolder(path)) return false;
      if (unreadable.includes(extname(path).toLowerCase())) {
        throw new DataError(`${path} is in an image format Lethe does not read. Convert it to PNG.`);
      }
      return isImageName(basename(path));
    });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw fileError(folder, error);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
