// A folder of class folders with images, numbered as torchvision's ImageFolder numbers them.
import { readdirSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import type { Column } from './arrayDataset';
import type { Dataset } from './dataset';
import { imageExtensions, isImageName } from './decodeImage';
import { DataError } from './errors';
import { fileError } from './files';
import { ImageDataset } from './imageDataset';
import { encodeClasses } from './npzDataset';
import { compareCodePoints } from './text';

/**
 * Opens a folder whose sub-folders are classes. Classes are sorted by code point; within a class, folders are walked
 * in sorted order (links are followed, each folder once) and files sorted by name. Columns are `label` (the class
 * name) and `path`. Throws a DataError when there is no class, or a class has no image.
 */
export function openImageFolder(path: string): Dataset {
  const folder = basename(path);
  const classes = entries(path)
    .filter(name => isFolder(join(path, name)))
    .sort(compareCodePoints);
  if (classes.length === 0) {
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
  const columns = new Map<string, Column>([
    ['label', () => names],
    ['path', () => files.map(file => relative(path, file).split(sep).join('/'))],
  ]);
  const encoded = encodeClasses(names);
  return new ImageDataset(path, files, [{ name: 'label', tensor: encoded.tensor }], encoded.classes, columns);
}

/** Image files in a folder and below: all of a folder's own files, then its sub-folders, each sorted. */
function imagesBelow(folder: string): string[] {
  const images: string[] = [];
  const seen = new Set<string>();
  const walk = (current: string): void => {
    const stats = statSync(current);
    const identity = `${stats.dev}:${stats.ino}`;
    if (stats.ino !== 0 && seen.has(identity)) return;
    seen.add(identity);
    const names = entries(current).sort(compareCodePoints);
    const folders = names.filter(name => isFolder(join(current, name)));
    for (const name of names)
      if (isImageName(name) && !folders.includes(name)) images.push(join(current, name));
    for (const name of folders) walk(join(current, name));
  };
  walk(folder);
  return images;
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
