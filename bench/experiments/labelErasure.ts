// Label erasure: a network that names digit and colour forgets the colour grey, and should still name grey digits.
import { headOutputs } from '../../src/evaluate/samples';
import { confidences, predictedClasses } from '../../src/runtime/sampleLosses';
import { Random } from '../../src/tensor/random';
import { elementReader, int64, type Tensor } from '../../src/tensor/tensor';
import { compareMethods } from './classifiers';
import { coloured, readDigits } from './mnist';
import { residualNetwork } from './networks';
import { memoryData } from './problem';
import { say, type ExperimentOptions } from './report';

const colours = [
  [1, 0.1, 0.1],
  [0.1, 1, 0.1],
  [0.6, 0.6, 0.6],
] as const;
const grey = 2;

/** Trains with all three colours, forgets every grey sample, and measures both sides on grey held-out digits. */
export async function labelErasure(options: ExperimentOptions): Promise<void> {
  const counts = options.full
    ? { train: 12_000, test: 2_000, epochs: 40 }
    : { train: 1_000, test: 500, epochs: 30 };
  const size = options.full ? 28 : 14;
  say(
    `Coloured MNIST (${counts.train} digits of ${size} × ${size}) and a small residual network, where the paper has CIFAR-10 and ` +
      'ResNet-18 and shows its result as a plot: shapes of the trade-off can be compared, numbers cannot. Best is what the ' +
      'retrained model does: grey digits are named, and grey is never said, so that (p(grey) − 1)² is 1.',
  );
  await compareMethods('label-erasure', options, async seed => {
    const digits = await readDigits('train', counts.train, size, seed, options.data);
    const held = await readDigits('test', counts.test, size, seed, options.data);
    const random = new Random(seed + 5);
    const colour = digits.classes.map(() => random.integer(colours.length));
    const heads = [
      { name: 'digit', columns: 10 },
      { name: 'colour', columns: colours.length },
    ];
    const all = [...colour.keys()];
    const losses = heads.map(({ name }) => ({ output: name, loss: 'cross-entropy' as const, weight: 1 }));
    const greyDigits = coloured(held, () => colours[grey]);
    return {
      problem: {
        model: residualNetwork(size, heads),
        train: memoryData(
          'coloured digits',
          [coloured(digits, sample => colours[colour[sample]!]!)],
          [int64([colour.length], digits.classes), int64([colour.length], colour)],
        ),
        retained: all.filter(sample => colour[sample] !== grey),
        forgotten: all.filter(sample => colour[sample] === grey),
        heads: losses,
        training: { epochs: counts.epochs, batchSize: 32, learningRate: 2e-3, rateSchedule: 'cosine' },
      },
      measure: {
        names: ['grey digits named rightly', 'mean (p(grey) − 1)²'],
        async of(engine, values) {
          const [digit, tone] = await headOutputs(engine, values, [greyDigits], losses);
          const named = predictedClasses(digit!.tensor, 1);
          const right = held.classes.filter((label, sample) => named[sample] === label).length;
          return [right / held.classes.length, meanSquaredRest(tone!.tensor)];
        },
      },
    };
  });
}

/** The mean of (p(grey) − 1)² from logits. */
function meanSquaredRest(logits: Tensor): number {
  const read = elementReader(logits);
  const largest = confidences(logits, 1);
  let sum = 0;
  largest.forEach((top, sample) => {
    // log p of any class follows from the largest one's.
    const at = (index: number): number => read(sample * colours.length + index);
    const best = Math.max(...colours.map((_, index) => at(index)));
    sum += (top * Math.exp(at(grey) - best) - 1) ** 2;
  });
  return sum / largest.length;
}
