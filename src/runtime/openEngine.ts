// Which engine computes with a model: ONNX Runtime wherever it can, TensorFlow.js where it must or is asked for.
import { openModel } from '../tfjs/openModel';
import { UsageError } from '../shared/errors';
import type { ModelEngine } from './contracts';
import { Engine, type EngineOptions } from './engine';
import { TfjsEngine } from './tfjsEngine';
import { loadTfjs } from './tfjsLibrary';

/** What a person may ask for; `auto` is ONNX Runtime unless part of a TensorFlow.js model has no translation. */
export type EngineName = 'auto' | 'onnxruntime' | 'tfjs' | 'tfjs-node';

/** Settings of an engine, and which. */
export interface OpenOptions extends EngineOptions {
  readonly engine?: EngineName | undefined;
}

/**
 * Opens a model file with the engine that is asked for, by default the one that suits it. Throws a ModelError when the
 * model cannot be read or run, a UsageError when TensorFlow.js is asked for a model of another format.
 */
export async function openEngine(path: string, options: OpenOptions = {}): Promise<ModelEngine> {
  const { engine = 'auto' } = options;
  if (engine === 'onnxruntime') return Engine.open(path, options);
  const model = openModel(path);
  if (model.format === 'onnx') {
    if (engine === 'auto') return Engine.open(path, options);
    throw new UsageError(
      `The engine ${engine} computes with TensorFlow.js models, but ${path} is an ONNX file. Choose the engine auto.`,
    );
  }
  if (engine === 'auto' && model.untranslated.length === 0) return Engine.open(path, options);
  return TfjsEngine.open(model, await loadTfjs(engine), options);
}
