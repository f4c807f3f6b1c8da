// Small TensorFlow.js models that every engine is tried on, each with data, labels and losses.
import type * as Tensorflow from '@tensorflow/tfjs';
import type { SymbolicTensor } from '@tensorflow/tfjs';
import type { LossName } from '../../src/runtime/contracts';
import { Random } from '../../src/tensor/random';
import { elementCount, type Tensor } from '../../src/tensor/tensor';
import { GraphFixture } from '../tfjs/graphs';
import { saveLayers } from '../tfjs/support';

/** A model in a folder, and what is asked of it. */
export interface EngineModel {
  readonly name: string;
  /** Writes the model; gives the path of its model.json. */
  readonly write: (tf: typeof Tensorflow, folder: string) => Promise<string> | string;
  /** The dims of one sample of each input, and how many values an integer input may take. */
  readonly inputs: readonly { readonly dims: readonly number[]; readonly integers?: number }[];
  readonly samples: number;
  /** The loss of each output and how to label it: class numbers below a count, or one number an element. */
  readonly heads: readonly {
    readonly loss: LossName;
    readonly dims: readonly number[];
    readonly classes?: number;
  }[];
}

/** Numbers of a seed in place of those that layers begin with: zeros and ones would hide mistakes. */
function seeded(tf: typeof Tensorflow, model: Tensorflow.LayersModel): Tensorflow.LayersModel {
  model.setWeights(
    model.weights.map(({ shape, originalName }, index) =>
      /variance|gamma/.test(originalName)
        ? tf.randomUniform(shape as number[], 0.5, 1.5, 'float32', index)
        : tf.randomNormal(shape as number[], 0, 0.5, 'float32', index),
    ),
  );
  return model;
}

function functional(
  build: (tf: typeof Tensorflow) => { inputs: SymbolicTensor[]; outputs: SymbolicTensor[] },
): EngineModel['write'] {
  return (tf, folder) => saveLayers(seeded(tf, tf.model(build(tf))), folder, 1000);
}

/** A layer's output; layers give lists too. */
function on(layer: Tensorflow.layers.Layer, value: SymbolicTensor | SymbolicTensor[]): SymbolicTensor {
  return layer.apply(value) as SymbolicTensor;
}

