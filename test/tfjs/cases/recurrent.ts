// Recurrent layers and the wrappers around them.
import type * as Tensorflow from '@tensorflow/tfjs';
import type { SymbolicTensor } from '@tensorflow/tfjs';
import { chain, type LayerCase, type LayerLike } from './layerCase';

/** Recurrent layers and the wrappers around them. */
export function recurrentCases(): readonly LayerCase[] {
  const cases: readonly LayerCase[] = [
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
  ];
  return cases;
}
