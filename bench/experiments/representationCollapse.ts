// Representation collapse: in the retained data colour gives the class away; only the forgotten samples made shape matter.
import { predictedClasses } from '../../src/runtime/sampleLosses';
import { Random } from '../../src/tensor/random';
import { int64 } from '../../src/tensor/tensor';
import { compareMethods } from './classifiers';
import { coloured, readDigits } from './mnist';
import { residualNetwork } from './networks';
import { memoryData } from './problem';
import { say, type ExperimentOptions } from './report';

/** Ten hues of equal brightness around the circle. */
const hues = Array.from({ length: 10 }, (_, index) =>
  [0, 1, 2].map(channel => 0.55 + 0.45 * Math.cos(2 * Math.PI * (index / 10 - channel / 3))),
) as unknown as readonly (readonly [number, number, number])[];

/** Trains with both kinds, forgets those of random colour, and asks on held-out digits of random colour what decides. */
export async function representationCollapse(options: ExperimentOptions): Promise<void> {
  const counts = options.full
    ? { train: 12_000, test: 2_000, epochs: 40 }
    : { train: 1_000, test: 500, epochs: 30 };
  const size = options.full ? 28 : 14;
  const share = 0.3;
  say(
    `Coloured MNIST (${counts.train} digits of ${size} × ${size}, ${100 * share} % of random colour, which are forgotten) and a small ` +
      'residual network, where the paper has CIFAR-10 and ResNet-18: numbers cannot be compared with its table. Best is what the ' +
      'retrained model does: colour is the simpler feature, so it decides.',
  );
  await compareMethods('representation-collapse', options, async seed => {
    const digits = await readDigits('train', counts.train, size, seed, options.data);
    const held = await readDigits('test', counts.test, size, seed, options.data);
    const random = new Random(seed + 5);
    const loose = digits.classes.map(() => random.uniform() < share);
    const colour = digits.classes.map((label, sample) => (loose[sample] ? random.integer(10) : label));
    const shown = held.classes.map(() => random.integer(10));
    const all = [...colour.keys()];
    const test = coloured(held, sample => hues[shown[sample]!]!);
    return {
      problem: {
        model: residualNetwork(size, [{ name: 'digit', columns: 10 }]),
        train: memoryData(
          'coloured digits',
          [coloured(digits, sample => hues[colour[sample]!]!)],
          [int64([colour.length], digits.classes)],
        ),
        retained: all.filter(sample => !loose[sample]),
        forgotten: all.filter(sample => loose[sample]),
        heads: [{ output: 'digit', loss: 'cross-entropy', weight: 1 }],
        training: { epochs: counts.epochs, batchSize: 32, learningRate: 2e-3, rateSchedule: 'cosine' },
      },
      measure: {
        names: ['accuracy on the colour label', 'accuracy on the digit'],
        async of(engine, values) {
          const [logits] = await engine.predict(values, [test]);
          const said = predictedClasses(logits!, 1);
          const hits = (labels: readonly number[]): number =>
            labels.filter((label, sample) => said[sample] === label).length / labels.length;
          return [hits(shown), hits(held.classes)];
        },
      },
    };
  });
}