const models: readonly EngineModel[] = [
  {
    name: 'a convolutional classifier that ends in a softmax',
    write: functional(({ layers, input }) => {
      const x = input({ shape: [6, 6, 2] });
      let y = on(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }), x);
      y = on(layers.batchNormalization(), y);
      y = on(layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), y);
      y = on(layers.flatten(), y);
      return { inputs: [x], outputs: [on(layers.dense({ units: 3, activation: 'softmax' }), y)] };
    }),
    inputs: [{ dims: [6, 6, 2] }],
    samples: 40,
    heads: [{ loss: 'cross-entropy', dims: [], classes: 3 }],
  },
  {
    name: 'a regression with two inputs',
    write: functional(({ layers, input }) => {
      const [a, b] = [input({ shape: [3] }), input({ shape: [4] })];
      const joined = on(layers.concatenate(), [on(layers.dense({ units: 4, activation: 'tanh' }), a), b]);
      return { inputs: [a, b], outputs: [on(layers.dense({ units: 2 }), joined)] };
    }),
    inputs: [{ dims: [3] }, { dims: [4] }],
    samples: 7,
    heads: [{ loss: 'mse', dims: [2] }],
  },
  {
    name: 'two heads, one of them with a sigmoid',
    write: functional(({ layers, input }) => {
      const x = input({ shape: [5] });
      const shared = on(layers.dense({ units: 6, activation: 'elu' }), x);
      const yes = on(layers.dense({ units: 1, activation: 'sigmoid' }), shared);
      return { inputs: [x], outputs: [yes, on(layers.dense({ units: 3 }), shared)] };
    }),
    inputs: [{ dims: [5] }],
    samples: 9,
    heads: [
      { loss: 'binary-cross-entropy', dims: [1], classes: 2 },
      { loss: 'cross-entropy', dims: [], classes: 3 },
    ],
  },
  {
    name: 'a classifier whose softmax is reshaped',
    write: functional(({ layers, input }) => {
      const x = input({ shape: [4] });
      const y = on(layers.dense({ units: 3, activation: 'softmax' }), x);
      return { inputs: [x], outputs: [on(layers.reshape({ targetShape: [3, 1] }), y)] };
    }),
    inputs: [{ dims: [4] }],
    samples: 6,
    heads: [{ loss: 'cross-entropy', dims: [1], classes: 3 }],
  },
  {
    name: 'words through an embedding and an LSTM',
    write: functional(({ layers, input }) => {
      const x = input({ shape: [4], dtype: 'int32' });
      const y = on(layers.embedding({ inputDim: 7, outputDim: 3 }), x);
      const last = on(layers.lstm({ units: 4 }), y);
      return { inputs: [x], outputs: [on(layers.dense({ units: 2 }), last)] };
    }),
    inputs: [{ dims: [4], integers: 7 }],
    samples: 5,
    heads: [{ loss: 'cross-entropy', dims: [], classes: 2 }],
  },
  {
    name: 'a batch of fixed size',
    write: functional(({ layers, input }) => {
      const x = input({ batchShape: [4, 5] });
      return { inputs: [x], outputs: [on(layers.dense({ units: 3, activation: 'softmax' }), x)] };
    }),
    inputs: [{ dims: [5] }],
    samples: 6,
    heads: [{ loss: 'cross-entropy', dims: [], classes: 3 }],
  },
  {
    name: 'a graph with fused convolutions',
    write: (_, folder) => {
      const g = new GraphFixture();
      const fused = { fused_ops: ['BiasAdd', 'Relu6'], num_args: 1, padding: 'SAME' };
      const x = g.input('x', [null, 6, 6, 2]);
      const first = g.node('_FusedConv2D', [x, g.weight('k', [3, 3, 2, 4]), g.weight('b', [4])], {
        ...fused,
        strides: [1, 2, 2, 1],
      });
      const deep = g.node(
        'FusedDepthwiseConv2dNative',
        [first, g.weight('d', [3, 3, 4, 1]), g.weight('e', [4])],
        { ...fused, strides: [1, 1, 1, 1] },
      );
      const norm = g.node(
        'FusedBatchNormV3',
        [
          g.node('AddV2', [first, deep]),
          g.weight('gamma', [4]),
          g.weight('beta', [4]),
          g.weight('mean', [4]),
          g.weight('variance', [4], [1, 2, 0.5, 1]),
        ],
        { epsilon: { float: 0.001 }, is_training: false },
      );
      const pooled = g.node('Mean', [norm, g.ints('axes', [1, 2])], { keep_dims: false });
      const logits = g.node('_FusedMatMul', [pooled, g.weight('w', [4, 3]), g.weight('c', [3])], {
        fused_ops: ['BiasAdd'],
        num_args: 1,
        transpose_a: false,
        transpose_b: false,
      });
      return g.output(g.node('Softmax', [logits])).write(folder);
    },
    inputs: [{ dims: [6, 6, 2] }],
    samples: 8,
    heads: [{ loss: 'cross-entropy', dims: [], classes: 3 }],
  },
  {
    name: 'a graph whose sigmoid is fused into its last product',
    write: (_, folder) => {
      const g = new GraphFixture();
      const inputs = [g.input('x', [null, 5]), g.weight('w', [5, 2]), g.weight('b', [2])];
      return g
        .output(g.node('_FusedMatMul', inputs, { fused_ops: ['BiasAdd', 'Sigmoid'], num_args: 1 }))
        .write(folder);
    },
    inputs: [{ dims: [5] }],
    samples: 6,
    heads: [{ loss: 'binary-cross-entropy', dims: [2], classes: 2 }],
  },
];

/** All of them. */
export const engineModels: readonly EngineModel[] = [...models];

/** Inputs and labels of a model, drawn from a seed. */
export function dataFor(model: EngineModel): { inputs: Tensor[]; labels: Tensor[] } {
  const random = new Random(17);
  const inputs = model.inputs.map(({ dims, integers }): Tensor => {
    const all = [model.samples, ...dims];
    const count = elementCount(all);
    return integers === undefined
      ? { dtype: 'float32', dims: all, data: Float32Array.from({ length: count }, () => random.normal()) }
      : {
          dtype: 'int32',
          dims: all,
          data: Int32Array.from({ length: count }, () => random.integer(integers)),
        };
  });
  const labels = model.heads.map(({ dims, classes }): Tensor => {
    const all = [model.samples, ...dims];
    const count = elementCount(all);
    return classes === undefined
      ? { dtype: 'float32', dims: all, data: Float32Array.from({ length: count }, () => random.normal()) }
      : {
          dtype: 'int32',
          dims: all,
          data: Int32Array.from({ length: count }, () => random.integer(classes)),
        };
  });
  return { inputs, labels };
}
