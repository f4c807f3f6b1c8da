// Networks of the experiments as ONNX graphs; their weights are drawn when they are trained.
import { emitModel } from '../../src/onnx/emit';
import type { Attribute, OnnxNode } from '../../src/onnx/model';
import { zeros, type Tensor } from '../../src/tensor/tensor';

/** Collects the nodes and weights of a network. */
class NetworkBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly weights = new Map<string, Tensor>();
  private count = 0;

  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output?: string,
  ): string {
    const name = output ?? `v${++this.count}`;
    const entries = Object.entries(attributes);
    this.nodes.push({
      name: `${opType}/${name}`,
      opType,
      domain: '',
      inputs,
      outputs: [name],
      attributes: new Map(entries),
    });
    return name;
  }

  weight(name: string, dims: readonly number[]): string {
    this.weights.set(name, zeros('float32', dims));
    return name;
  }

  dense(input: string, name: string, from: number, to: number, output?: string): string {
    const inputs = [input, this.weight(`${name}.weight`, [to, from]), this.weight(`${name}.bias`, [to])];
    return this.node('Gemm', inputs, { transB: { type: 'int', value: 1 } }, output);
  }

  conv(input: string, name: string, from: number, to: number, kernel: number, stride = 1): string {
    const inputs = [
      input,
      this.weight(`${name}.weight`, [to, from, kernel, kernel]),
      this.weight(`${name}.bias`, [to]),
    ];
    const around = (kernel - 1) / 2;
    const ints = (values: number[]): Attribute => ({ type: 'ints', value: values });
    return this.node('Conv', inputs, {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([around, around, around, around]),
    });
  }

  silu(input: string): string {
    return this.node('Mul', [input, this.node('Sigmoid', [input])]);
  }

  relu(input: string): string {
    return this.node('Relu', [input]);
  }

  model(inputDims: readonly number[], outputs: readonly { name: string; columns: number }[]): Uint8Array {
    const value = (name: string, dims: readonly number[]) => ({
      name,
      dtype: 'float32' as const,
      dims: ['n', ...dims],
    });
    return emitModel(
      {
        name: 'experiment',
        nodes: this.nodes,
        inputs: [value('x', inputDims)],
        outputs: outputs.map(({ name, columns }) => value(name, [columns])),
        initializers: this.weights,
        valueInfo: [],
      },
      { opsets: new Map([['', 17]]) },
    );
  }
}

/** A perceptron x → widths… with an activation after every layer but the last; the output is named y. */
export function perceptron(widths: readonly number[], activation: 'silu' | 'relu'): Uint8Array {
  const net = new NetworkBuilder();
  let value = 'x';
  const last = widths.length - 2;
  for (let layer = 0; layer <= last; layer++) {
    const [from, to] = [widths[layer]!, widths[layer + 1]!];
    value = net.dense(value, `layer${layer + 1}`, from, to, layer === last ? 'y' : undefined);
    if (layer < last) value = net[activation](value);
  }
  return net.model([widths[0]!], [{ name: 'y', columns: widths.at(-1)! }]);
}

/**
 * A small residual network without normalisation on images [3, size, size]: a convolution, a block of 16 channels, one
 * of 32 at half the size, the mean over space, and one linear head for each entry.
 */
export function residualNetwork(
  size: number,
  heads: readonly { readonly name: string; readonly columns: number }[],
): Uint8Array {
  const net = new NetworkBuilder();
  let value = net.relu(net.conv('x', 'stem', 3, 16, 3));
  const block = (name: string, from: number, to: number, stride: number): void => {
    const inner = net.conv(
      net.relu(net.conv(value, `${name}.conv1`, from, to, 3, stride)),
      `${name}.conv2`,
      to,
      to,
      3,
    );
    const around = from === to ? value : net.conv(value, `${name}.shortcut`, from, to, 1, stride);
    value = net.relu(net.node('Add', [inner, around]));
  };
  block('block1', 16, 16, 1);
  block('block2', 16, 32, 2);
  const features = net.node('Flatten', [net.node('GlobalAveragePool', [value])]);
  for (const { name, columns } of heads) net.dense(features, name, 32, columns, name);
  return net.model([3, size, size], heads);
}
