import { isTfjs } from '../runs/storedModel';

/** The view type of the editor of ONNX files. */
export const modelViewType = 'lethe.model';

/** That of TensorFlow.js models: no default, for not every `model.json` is one. */
export const tfjsViewType = 'lethe.tfjsModel';

/** The view type that opens a model's file. */
export function viewTypeOf(path: string): string {
  return isTfjs(path) ? tfjsViewType : modelViewType;
}
