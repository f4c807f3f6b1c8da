// Small models, each for one layer or a way of using layers.
import type * as Tensorflow from '@tensorflow/tfjs';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';

type Tf = typeof Tensorflow;
type LayerLike = Tensorflow.layers.Layer;

/** A model by what it shows. */
export interface LayerCase {
  readonly name: string;
  /** Why TensorFlow.js is no witness of the gradients; its predictions are compared alone then. */
  readonly noGradients?: string;
  build(tf: Tf): LayersModel;
}

/** A chain of layers on one input; a dense layer in front gives even layers without weights something to learn. */
function chain(shape: (number | null)[], layers: (tf: Tf) => LayerLike[]): (tf: Tf) => LayersModel {
  return tf => {
    const input = tf.input({ shape });
    let value: SymbolicTensor = tf.layers.dense({ units: shape.at(-1)! }).apply(input) as SymbolicTensor;
    for (const layer of layers(tf)) value = layer.apply(value) as SymbolicTensor;
    return tf.model({ inputs: input, outputs: value });
  };
}

/** Two branches of one input, brought together. */
function merge(
  layer: (tf: Tf) => LayerLike,
  a: (tf: Tf) => LayerLike = tf => tf.layers.dense({ units: 4 }),
  b: (tf: Tf) => LayerLike = tf => tf.layers.dense({ units: 4 }),
  shape: number[] = [5],
): (tf: Tf) => LayersModel {
  return tf => {
    const input = tf.input({ shape });
    const parts = [a(tf), b(tf)].map(part => part.apply(input) as SymbolicTensor);
    return tf.model({ inputs: input, outputs: layer(tf).apply(parts) as SymbolicTensor });
  };
}

/** Batch normalisation of a vector, a sequence and maps. */
function normalised(tf: Tf, settings: { scale?: boolean; center?: boolean }): LayersModel {
  const inputs = [tf.input({ shape: [5] }), tf.input({ shape: [4, 3] }), tf.input({ shape: [4, 5, 3] })];
  return tf.model({
    inputs,
    outputs: inputs.map(
      input => tf.layers.batchNormalization({ epsilon: 0.01, ...settings }).apply(input) as SymbolicTensor,
    ),
  });
}

const activations = [
  'elu',
  'hardSigmoid',
  'linear',
  'relu',
  'relu6',
  'selu',
  'sigmoid',
  'softmax',
  'softplus',
  'softsign',
  'tanh',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
] as const;

const space = [7, 6, 3];

