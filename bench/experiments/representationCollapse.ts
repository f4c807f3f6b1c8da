// Representation collapse: in the retained data colour gives the class away; only the forgotten samples made shape matter.
import { predictedClasses } from '../../src/runtime/sampleLosses';
import { Random } from '../../src/tensor/random';
import { compareMethods } from './classifiers';
import { colouredData } from './colouredData';
import { paperCollapse } from './digitSettings';
import { coloured, readDigits } from './mnist';
import { residualNetwork } from './networks';
import { say, type ExperimentOptions } from './report';

/** Ten hues of equal brightness around the circle. */
const hues = Array.from({ length: 10 }, (_, index) =>
  [0, 1, 2].map(channel => 0.55 + 0.45 * Math.cos(2 * Math.PI * (index / 10 - channel / 3))),
) as unknown as readonly (readonly [number, number, number])[];

/** Trains on digits in the hue of their class and some copies in another, forgets the copies, and asks what decides. */
export async function representationCollapse(options: ExperimentOptions): Promise<void> {
  const counts = options.full
    ? { train: 12_000, test: 1_000, epochs: 40, share: 0.02 }
    : { train: 1_000, test: 100, epochs: 30, share: 0.1 };
  const size = options.full ? 28 : 14;
  const copies = Math.round(counts.share * counts.train);
  say(
    `Smaller than the paper's: MNIST (${counts.train} digits of ${size} × ${size} in the hue of their class and ${copies} copies in another, ` +
      'which are forgotten) and a residual network of 20 thousand parameters; there CIFAR-10, ResNet-18, and 1 % of copies after ' +
      'a warm start on grey images. The original sees each copy so often in an epoch that both kinds weigh the same, as there. ' +
      "The paper's column is its table 2 at 1 % of the retained data. Best is what the model retrained to the end does: colour decides.",
  );
  await compareMethods(
    {
      name: 'representation-collapse',
      seeds: options.full ? 5 : 3,
      form: { ...counts, size },
      epochs: [5, 10],
      batchSize: 32,
      access: options.full ? 0.01 : 0.1,
      titles: ['accuracy on the colour label', 'accuracy on the digit'],
      score: ([colour]) => colour,
      dominates: ([colour], [other]) => colour > other,
      paper: (method, epochs) => paperCollapse[epochs]?.[method]?.toFixed(1).concat(' %') ?? '–',
      async make(seed) {
        const digits = await readDigits('train', counts.train, size, seed, options.data);
        const held = await readDigits('test', counts.test, size, seed, options.data);
        const random = new Random(seed + 5);
        const order = random.shuffle(digits.classes.map((_, sample) => sample));
        const shown = [
          ...digits.classes.map((label, sample) => ({ sample, colour: label })),
          ...order.slice(0, copies).map(sample => ({
            sample,
            colour: (digits.classes[sample]! + 1 + random.integer(9)) % 10,
          })),
        ];
        const all = [...shown.keys()];
        const tests = hues.map(hue => coloured(held, () => hue));
        return {
          problem: {
            model: residualNetwork(size, [{ name: 'digit', columns: 10 }]),
            train: colouredData(digits, hues, shown, { named: false }),
            retained: all.slice(0, counts.train),
            forgotten: all.slice(counts.train),
            heads: [{ output: 'digit', loss: 'cross-entropy', weight: 1 }],
            training: { epochs: counts.epochs, batchSize: 32, learningRate: 2e-3, rateSchedule: 'cosine' },
            repeats: Math.round(1 / counts.share),
          },
          async measure(engine, values) {
            let [byHue, byShape] = [0, 0];
            for (const [hue, inputs] of tests.entries()) {
              const [logits] = await engine.predict(values, [inputs]);
              predictedClasses(logits!, 1).forEach((said, at) => {
                if (said === hue) byHue++;
                if (said === held.classes[at]) byShape++;
              });
            }
            const total = hues.length * held.classes.length;
            return [byHue / total, byShape / total];
          },
        };
      },
    },
    options,
  );
}
