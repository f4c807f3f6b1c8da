// What a person's settings say about how runs compute.
import * as vscode from 'vscode';

/** Threads and engine of runs, as a recipe writes them; null where it should leave them out. */
export interface RunSettings {
  readonly threads: number | null;
  readonly engine: string | null;
}

/** The settings for a run of a model. An engine is for TensorFlow.js models alone. */
export function runSettings(model: string): RunSettings {
  const settings = vscode.workspace.getConfiguration('lethe');
  const threads = settings.get('threads', 0);
  const engine = settings.get('tfjs.engine', 'auto');
  const onnx = model.toLowerCase().endsWith('.onnx');
  return { threads: threads > 0 ? threads : null, engine: onnx || engine === 'auto' ? null : engine };
}
