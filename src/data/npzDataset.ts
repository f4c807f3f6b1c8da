// A .npz file as a dataset: which of its arrays are inputs, labels and columns.
import { basename } from 'node:path';
import { isStringArray, type StringArray } from '../tensor/npy';
import { decodeNpz, type NpzLimits } from '../tensor/npz';
import { int64, type Tensor } from '../tensor/tensor';
import { ArrayDataset, tensorColumn, type Column, type NamedArray } from './arrayDataset';
import { namesOf, type DatasetSpec } from './spec';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { readWholeFile } from './files';
import { compareCodePoints, describeDims, listNames } from './text';

type AnyArray = Tensor | StringArray;

const labelNames = ['labels', 'label', 'y', 'targets', 'target'];

/**
 * Reads a .npz file. Labels are the arrays the spec names, else the array named labels, y or targets, else the only
 * one-dimensional one; a single array of more axes has no labels. Inputs are the arrays the spec names, else all other arrays of as many samples with two axes
 * or more; where there are none, the other one-dimensional numeric ones. One-dimensional arrays are columns as well.
 * Text labels become class numbers in the order of code points. Throws a DataError or NpyError.
 */
export function openNpz(path: string, spec: Omit<DatasetSpec, 'path'>, limits?: NpzLimits): Dataset {
  return datasetOfArrays(path, decodeNpz(readWholeFile(path), basename(path), limits), spec);
}

/** The dataset of arrays by name, by the rules of `openNpz`. */
export function datasetOfArrays(
  path: string,
  arrays: ReadonlyMap<string, AnyArray>,
  spec: Omit<DatasetSpec, 'path'>,
): Dataset {
  const file = basename(path);
  const named = namesOf(spec.inputs);
  const labelled = namesOf(spec.labels) ?? guessLabels(file, arrays, named ?? []);
  for (const name of [...labelled, ...(named ?? [])]) {
    if (!arrays.has(name))
      throw new DataError(`${file} has no array ${name}. Its arrays are: ${listArrays(arrays)}.`);
  }

  const sizeOf = labelled[0] ?? named?.[0] ?? largestRank(arrays);
  const size = sizeOf === undefined ? 0 : (arrays.get(sizeOf)?.dims[0] ?? 0);
  if (sizeOf === undefined || size === 0) {
    throw new DataError(`${file} holds no samples. Its arrays are: ${listArrays(arrays)}.`);
  }
  for (const name of [...labelled, ...(named ?? [])]) {
    const count = arrays.get(name)!.dims[0] ?? 0;
    if (count !== size) {
      throw new DataError(
        `${file}: array ${name} has ${count} samples, but array ${sizeOf} has ${size}. Inputs and labels need the same first axis.`,
      );
    }
  }

  const others = [...arrays].filter(([name, array]) => !labelled.includes(name) && array.dims[0] === size);
  let inputNames = named;
  if (inputNames === null) {
    const numeric = others.filter(([, array]) => !isStringArray(array));
    const stacked = numeric.filter(([, array]) => array.dims.length >= 2);
    inputNames = (stacked.length > 0 ? stacked : numeric).map(([name]) => name);
  }
  if (inputNames.length === 0) {
    throw new DataError(
      `${file} has no array of ${size} samples to use as input. Its arrays are: ${listArrays(arrays)}. Name one with data.inputs.`,
    );
  }

  const inputs = inputNames.map((name): NamedArray => {
    const array = arrays.get(name)!;
    if (isStringArray(array))
      throw new DataError(`${file}: array ${name} holds text and cannot be an input.`);
    return { name, tensor: array };
  });
  let classes: readonly string[] | null = null;
  const labels = labelled.map((name): NamedArray => {
    const array = arrays.get(name)!;
    if (!isStringArray(array)) return { name, tensor: array };
    if (array.dims.length !== 1 || labelled.length > 1) {
      throw new DataError(
        `${file}: array ${name} holds text. Text labels must be one one-dimensional array.`,
      );
    }
    const encoded = encodeClasses(array.values);
    classes = encoded.classes;
    return { name, tensor: encoded.tensor };
  });

  const columns = new Map<string, Column>();
  for (const [name, array] of arrays) {
    if (array.dims.length !== 1 || array.dims[0] !== size) continue;
    columns.set(name, isStringArray(array) ? () => array.values : tensorColumn(array));
  }
  return new ArrayDataset(path, size, inputs, labels, classes, columns);
}

/** Class numbers of names: classes sorted by code point, as torchvision and scikit-learn do. */
export function encodeClasses(names: readonly string[]): { classes: string[]; tensor: Tensor } {
  const classes = [...new Set(names)].sort(compareCodePoints);
  const ids = new Map(classes.map((name, id) => [name, id]));
  return {
    classes,
    tensor: int64(
      [names.length],
      names.map(name => ids.get(name)!),
    ),
  };
}

function guessLabels(
  file: string,
  arrays: ReadonlyMap<string, AnyArray>,
  inputs: readonly string[],
): string[] {
  const byName = labelNames.find(name => arrays.has(name) && !inputs.includes(name));
  if (byName !== undefined) return [byName];
  const flat = [...arrays.keys()].filter(
    name => arrays.get(name)!.dims.length === 1 && !inputs.includes(name),
  );
  if (flat.length === 1) return flat;
  if (flat.length === 0 && arrays.size === 1) return [];
  throw new DataError(
    `${file}: which array holds the labels is unclear: none is named labels, y or targets, and ` +
      `${flat.length === 0 ? 'none' : String(flat.length)} of its arrays ${flat.length === 0 ? 'has' : 'have'} one axis. ` +
      `Its arrays are: ${listArrays(arrays)}. Name the labels with data.labels ([] for data without labels).`,
  );
}

function largestRank(arrays: ReadonlyMap<string, AnyArray>): string | undefined {
  let best: string | undefined;
  for (const [name, array] of arrays) {
    if (array.dims.length > (best === undefined ? 0 : arrays.get(best)!.dims.length)) best = name;
  }
  return best;
}

function listArrays(arrays: ReadonlyMap<string, AnyArray>): string {
  return listNames(
    [...arrays].map(([name, array]) => `${name} (${array.dtype}, ${describeDims(array.dims)})`),
  );
}
