// What every model format gives once it is opened: an ONNX graph in memory, its stored tensors, and how it is saved.
import type { FileOperations } from './fileOperations';
import type { ReadLimits } from './limits';
import type { OnnxModel } from './model';
import type { NewValues } from './payloadPatch';
import { readModel } from './reader';
import { saveModel } from './writer';
import type { ModelFormat } from '../shared/inspection';

/** A layer or operator of the file that Lethe cannot write as ONNX operators. */
export interface Untranslated {
  readonly op: string;
  readonly node: string;
  /** Why not, as the end of a sentence that begins with the layer: "has no translation". */
  readonly problem: string;
}

/**
 * A model of any format. `graph` computes what the file describes; its stored tensors are those of the file, under
 * the file's names and in its shapes, so parameters, payloads and differences are read alike in every format. `path` is
 * the file that was opened and `externalFiles` are the others that hold its tensors.
 */
export interface OpenedModel extends OnnxModel {
  readonly format: ModelFormat;
  /** Layers and operators of the file by kind with their number; null where they are the graph's own. */
  readonly operators: ReadonlyMap<string, number> | null;
  /** What keeps the graph from being run; empty for most models. */
  readonly untranslated: readonly Untranslated[];
  /**
   * Saves the model with new values for some tensors, atomically: a file (ONNX) or a folder (TensorFlow.js), or in
   * place when `target` is `path`. Only the bytes of tensors that changed differ from the original's. Throws a
   * ModelError with every file as it was.
   */
  save(changes: ReadonlyMap<string, NewValues>, target: string, files?: FileOperations): void;
}

/** Opens an ONNX file. Throws a ModelError as `readModel` does. */
export function openOnnx(path: string, limits: Partial<ReadLimits> = {}): OpenedModel {
  const model = readModel(path, limits);
  return {
    ...model,
    format: 'onnx',
    operators: null,
    untranslated: [],
    save: (changes, target, files) => saveModel(model, changes, target, files),
  };
}
