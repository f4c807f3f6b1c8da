import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import type { LossName } from '../runtime/contracts';
import { UsageError } from '../shared/errors';
import { checkOut, print, printJson, writeWhole } from './output';

interface GradientOptions {
  readonly inputs: string[];
  readonly labels?: string[];
  readonly loss?: LossName;
  readonly perSample?: boolean;
  readonly freeze?: string[];
  readonly out: string;
  readonly json?: boolean;
}

/** `lethe gradients MODEL --inputs a.npy … --labels y.npy … --loss L --out g.npz [--per-sample] [--freeze GLOB …] [--json]` */
export function addGradients(program: Command): void {
  program
    .command('gradients')
    .description('write the gradient of a loss, or of each sample’s largest output, by parameter')
    .argument('<model>', 'an ONNX file or a TensorFlow.js model.json')
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
    .option('--freeze <glob...>', 'leave parameters out by name, for example --freeze "*.bias"')
    .requiredOption('--out <file>', 'a .npz file')
    .option('--json', 'print one JSON object')
    .action(async (model: string, options: GradientOptions) => {
      const { out, inputs, labels, loss, freeze = [] } = options;
      if (!out.toLowerCase().endsWith('.npz')) throw new UsageError(`--out ${out} must end in .npz.`);
      if (!options.perSample && (!labels || !loss)) {
        throw new UsageError(
          'Name --labels and --loss, or ask for --per-sample gradients, which need neither.',
        );
      }
      checkOut(out, [model, ...inputs, ...(labels ?? [])]);
      const { lossGradients, sampleGradients } = await import('../job/gradients');
      const { encodeNpz } = await import('../tensor/npz');
      const request = { model, inputs, freeze };
      const found = options.perSample
        ? { ...(await sampleGradients(request)), loss: null }
        : await lossGradients(request, labels!, loss!);
      for (const warning of found.warnings) process.stderr.write(`${warning}\n`);
      const { gradients } = found;
      checkOut(out, found.read);
      writeWhole(out, encodeNpz(gradients, { compress: false }));
      if (options.json) {
        const parameters = [...gradients].map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
        printJson({ out: resolve(out), loss: found.loss, parameters });
      } else {
        const what = found.loss === null ? 'each sample' : `the loss ${found.loss}`;
        print(`${out}: gradients of ${what} by ${gradients.size} parameters`);
      }
    });
}
