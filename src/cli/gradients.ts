import { Option, type Command } from 'commander';
import type { LossName } from '../runtime/contracts';
import { UsageError } from '../shared/errors';
import { print, writeWhole } from './output';

interface GradientOptions {
  readonly inputs: string[];
  readonly labels?: string[];
  readonly loss?: LossName;
  readonly perSample?: boolean;
  readonly out: string;
}

/** `lethe gradients MODEL --inputs a.npy … --labels y.npy … --loss L --out g.npz [--per-sample]` */
export function addGradients(program: Command): void {
  program
    .command('gradients')
    .description('write the gradient of a loss, or of each sample’s largest output, by parameter')
    .argument('<model>', 'an ONNX file')
    .requiredOption('--inputs <file...>', '.npy files in the order of the model’s inputs')
    .option('--labels <file...>', '.npy files in the order of the model’s outputs')
    .addOption(
      new Option('--loss <name>', 'a mean over the samples').choices([
        'cross-entropy',
        'binary-cross-entropy',
        'mse',
      ]),
    )
    .option(
      '--per-sample',
      'gradients of the largest element of the first output, one a sample; needs no labels',
    )
    .requiredOption('--out <file>', 'a .npz file')
    .action(async (model: string, options: GradientOptions) => {
      if (!options.out.toLowerCase().endsWith('.npz'))
        throw new UsageError(`--out ${options.out} must end in .npz.`);
      const { lossGradients, sampleGradients } = await import('../job/gradients');
      const { encodeNpz } = await import('../tensor/npz');
      const read = [model, ...options.inputs, ...(options.labels ?? [])];
      if (options.perSample) {
        const gradients = await sampleGradients(model, options.inputs);
        writeWhole(options.out, encodeNpz(gradients), read);
        print(`${options.out}: gradients of each sample by ${gradients.size} parameters`);
        return;
      }
      if (!options.labels || !options.loss) {
        throw new UsageError(
          'Name --labels and --loss, or ask for --per-sample gradients, which need neither.',
        );
      }
      const { loss, gradients } = await lossGradients(model, options.inputs, options.labels, options.loss);
      writeWhole(options.out, encodeNpz(gradients), read);
      print(`${options.out}: gradients of the loss ${loss} by ${gradients.size} parameters`);
    });
}
