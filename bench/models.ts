// The larger networks of the benchmark, built here so that nothing is downloaded: seeded weights, as an exporter writes
// them (batch normalisation folded into convolutions). `pytorch.py` holds the same networks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../src/onnx/emit';
import type { Attribute, OnnxNode, ValueInfo } from '../src/onnx/model';
import { Random } from '../src/tensor/random';
import { elementCount, float32, int64, type Tensor } from '../src/tensor/tensor';

type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

/** A network that grows layer by layer. */
class Net {
  readonly nodes: OnnxNode[] = [];
  readonly weights = new Map<string, Tensor>();
  private readonly random = new Random(1);

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.split(opType, inputs, 1, attributes)[0]!;
  }

  split(opType: string, inputs: readonly string[], count: number, attributes: Attributes = {}): string[] {
    const name = `${opType}_${this.nodes.length}`;
    const outputs = Array.from({ length: count }, (_, index) => (index ? `${name}:${index}` : name));
    this.nodes.push({ name, opType, domain: '', inputs, outputs, attributes: longForm(attributes) });
    return outputs;
  }

  constant(tensor: Tensor): string {
    const name = `constant_${this.weights.size}`;
    this.weights.set(name, tensor);
    return name;
  }

  /** A parameter with normally distributed elements. */
  weight(name: string, dims: readonly number[], deviation: number, mean = 0): string {
    const data = new Float32Array(elementCount(dims)).map(() => mean + deviation * this.random.normal());
    this.weights.set(name, float32(dims, data));
    return name;
  }

  conv(x: string, name: string, from: number, to: number, size: number, stride = 1, group = 1): string {
    const pad = (size - 1) / 2;
    const fanIn = (from / group) * size * size;
    const w = this.weight(`${name}.weight`, [to, from / group, size, size], Math.sqrt(1.5 / fanIn));
    const b = this.weight(`${name}.bias`, [to], 0.05);
    const attributes = {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      dilations: [1, 1],
      group,
    };
    return this.op('Conv', [x, w, b], attributes);
  }

  /** A linear layer on rows: a MatMul and an Add, as exporters write it for inputs of rank 3. */
  rows(x: string, name: string, from: number, to: number): string {
    const w = this.weight(`${name}.weight`, [from, to], Math.sqrt(1 / from));
    return this.op('Add', [this.op('MatMul', [x, w]), this.weight(`${name}.bias`, [to], 0.05)]);
  }

  linear(x: string, name: string, from: number, to: number): string {
    const w = this.weight(`${name}.weight`, [to, from], Math.sqrt(1 / from));
    return this.op('Gemm', [x, w, this.weight(`${name}.bias`, [to], 0.05)], { transB: 1 });
  }
}

/** ResNet-18 with the stem for 32×32 images: [N, 3, 32, 32] to [N, 10]. */
function resnet18(net: Net, x: string): string {
  let channels = 64;
  let h = net.op('Relu', [net.conv(x, 'conv1', 3, channels, 3)]);
  [64, 128, 256, 512].forEach((width, stage) => {
    for (const block of [0, 1]) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = net.op('Relu', [net.conv(h, `${name}.conv1`, channels, width, 3, stride)]);
      const outer = net.conv(inner, `${name}.conv2`, width, width, 3);
      const shortcut = channels === width ? h : net.conv(h, `${name}.downsample`, channels, width, 1, stride);
      h = net.op('Relu', [net.op('Add', [outer, shortcut])]);
      channels = width;
    }
  });
  return net.linear(net.op('Flatten', [net.op('GlobalAveragePool', [h])]), 'fc', 512, 10);
}

/** MobileNetV2: [N, 3, 224, 224] to [N, 1000]. */
function mobilenetV2(net: Net, x: string): string {
  const [low, high] = [net.constant(float32([], [0])), net.constant(float32([], [6]))];
  const relu6 = (value: string): string => net.op('Clip', [value, low, high]);
  let h = relu6(net.conv(x, 'stem', 3, 32, 3, 2));
  let channels = 32;
  let place = 0;
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const;
  for (const [expansion, width, blocks, firstStride] of stages)
    for (let block = 0; block < blocks; block++) {
      const name = `block${place++}`;
      const stride = block === 0 ? firstStride : 1;
      const hidden = channels * expansion;
      let inner = h;
      if (expansion > 1) inner = relu6(net.conv(inner, `${name}.expand`, channels, hidden, 1));
      inner = relu6(net.conv(inner, `${name}.depthwise`, hidden, hidden, 3, stride, hidden));
      const out = net.conv(inner, `${name}.project`, hidden, width, 1);
      h = stride === 1 && channels === width ? net.op('Add', [h, out]) : out;
      channels = width;
    }
  h = relu6(net.conv(h, 'head', channels, 1280, 1));
  return net.linear(net.op('Flatten', [net.op('GlobalAveragePool', [h])]), 'fc', 1280, 1000);
}

