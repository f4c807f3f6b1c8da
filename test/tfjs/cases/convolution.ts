// Convolutions, pooling, and layers that enlarge or cut maps.
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import { chain, type LayerCase, type LayerLike, type Tf } from './layerCase';

/** Height, width and channels of maps. */
const space = [7, 6, 3];

/** Convolutions, pooling, and layers that enlarge or cut maps. */
export function convolutionCases(): readonly LayerCase[] {
  const cases: readonly LayerCase[] = [
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
  ];
  return cases;
}
