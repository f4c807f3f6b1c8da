// What computes with TensorFlow.js models, as the setting says it.
import * as vscode from 'vscode';
import { isTfjs } from './storedModel';

/** The engine for a model; null where the choice is Lethe's, as it always is for ONNX files. */
export function engineFor(model: string): string | null {
  if (!isTfjs(model)) return null;
  const engine = vscode.workspace.getConfiguration('lethe').get('tfjs.engine', 'auto');
  return engine === 'auto' ? null : engine;
}
