// The models and batches of the benchmark, from the samples.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoundDataset } from '../src/data/dataset';
import type { Batch, HeadLoss } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import { encodeNpy } from '../src/tensor/npy';
import { decodeNpz } from '../src/tensor/npz';
import { networks, withModelFile } from './models';
import {
  elementCount,
  float32,
  floats,
  int64,
  toFloat32,
  toFloat64,
  zeros,
  type Tensor,
} from '../src/tensor/tensor';

/** A model, all its training data, the batch that is timed and the samples to forget. */
export interface Workload {
  readonly engine: Engine;
  readonly inputs: Tensor;
  readonly labels: Tensor;
  readonly batch: Batch;
  readonly heads: readonly HeadLoss[];
  readonly forgotten: readonly number[];
}

const samples = join(__dirname, '../../samples');

/** The 300-wide SiLU network on all its 55 points. */
export async function sineWorkload(threads: number): Promise<Workload> {
  const folder = join(samples, 'sine-poisoned');
  const rows = csvRows(join(folder, 'train.csv'));
  const column = (place: number): Tensor =>
    float32(
      [rows.length, 1],
      rows.map(row => row[place]!),
    );
  const engine = await Engine.open(join(folder, 'model.onnx'), { threads });
  return workload(engine, column(0), column(1), rows.length, 'mse', folder);
}

/** The MNIST network on its first 256 images. */
export async function mnistWorkload(threads: number): Promise<Workload> {
  const folder = join(samples, 'mnist-mislabelled');
  const arrays = decodeNpz(readFileSync(join(folder, 'train.npz')), 'train.npz') as Map<string, Tensor>;
  const images = arrays.get('images')!;
  const [count = 0, height = 0, width = 0] = images.dims;
  const inputs = float32(
    [count, 1, height, width],
    toFloat32(images).map(value => value / 255),
  );
  const labels = int64([count], [...toFloat64(arrays.get('labels')!)]);
  const engine = await Engine.open(join(folder, 'model.onnx'), { threads });
  return workload(engine, inputs, labels, 256, 'cross-entropy', folder);
}

/** A network of `models.ts` on its batch, with or without the blocked layout. */
export async function networkWorkload(
  name: keyof typeof networks,
  threads: number,
  blockedLayout: boolean,
): Promise<Workload> {
  const { bytes, inputs, labels } = networks[name]();
  const engine = await withModelFile(bytes, path => Engine.open(path, { threads, blockedLayout }));
  const heads = [{ output: engine.model.graph.outputs[0]!.name, loss: 'cross-entropy' as const, weight: 1 }];
  return { engine, inputs, labels, batch: { inputs: [inputs], labels: [labels] }, heads, forgotten: [] };
}

/** The samples with these indices. */
export function take(tensor: Tensor, indices: readonly number[]): Tensor {
  const size = elementCount(tensor.dims.slice(1));
  const taken = zeros(tensor.dtype, [indices.length, ...tensor.dims.slice(1)]);
  indices.forEach((index, place) => {
    const row = tensor.data.subarray(index * size, (index + 1) * size);
    // Both arrays have the tensor's own type.
    (taken.data as Float32Array).set(row as Float32Array, place * size);
  });
  return taken;
}

/** The training data as the methods read it. */
export function asDataset({ inputs, labels }: Workload): BoundDataset {
  const size = inputs.dims[0]!;
  const read = async (indices: readonly number[]): ReturnType<BoundDataset['read']> => {
    return { inputs: [take(inputs, indices)], labels: [take(labels, indices)] };
  };
  const array = (name: string, { dtype, dims }: Tensor) => ({ name, dtype, dims: dims.slice(1) });
  const dataset = {
    path: 'train.npz',
    size,
    inputs: [array('inputs', inputs)],
    labels: [array('labels', labels)],
    classes: null,
    columns: [],
    column: () => [],
    read,
  };
  return { dataset, size, warnings: [], read };
}

/** Writes the weights and the batch as .npy files for PyTorch; gives the folder. */
export function exportForPyTorch({ engine, batch }: Pick<Workload, 'engine' | 'batch'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-bench-'));
  const write = (name: string, tensor: Tensor): void =>
    writeFileSync(join(folder, `${name}.npy`), encodeNpy(tensor));
  const dims = new Map(engine.parameters.map(parameter => [parameter.name, parameter.dims]));
  for (const [name, values] of engine.initialValues())
    write(name, floats(engine.float, dims.get(name)!, values));
  write('inputs', batch.inputs[0]!);
  write('labels', batch.labels[0]!);
  return folder;
}

function workload(
  engine: Engine,
  inputs: Tensor,
  labels: Tensor,
  batchSize: number,
  loss: HeadLoss['loss'],
  folder: string,
): Workload {
  const first = [...Array(batchSize).keys()];
  const batch = { inputs: [take(inputs, first)], labels: [take(labels, first)] };
  const heads = [{ output: engine.model.graph.outputs[0]!.name, loss, weight: 1 }];
  const forgotten = csvRows(join(folder, 'forget.csv')).map(row => row[0]!);
  return { engine, inputs, labels, batch, heads, forgotten };
}

function csvRows(file: string): number[][] {
  const lines = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  return lines.slice(1).map(line => line.split(',').map(Number));
}
