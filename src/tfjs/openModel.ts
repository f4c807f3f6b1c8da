// Opens a model of any format Lethe knows: which one it is shows in its content, not its name.
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { ModelError } from '../onnx/errors';
import { recoverSave } from '../onnx/journal';
import { openOnnx, type OpenedModel } from '../onnx/openedModel';
import { internalOpset } from '../onnx/upgrade';
import { readManifest } from './manifest';
import { beginsLikeJson, modelFileOf, readModelJson } from './modelJson';
import { translateGraph } from './translateGraph';
import { translateLayers } from './translateLayers';
import { saveTfjs, savedNames } from './writer';

/**
 * Opens an ONNX file, a TensorFlow.js `model.json`, or the folder that holds one. Payloads are not read. Throws a
 * ModelError that names the file, the place and the remedy. Completes a save that was interrupted; writes nothing else.
 */
export function openModel(path: string): OpenedModel {
  const file = resolve(modelFileOf(path));
  recoverSave(existsSync(file) ? realpathSync(file) : file);
  return beginsLikeJson(file) ? openTfjs(file) : openOnnx(file);
}

/**
 * The files that saving the model in `path` writes into a folder, relative to it; null for an ONNX file, which is
 * saved as a file, and for what cannot be opened.
 */
export function folderFilesOf(path: string): string[] | null {
  const file = resolve(modelFileOf(path));
  if (!beginsLikeJson(file)) return null;
  try {
    return savedNames(readManifest(readModelJson(file)).files.shards);
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

function openTfjs(file: string): OpenedModel {
  const json = readModelJson(file);
  const { weights, files } = readManifest(json);
  const translate = json.kind === 'tfjs-layers' ? translateLayers : translateGraph;
  const { nodes, initializers, inputs, outputs, operators, untranslated } = translate(json, weights);
  const stamps = [json.stamp, ...files.stamps];
  // The file's weights in its order, those that no layer uses included; then the translation's own constants.
  const stored = new Map([...weights].map(([name, { tensor }]) => [name, tensor] as const));
  return {
    path: file,
    format: json.kind,
    irVersion: 0,
    opsets: new Map([['', internalOpset]]),
    producer: json.producer,
    metadata: new Map(),
    graph: {
      name: json.kind,
      nodes,
      inputs,
      outputs,
      initializers: new Map([...stored, ...initializers]),
      valueInfo: [],
    },
    functions: [],
    externalFiles: files.shards.map(({ path: shard }) => shard),
    stamps,
    warnings: files.warnings,
    operators,
    untranslated,
    save: (changes, target, operations) =>
      saveTfjs({ path: file, shards: files.shards, stamps, weights }, changes, target, operations),
  };
}
