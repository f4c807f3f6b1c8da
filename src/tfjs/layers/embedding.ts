// Embedding: rows of a table, picked by whole numbers.
import { Untranslatable, type KnownValue } from '../emitter';
import type { LayerRule } from './layerContext';

/** The row of every index. */
export const embedding: LayerRule = (c, [input]) => {
  if (c.flag('mask_zero', false)) {
    throw new Untranslatable('passes a mask on (mask_zero), and Lethe does not compute with masks');
  }
  const x = c.e.plain(input!) as KnownValue;
  const size = c.int('output_dim', 0);
  const [table] = c.weights([{ name: 'embeddings', dims: [c.int('input_dim', 0), size] }]);
  // ONNX has its own numbers for types: 7 is int64. TensorFlow.js feeds indices as floats and cuts them off.
  const indices = c.e.op('Cast', [x.name], { to: 7 });
  return c.value(c.e.op('Gather', [table!.name, indices]), [...x.dims, size]);
};
