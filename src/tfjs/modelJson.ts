// Recognises and reads a TensorFlow.js `model.json`: its kind, its topology and the manifest of its weights.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ModelError } from '../onnx/errors';
import { readFully, stampOf, withFile } from '../onnx/files';
import { journalPath } from '../onnx/journal';
import type { FileStamp } from '../onnx/model';
import { JsonPlace } from './json';
import { mostJsonBytes } from './limits';

/** A `model.json` that is one. */
export interface ModelJson {
  readonly path: string;
  readonly kind: 'tfjs-layers' | 'tfjs-graph';
  /** The whole file. */
  readonly root: JsonPlace;
  readonly producer: string;
  readonly stamp: FileStamp;
}

/** The file that a path means: of a folder that holds a `model.json`, that file. */
export function modelFileOf(path: string): string {
  const inside = join(path, 'model.json');
  return isFolder(path) && (existsSync(inside) || existsSync(journalPath(inside))) ? inside : path;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Whether a file begins like a JSON object. What cannot be read does not. */
export function beginsLikeJson(file: string): boolean {
  try {
    return withFile(file, (descriptor, stats) => {
      const head = new Uint8Array(Math.min(stats.size, 512));
      readFully(file, descriptor, head, 0);
      return /^(\xef\xbb\xbf)?[\t\n\r ]*\{/.test(Buffer.from(head).toString('latin1'));
    });
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

/** Whether a path leads to a TensorFlow.js model, judged by its content; false where it cannot be read. */
export function isTfjsModel(path: string): boolean {
  const file = modelFileOf(path);
  if (!beginsLikeJson(file)) return false;
  try {
    readModelJson(file);
    return true;
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

/**
 * Reads a `model.json`. Throws a ModelError when it is too large, no JSON, or JSON of something else; the topology and
 * the manifest are not looked into.
 */
export function readModelJson(file: string): ModelJson {
  return withFile(file, (descriptor, stats) => {
    if (stats.size > mostJsonBytes) {
      throw new ModelError(
        file,
        `The file has ${stats.size} bytes, more than any model.json.`,
        'Choose the model.json, not a file of weights.',
      );
    }
    const bytes = new Uint8Array(stats.size);
    readFully(file, descriptor, bytes, 0);
    const root = new JsonPlace(file, '', parse(file, bytes));
    return { path: file, ...recognise(root), root, stamp: stampOf(file, stats) };
  });
}

function parse(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError))
      throw error;
    throw new ModelError(
      file,
      `The file begins like JSON, but it is not (${error.message}).`,
      'It may be cut short: save or copy the model again.',
    );
  }
}

function recognise(root: JsonPlace): Pick<ModelJson, 'kind' | 'producer'> {
  if (!root.isObject || !root.has('weightsManifest') || !root.has('modelTopology')) {
    const missing = root.has('weightsManifest') ? 'modelTopology' : 'weightsManifest';
    const weightsOnly = root.has('weightsManifest')
      ? ' It holds weights alone, without the model they belong to.'
      : '';
    throw new ModelError(
      root.file,
      `This is JSON, but not a TensorFlow.js model: it has no ${missing}.${weightsOnly}`,
      'Choose the model.json that TensorFlow.js saved or its converter wrote.',
    );
  }
  const topology = root.at('modelTopology');
  const isGraph = topology.has('node') || topology.has('library');
  const isLayers = topology.has('model_config') || topology.has('class_name');
  if (isGraph === isLayers) {
    throw new ModelError(
      root.file,
      'Its modelTopology is neither that of a LayersModel (class_name or model_config) nor that of a GraphModel (node).',
      'Save the model with TensorFlow.js or convert it with tensorflowjs_converter.',
    );
  }
  const producer = ['generatedBy', 'convertedBy']
    .map(key => root.at(key).value)
    .filter(value => typeof value === 'string')
    .join(', ');
  return { kind: isGraph ? 'tfjs-graph' : 'tfjs-layers', producer };
}
