// A manifest: a CSV or JSON Lines file that names an image file and a label on each line.
import { basename, dirname, resolve } from 'node:path';
import type { Dataset } from './dataset';
import { imageExtensions, isImageName } from './decodeImage';
import { DataError } from './errors';
import { readText } from './files';
import { ImageDataset } from './imageDataset';
import { namesOf, type DatasetSpec } from './spec';
import { columnIndex, type Table } from './table';
import { guessLabel, labelsOfColumn, tableColumns } from './tableDataset';
import { listNames } from './text';

const pathNames = ['image', 'path', 'file', 'filename'];

/** The column of a table that names image files, or null: its name says so and most of its values look like images. */
export function imageColumn(table: Table): number | null {
  for (const name of pathNames) {
    const column = table.header.findIndex(header => header.toLowerCase() === name);
    if (column < 0) continue;
    const images = table.rows.filter(row => isImageName(row[column]!)).length;
    if (images > 0 && 2 * images >= table.rows.length) return column;
  }
  return null;
}

/**
 * The dataset of a manifest. Image paths are relative to the manifest. The label is the column the spec names, else
 * the one named label, y or target, else the last besides the path; without one the data has no labels. Throws a
 * DataError that names the line.
 */
export function datasetOfManifest(path: string, table: Table, spec: Omit<DatasetSpec, 'path'>): Dataset {
  const { file, header, rows, lines } = table;
  const named = namesOf(spec.inputs);
  if (named !== null && named.length !== 1) {
    throw new DataError(
      `${file} is a manifest of images, so data.inputs must name its one column of image paths.`,
    );
  }
  const column = named === null ? imageColumn(table) : columnIndex(table, named[0]!);
  if (column === null) {
    throw new DataError(
      `${file} has no column of image paths. Name it image, path, file or filename; its columns are: ${listNames(header)}.`,
    );
  }
  const folder = dirname(path);
  const files = rows.map((row, index) => {
    const cell = row[column]!.trim();
    if (isImageName(cell)) return resolve(folder, cell);
    throw new DataError(
      `${file}, line ${lines[index]}, column ${header[column]}: expected the path of an image (${imageExtensions.join(', ')}), found ` +
        `${cell === '' ? 'nothing' : `'${cell}'`}.`,
    );
  });
  if (files.length === 0) throw new DataError(`${file} holds no samples: there is nothing below its header.`);

  const others = header.filter((_, index) => index !== column);
  const labelNames = namesOf(spec.labels) ?? guessLabel([header[column]!, ...others], [header[column]!]);
  const labels = labelNames.map(name => ({ name, ...labelsOfColumn(table, columnIndex(table, name)) }));
  const classes = labels.length === 1 ? labels[0]!.classes : null;
  return new ImageDataset(path, files, labels, classes, tableColumns(table));
}

/**
 * Reads a JSON Lines file of flat objects as a table: the columns are the keys of the first object, and every line
 * must have them all. Throws a DataError that names the line.
 */
export function readJsonLines(path: string): Table {
  const file = basename(path);
  const rows: string[][] = [];
  const lines: number[] = [];
  let header: string[] | null = null;
  readText(path)
    .split(/\r?\n/)
    .forEach((text, index) => {
      if (text.trim() === '') return;
      const where = `${file}, line ${index + 1}`;
      const entry = parseObject(text, where);
      header ??= Object.keys(entry);
      rows.push(
        header.map(key => {
          const value = Object.hasOwn(entry, key) ? entry[key] : undefined;
          if (typeof value === 'string') return value;
          if (typeof value === 'number' || typeof value === 'boolean') return String(value);
          throw new DataError(
            `${where}: ${key} is ${value === undefined ? 'missing' : 'not text or a number'}. Every line needs the same keys.`,
          );
        }),
      );
      lines.push(index + 1);
    });
  if (header === null)
    throw new DataError(
      `${file} is empty. It needs one JSON object per line, such as {"image": "a.png", "label": 0}.`,
    );
  return { file, header, rows, lines };
}

function parseObject(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(
      `${where} is not JSON. Write one object per line, such as {"image": "a.png", "label": 0}.`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(
      `${where} is not a JSON object. Write one per line, such as {"image": "a.png", "label": 0}.`,
    );
  }
  return value as Record<string, unknown>;
}