export const layerCases: readonly LayerCase[] = [
  ...activations.map(activation => ({
    name: `the activation ${activation}`,
    build: chain([5], tf => [
      tf.layers.dense({ units: 4, activation: activation as 'relu' }),
      tf.layers.activation({ activation: activation as 'relu' }),
    ]),
  })),
  {
    name: 'Dense on three axes, without a bias',
    build: chain([4, 5], tf => [tf.layers.dense({ units: 3, useBias: false })]),
  },
  ...(['same', 'valid'] as const).flatMap(padding =>
    [1, 2].map(strides => ({
      name: `Conv1D, Conv2D and Conv3D, ${padding}, strides ${strides}`,
      build: (tf: Tf): LayersModel => {
        const conv = { filters: 4, kernelSize: 3, strides, padding, activation: 'relu' as const };
        const [a, b, c] = [
          tf.input({ shape: [9, 3] }),
          tf.input({ shape: [8, 7, 2] }),
          tf.input({ shape: [6, 7, 5, 2] }),
        ];
        return tf.model({
          inputs: [a!, b!, c!],
          outputs: [
            tf.layers.conv1d(conv).apply(a!) as SymbolicTensor,
            tf.layers.conv2d({ ...conv, kernelSize: [3, 4] }).apply(b!) as SymbolicTensor,
            tf.layers.conv3d({ ...conv, kernelSize: 2, useBias: false }).apply(c!) as SymbolicTensor,
          ],
        });
      },
    })),
  ),
  {
    name: 'dilated convolutions',
    noGradients: 'it has none of dilated ones',
    build: chain(space, tf => [
      tf.layers.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2, padding: 'same' }),
      tf.layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: [2, 1] }),
    ]),
  },
  {
    name: 'convolutions and pooling with channels first',
    build: tf => {
      const input = tf.input({ shape: [3, 8, 7] });
      const dataFormat = 'channelsFirst' as const;
      const conv = tf.layers.conv2d({
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        dataFormat,
        activation: 'tanh',
      });
      const pool = tf.layers.maxPooling2d({ poolSize: 2, dataFormat });
      const mean = tf.layers.globalAveragePooling2d({ dataFormat });
      const value = [conv, pool, mean].reduce((x, layer) => layer.apply(x) as SymbolicTensor, input);
      return tf.model({ inputs: input, outputs: value });
    },
  },
  {
    name: 'convolutions of maps whose size the data say',
    build: chain([null, null, 2], tf => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
      tf.layers.maxPooling2d({ poolSize: 2, padding: 'same' }),
      tf.layers.globalAveragePooling2d({}),
    ]),
  },
  ...(['same', 'valid'] as const).flatMap(padding =>
    [1, 2, 3].map(strides => ({
      name: `Conv2DTranspose, ${padding}, strides ${strides}`,
      build: chain([4, 3, 2], tf => [
        tf.layers.conv2dTranspose({ filters: 3, kernelSize: 2, strides, padding }),
        tf.layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides, padding, activation: 'sigmoid' }),
      ]),
    })),
  ),
  ...(['same', 'valid'] as const).flatMap(padding =>
    [1, 2].map(strides => ({
      name: `DepthwiseConv2D and SeparableConv2D, ${padding}, strides ${strides}`,
      build: chain([8, 8, 3], tf => [
        tf.layers.depthwiseConv2d({
          kernelSize: 3,
          strides,
          padding,
          depthMultiplier: 2,
          activation: 'relu6' as 'relu',
        }),
        tf.layers.separableConv2d({
          filters: 4,
          kernelSize: 2,
          padding,
        }),
      ]),
    })),
  ),
  {
    name: 'BatchNormalization on two, three and four axes',
    build: tf => normalised(tf, {}),
  },
  {
    name: 'BatchNormalization without scale, and without centre',
    noGradients: 'it fails where there is no scale',
    build: tf => normalised(tf, { scale: false, center: false }),
  },
  {
    name: 'LayerNormalization over one and two axes',
    build: chain([4, 5], tf => [
      tf.layers.layerNormalization({}),
      tf.layers.layerNormalization({ axis: [1, 2], epsilon: 0.1 }),
    ]),
  },
  {
    name: 'LayerNormalization without scale and centre',
    noGradients: 'it fails where there is no scale',
    build: chain([4, 5], tf => [tf.layers.layerNormalization({ scale: false, center: false })]),
  },
  {
    name: 'advanced activations',
    build: chain([3, 4], tf => [
      tf.layers.leakyReLU({ alpha: 0.2 }),
      tf.layers.prelu({}),
      tf.layers.elu({}),
      tf.layers.reLU({ maxValue: 1.5 }),
      tf.layers.softmax({ axis: -1 }),
    ]),
  },
  {
    name: 'ThresholdedReLU',
    noGradients: 'it has none of that',
    build: chain([4], tf => [tf.layers.thresholdedReLU({ theta: 0.1 })]),
  },
  {
    name: 'PReLU with shared axes behind a convolution',
    build: chain(space, tf => [
      tf.layers.conv2d({ filters: 4, kernelSize: 3 }),
      tf.layers.prelu({ sharedAxes: [1, 2] }),
      tf.layers.conv2d({ filters: 4, kernelSize: 1 }),
      tf.layers.prelu({}),
      tf.layers.softmax({ axis: -1 }),
    ]),
  },
  ...(['same', 'valid'] as const).map(padding => ({
    name: `pooling over windows, ${padding}`,
    ...(padding === 'same'
      ? { noGradients: 'its gradient of averages counts padding, its averages do not' }
      : {}),
    build: (tf: Tf): LayersModel => {
      const [a, b, c] = [
        tf.input({ shape: [9, 3] }),
        tf.input({ shape: [7, 7, 2] }),
        tf.input({ shape: [5, 5, 5, 2] }),
      ];
      const through = (input: SymbolicTensor, ...layers: LayerLike[]): SymbolicTensor =>
        [tf.layers.dense({ units: 2 }), ...layers].reduce(
          (x, layer) => layer.apply(x) as SymbolicTensor,
          input,
        );
      const windows = { poolSize: 2, strides: 2, padding };
      return tf.model({
        inputs: [a!, b!, c!],
        outputs: [
          through(
            a!,
            tf.layers.averagePooling1d(windows),
            tf.layers.maxPooling1d({ ...windows, strides: 1 }),
          ),
          through(
            b!,
            tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding }),
            tf.layers.maxPooling2d({ poolSize: [2, 3], strides: 1, padding }),
          ),
          through(
            c!,
            tf.layers.averagePooling3d({ ...windows, poolSize: 3, strides: 1 }),
            tf.layers.maxPooling3d(windows),
          ),
        ],
      });
    },
  })),
  {
    name: 'global pooling',
    build: tf => {
      const [a, b] = [tf.input({ shape: [6, 3] }), tf.input({ shape: [5, 4, 3] })];
      const [x, y] = [
        tf.layers.dense({ units: 3 }).apply(a!),
        tf.layers.conv2d({ filters: 3, kernelSize: 2 }).apply(b!),
      ];
      return tf.model({
        inputs: [a!, b!],
        outputs: [
          tf.layers.globalAveragePooling1d({}).apply(x),
          tf.layers.globalMaxPooling1d({}).apply(x),
          tf.layers.globalAveragePooling2d({}).apply(y),
          tf.layers.globalMaxPooling2d({}).apply(y),
        ] as SymbolicTensor[],
      });
    },
  },
  {
    name: 'Flatten behind a convolution, Reshape, Permute and RepeatVector',
    build: chain(space, tf => [
      tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 6 }),
      tf.layers.repeatVector({ n: 4 }),
      tf.layers.permute({ dims: [2, 1] }),
      tf.layers.reshape({ targetShape: [3, 8] }),
      tf.layers.dense({ units: 2 }),
    ]),
  },
  {
    name: 'ZeroPadding2D, Cropping2D and UpSampling2D',
    build: chain([4, 3, 2], tf => [
      tf.layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
      tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
      tf.layers.cropping2D({
        cropping: [
          [1, 0],
          [0, 2],
        ],
      }),
    ]),
  },
  {
    name: 'UpSampling2D by repetition',
    noGradients: 'it errs for every sample but the first',
    build: chain([3, 4, 2], tf => [tf.layers.upSampling2d({ size: [2, 3] })]),
  },
  ...[
    [3, 3],
    [3, 4],
  ].map(([height, width]) => ({
    name: `UpSampling2D of maps ${height} by ${width} by interpolation`,
    ...(height === width ? {} : { noGradients: 'it mixes height and width up' }),
    build: chain([height!, width!, 2], tf => [
      tf.layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' } as { size: [number, number] }),
    ]),
  })),
  {
    name: 'layers that do nothing in inference',
    build: chain([4, 3], tf => [
      tf.layers.dropout({ rate: 0.4 }),
      tf.layers.spatialDropout1d({ rate: 0.4 }),
      tf.layers.gaussianNoise({ stddev: 0.4 }),
      tf.layers.gaussianDropout({ rate: 0.4 }),
      tf.layers.alphaDropout({ rate: 0.4 }),
    ]),
  },
  { name: 'Add', build: merge(tf => tf.layers.add()) },
  { name: 'Multiply', build: merge(tf => tf.layers.multiply()) },
  { name: 'Average', build: merge(tf => tf.layers.average()) },
  { name: 'Maximum', build: merge(tf => tf.layers.maximum()) },
  { name: 'Minimum', build: merge(tf => tf.layers.minimum()) },
  {
    name: 'Concatenate',
    build: merge(
      tf => tf.layers.concatenate(),
      undefined,
      tf => tf.layers.dense({ units: 3 }),
    ),
  },
  {
    name: 'Concatenate of maps along each axis',
    build: tf => {
      const input = tf.input({ shape: [5, 5, 2] });
      const conv = (): SymbolicTensor =>
        tf.layers.conv2d({ filters: 2, kernelSize: 2 }).apply(input) as SymbolicTensor;
      return tf.model({
        inputs: input,
        outputs: [1, 2, 3, -1].map(
          axis => tf.layers.concatenate({ axis }).apply([conv(), conv()]) as SymbolicTensor,
        ),
      });
    },
  },
  {
    name: 'a residual block: sums of maps keep their layout',
    build: tf => {
      const input = tf.input({ shape: [6, 6, 4] });
      const conv = tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(input);
      const norm = tf.layers.batchNormalization().apply(conv);
      const sum = tf.layers.add().apply([norm as SymbolicTensor, input]);
      return tf.model({ inputs: input, outputs: tf.layers.reLU().apply(sum) as SymbolicTensor });
    },
  },
  {
    name: 'Dot of vectors, normalised',
    build: merge(tf => tf.layers.dot({ axes: -1, normalize: true })),
  },
  {
    name: 'Dot of matrices',
    build: merge(
      tf => tf.layers.dot({ axes: [2, 1] }),
      tf => tf.layers.dense({ units: 3 }),
      tf => tf.layers.dense({ units: 2 }),
      [3, 5],
    ),
  },
  {
    name: 'Dot of a matrix and a vector',
    build: tf => {
      const [a, b] = [tf.input({ shape: [3, 4] }), tf.input({ shape: [4] })];
      const [x, y] = [tf.layers.dense({ units: 4 }).apply(a!), tf.layers.dense({ units: 4 }).apply(b!)];
      return tf.model({
        inputs: [a!, b!],
        outputs: tf.layers.dot({ axes: [2, 1] }).apply([x, y] as SymbolicTensor[]) as SymbolicTensor,
      });
    },
  },
  {
    name: 'Embedding of whole numbers',
    build: tf => {
      const input = tf.input({ shape: [6], dtype: 'int32' });
      const rows = tf.layers.embedding({ inputDim: 4, outputDim: 3 }).apply(input);
      return tf.model({
        inputs: input,
        outputs: tf.layers.globalAveragePooling1d({}).apply(rows) as SymbolicTensor,
      });
    },
  },
  ...(['simpleRNN', 'lstm', 'gru'] as const).flatMap(kind =>
    [false, true].map(returnSequences => ({
      name: `${kind}${returnSequences ? ', the whole sequence' : ''}`,
      build: chain([5, 3], tf => [tf.layers[kind]({ units: 4, returnSequences }) as LayerLike]),
    })),
  ),
  {
    name: 'an LSTM with other activations',
    build: chain([4, 3], tf => [
      tf.layers.lstm({ units: 3, recurrentActivation: 'sigmoid', activation: 'softsign' }) as LayerLike,
    ]),
  },
  {
    name: 'a GRU without a bias',
    build: chain([4, 3], tf => [
      tf.layers.gru({
        units: 3,
        useBias: false,
        recurrentActivation: 'sigmoid',
        returnSequences: true,
      }) as LayerLike,
    ]),
  },
  {
    name: 'a SimpleRNN without an activation',
    build: chain([4, 3], tf => [tf.layers.simpleRNN({ units: 2, activation: 'linear' }) as LayerLike]),
  },
  ...[false, true].map(returnSequences => ({
    name: `an LSTM that goes backwards${returnSequences ? ', the whole sequence' : ''}`,
    build: chain([4, 3], tf => [
      tf.layers.lstm({ units: 3, goBackwards: true, returnSequences }) as LayerLike,
    ]),
  })),
  {
    name: 'LSTM that returns its states, which another one begins with',
    build: tf => {
      const input = tf.input({ shape: [4, 3] });
      const [sequence, hidden, carry] = tf.layers
        .lstm({ units: 3, returnSequences: true, returnState: true })
        .apply(input) as SymbolicTensor[];
      const next = tf.layers.lstm({ units: 3 }) as LayerLike;
      const output = next.apply([sequence!, hidden!, carry!]) as SymbolicTensor;
      return tf.model({ inputs: input, outputs: output });
    },
  },
  ...(['concat', 'sum', 'mul', 'ave'] as const).map(mergeMode => ({
    name: `Bidirectional, ${mergeMode}`,
    build: chain([4, 3], tf => [
      tf.layers.bidirectional({
        layer: tf.layers.lstm({ units: 2, returnSequences: true }) as Tensorflow.RNN,
        mergeMode,
      }),
      tf.layers.bidirectional({ layer: tf.layers.gru({ units: 2 }) as Tensorflow.RNN, mergeMode }),
    ]),
  })),
  {
    name: 'TimeDistributed',
    build: chain([3, 6, 5, 2], tf => [
      tf.layers.timeDistributed({ layer: tf.layers.conv2d({ filters: 3, kernelSize: 2 }) }),
      tf.layers.timeDistributed({ layer: tf.layers.flatten() }),
      tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }) }),
    ]),
  },
  {
    name: 'a model inside a model',
    build: tf => {
      const inner = tf.sequential({
        layers: [
          tf.layers.dense({ units: 3, inputShape: [4], activation: 'tanh' }),
          tf.layers.dense({ units: 2 }),
        ],
      });
      return tf.sequential({
        layers: [tf.layers.dense({ units: 4, inputShape: [5] }), inner, tf.layers.dense({ units: 1 })],
      });
    },
  },
  {
    name: 'a layer that is used twice',
    build: tf => {
      const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
      const shared = tf.layers.dense({ units: 3, activation: 'tanh' });
      const [x, y] = [shared.apply(a!), shared.apply(b!)] as SymbolicTensor[];
      return tf.model({
        inputs: [a!, b!],
        outputs: tf.layers.concatenate().apply([x!, y!]) as SymbolicTensor,
      });
    },
  },
  {
    name: 'several outputs, one of them used again',
    build: tf => {
      const input = tf.input({ shape: [4] });
      const hidden = tf.layers.dense({ units: 3, activation: 'relu' }).apply(input) as SymbolicTensor;
      return tf.model({
        inputs: input,
        outputs: [
          hidden,
          tf.layers.dense({ units: 2, activation: 'softmax' }).apply(hidden) as SymbolicTensor,
        ],
      });
    },
  },
];
