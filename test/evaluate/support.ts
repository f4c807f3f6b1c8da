// Small models and data for tests of evaluations.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundDataset } from '../../src/data/dataset';
import { takeRows } from '../../src/data/rows';
import { emitModel } from '../../src/onnx/emit';
import { Engine } from '../../src/runtime/engine';
import { float32, type Tensor } from '../../src/tensor/tensor';

/** y = x·w, as a file in a folder; rows of `w` are input features. */
export function linearModel(folder: string, name: string, w: readonly (readonly number[])[]): string {
  const [rows, columns] = [w.length, w[0]!.length];
  const node = { name: '', opType: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['y'] };
  const bytes = emitModel(
    {
      name: 'linear',
      nodes: [{ ...node, attributes: new Map() }],
      inputs: [{ name: 'x', dtype: 'float32', dims: ['n', rows] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['n', columns] }],
      initializers: new Map([['w', float32([rows, columns], w.flat())]]),
      valueInfo: [],
    },
    { opsets: new Map([['', 13]]) },
  );
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** That model in an engine. */
export async function linearEngine(
  folder: string,
  name: string,
  w: readonly (readonly number[])[],
): Promise<Engine> {
  return Engine.open(linearModel(folder, name, w), { threads: 1 });
}

/** A dataset held in memory. */
export function memoryDataset(inputs: readonly Tensor[], labels: readonly Tensor[]): BoundDataset {
  const read: BoundDataset['read'] = async indices => ({
    inputs: inputs.map(tensor => takeRows(tensor, indices)),
    labels: labels.map(tensor => takeRows(tensor, indices)),
  });
  const dataset = { path: 'data.npz' } as BoundDataset['dataset'];
  return { dataset, size: inputs[0]!.dims[0]!, warnings: [], read };
}