/** Four Transformer encoder layers, width 256, 8 heads, on 64 tokens of 1,000 kinds: [N, 64] to [N, 10]. */
function transformer(net: Net, tokens: string): string {
  const [length, width, heads, inner] = [64, 256, 8, 1024];
  const table = net.weight('embedding', [1000, width], 1);
  let h = net.op('Add', [
    net.op('Gather', [table, tokens], { axis: 0 }),
    net.weight('position', [length, width], 0.1),
  ]);
  const apart = net.constant(int64([4], [0, length, heads, width / heads]));
  const together = net.constant(int64([3], [0, length, width]));
  const scale = net.constant(float32([], [Math.sqrt(heads / width)]));
  const norm = (x: string, name: string): string =>
    net.op(
      'LayerNormalization',
      [x, net.weight(`${name}.weight`, [width], 0.05, 1), net.weight(`${name}.bias`, [width], 0.05)],
      { axis: -1, epsilon: { float: 1e-5 } },
    );
  for (let layer = 0; layer < 4; layer++) {
    const name = (part: string): string => `layers.${layer}.${part}`;
    const packed = net.split('Split', [net.rows(h, name('in'), width, 3 * width)], 3, {
      axis: -1,
      num_outputs: 3,
    });
    const [q, k, v] = packed.map((part, index) =>
      net.op('Transpose', [net.op('Reshape', [part, apart])], {
        perm: index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3],
      }),
    ) as [string, string, string];
    const scores = net.op('MatMul', [net.op('Mul', [q, scale]), k]);
    const mixed = net.op('MatMul', [net.op('Softmax', [scores], { axis: -1 }), v]);
    const joined = net.op('Reshape', [net.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), together]);
    h = norm(net.op('Add', [h, net.rows(joined, name('out'), width, width)]), name('norm1'));
    const hidden = net.op('Relu', [net.rows(h, name('linear1'), width, inner)]);
    h = norm(net.op('Add', [h, net.rows(hidden, name('linear2'), inner, width)]), name('norm2'));
  }
  const mean = net.op('ReduceMean', [h, net.constant(int64([1], [1]))], { keepdims: 0 });
  return net.linear(mean, 'head', width, 10);
}

/** A network of the benchmark and its batch. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly inputs: Tensor;
  readonly labels: Tensor;
}

/** The networks by name. */
export const networks = {
  resnet18: () => network(resnet18, pictures(32, 32), 10),
  mobilenetv2: () => network(mobilenetV2, pictures(16, 224), 1000),
  transformer: () => network(transformer, tokens(32, 64), 10),
} as const;

function network(make: (net: Net, x: string) => string, inputs: Tensor, classes: number): Network {
  const net = new Net();
  const output = make(net, 'x');
  const batch = inputs.dims[0]!;
  const info = (name: string, dtype: Tensor['dtype'], dims: readonly number[]): ValueInfo => ({
    name,
    dtype,
    dims: ['N', ...dims],
  });
  const graph = {
    name: 'network',
    nodes: net.nodes,
    inputs: [info('x', inputs.dtype, inputs.dims.slice(1))],
    outputs: [info(output, 'float32', [classes])],
    initializers: net.weights,
    valueInfo: [],
  };
  const labels = int64(
    [batch],
    Array.from({ length: batch }, (_, index) => index % classes),
  );
  return { bytes: emitModel(graph, { opsets: new Map([['', 18]]) }), inputs, labels };
}

function pictures(count: number, size: number): Tensor {
  const random = new Random(2);
  const dims = [count, 3, size, size];
  return float32(
    dims,
    new Float32Array(elementCount(dims)).map(() => random.normal()),
  );
}

function tokens(count: number, length: number): Tensor {
  const random = new Random(2);
  return int64(
    [count, length],
    Array.from({ length: count * length }, () => random.integer(1000)),
  );
}

/** Hands a network's bytes over as a file that is gone afterwards. */
export async function withModelFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-bench-'));
  try {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytes);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function longForm(attributes: Attributes): Map<string, Attribute> {
  return new Map(
    Object.entries(attributes).map(([key, value]): [string, Attribute] => {
      if (typeof value === 'number') return [key, { type: 'int', value }];
      if ('float' in value) return [key, { type: 'float', value: value.float }];
      return [key, { type: 'ints', value }];
    }),
  );
}
