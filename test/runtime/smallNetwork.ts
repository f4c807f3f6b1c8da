// A small convolutional network that has what the blocked layout knows, written as an ONNX file.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import type { OnnxNode } from '../../src/onnx/model';
import type { HeadLoss } from '../../src/runtime/contracts';
import { Engine, type EngineOptions } from '../../src/runtime/engine';
import { Random } from '../../src/tensor/random';
import { int64, type Tensor } from '../../src/tensor/tensor';
import { node, normals } from '../autodiff/harness';

export const smallHeads: HeadLoss[] = [{ output: 'logits', loss: 'cross-entropy', weight: 1 }];

/**
 * [N, 3, size, size] to logits [N, 10]: convolutions of 3 × 3 with stride 1 and 2, 1 × 1 and depthwise ones, an addition,
 * pooling, a small map at the end.
 */
export async function openSmallNetwork(options: EngineOptions = {}): Promise<Engine> {
  const random = new Random(4);
  const weights = new Map<string, Tensor>();
  const nodes: OnnxNode[] = [];
  const weight = (name: string, dims: readonly number[], scale: number): string => {
    const tensor = normals(random, dims);
    (tensor.data as Float32Array).forEach((value, at, all) => (all[at] = value * scale));
    weights.set(name, tensor);
    return name;
  };
  const conv = (
    x: string,
    name: string,
    from: number,
    to: number,
    size = 3,
    stride = 1,
    group = 1,
  ): string => {
    const scale = 1 / Math.sqrt((from / group) * size * size);
    const inputs = [
      x,
      weight(`${name}.weight`, [to, from / group, size, size], scale),
      weight(`${name}.bias`, [to], 0.1),
    ];
    const pad = (size - 1) / 2;
    nodes.push(
      node('Conv', inputs, [name], {
        kernel_shape: [size, size],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
        group,
      }),
    );
    return name;
  };
  const apply = (opType: string, inputs: readonly string[], output: string): string => {
    nodes.push(node(opType, inputs, [output]));
    return output;
  };
  const stem = apply('Relu', [conv('x', 'stem', 3, 32)], 'stem.relu');
  nodes.push(node('MaxPool', [stem], ['pooled'], { kernel_shape: [2, 2], strides: [2, 2] }));
  const inner = apply('Relu', [conv('pooled', 'inner', 32, 32)], 'inner.relu');
  const depthwise = apply('Relu', [conv(inner, 'depthwise', 32, 32, 3, 1, 32)], 'depthwise.relu');
  const sum = apply('Add', [conv(depthwise, 'outer', 32, 32), 'pooled'], 'sum');
  const down = conv(apply('Relu', [sum], 'sum.relu'), 'down', 32, 64, 3, 2);
  const side = conv('sum.relu', 'side', 32, 64, 1, 2);
  const last = apply('Relu', [conv(apply('Add', [down, side], 'joined'), 'last', 64, 64)], 'last.relu');
  apply('Flatten', [apply('GlobalAveragePool', [last], 'mean')], 'flat');
  nodes.push(
    node('Gemm', ['flat', weight('fc.weight', [10, 64], 0.2), weight('fc.bias', [10], 0.1)], ['logits'], {
      transB: 1,
    }),
  );
  const graph = {
    name: 'small',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32' as const, dims: ['N', 3, 'H', 'W'] }],
    outputs: [{ name: 'logits', dtype: 'float32' as const, dims: ['N', 10] }],
    initializers: weights,
    valueInfo: [],
  };
  const folder = mkdtempSync(join(tmpdir(), 'lethe-small-'));
  try {
    const path = join(folder, 'small.onnx');
    writeFileSync(path, emitModel(graph, { opsets: new Map([['', 17]]) }));
    return await Engine.open(path, { threads: 2, ...options });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Pictures and class numbers for it. */
export function smallBatch(samples: number, size: number, seed = 9): { inputs: Tensor[]; labels: Tensor[] } {
  const random = new Random(seed);
  const labels = Array.from({ length: samples }, () => random.integer(10));
  return { inputs: [normals(random, [samples, 3, size, size])], labels: [int64([samples], labels)] };
}
