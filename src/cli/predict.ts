import type { Command } from 'commander';
import { resolve } from 'node:path';
import { LetheError, UsageError } from '../shared/errors';
import type { SampleSource } from '../job/predict';
import type { Tensor } from '../tensor/tensor';
import { checkOut, print, printJson, writeWhole } from './output';

interface PredictOptions {
  readonly recipe?: string;
  readonly split?: string;
  readonly data?: string;
  readonly preprocess?: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `lethe predict MODEL (--recipe R [--split train|test] | --data D [--preprocess JSON]) --out FILE.npy [--json]` */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('write what a model gives for a dataset')
    .argument('<model>', 'an ONNX file or a TensorFlow.js model.json')
    .option('--recipe <file>', 'take the data and its preprocessing from a recipe')
    .option('--split <name>', 'which data of the recipe: train or test (default: test)')
    .option('--data <path>', 'a dataset')
    .option('--preprocess <json>', 'as in a recipe, for example {"scale": 0.00392156862745098}')
    .requiredOption('--out <file>', 'a .npy file; a .npz file where the model has several outputs')
    .option('--json', 'print one JSON object')
    .action(async (model: string, options: PredictOptions) => {
      const { predictDataset } = await import('../job/predict');
      const [{ encodeNpy }, { encodeNpz }] = await Promise.all([
        import('../tensor/npy'),
        import('../tensor/npz'),
      ]);
      const packed = options.out.toLowerCase().endsWith('.npz');
      if (!packed && !options.out.toLowerCase().endsWith('.npy')) {
        throw new UsageError(`--out ${options.out} must end in .npy, or in .npz for several outputs.`);
      }
      const from = await source(options);
      const data = resolve(from.base, typeof from.data === 'string' ? from.data : from.data.path);
      checkOut(options.out, [model, data, ...(options.recipe === undefined ? [] : [options.recipe])]);
      const { outputs, warnings, read } = await predictDataset(model, from);
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      if (!packed && outputs.size > 1) {
        throw new UsageError(
          `${model} has ${outputs.size} outputs (${[...outputs.keys()].join(', ')}). Let --out end in .npz.`,
        );
      }
      const first = [...outputs.values()][0] as Tensor;
      checkOut(options.out, read);
      writeWhole(options.out, packed ? encodeNpz(outputs, { compress: false }) : encodeNpy(first));
      if (options.json) {
        const written = [...outputs].map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
        return printJson({ out: resolve(options.out), outputs: written });
      }
      const shapes = [...outputs].map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
      print(`${options.out}: ${shapes.join(', ')}`);
    });
}

/** Where the samples come from, by the options. */
async function source(options: PredictOptions): Promise<SampleSource> {
  if ((options.recipe === undefined) === (options.data === undefined)) {
    throw new UsageError('Name the samples by either --recipe or --data.');
  }
  const [{ loadRecipe }, { parsePreprocess }] = await Promise.all([
    import('../job/recipeFile'),
    import('../shared/recipe'),
  ]);
  if (options.data !== undefined) {
    if (options.split !== undefined)
      throw new UsageError('--split goes with --recipe, which names the data.');
    const preprocess = options.preprocess === undefined ? null : parsePreprocess(options.preprocess);
    return { data: { path: resolve(options.data) }, base: process.cwd(), preprocess };
  }
  if (options.preprocess !== undefined) {
    throw new UsageError('--preprocess goes with --data; a recipe has its own in data.preprocess.');
  }
  const { recipe, base } = loadRecipe(options.recipe!);
  const split = options.split ?? 'test';
  if (split !== 'train' && split !== 'test')
    throw new UsageError(`--split must be train or test; it is ${split}.`);
  const data = recipe.data[split];
  if (!data)
    throw new LetheError(`${options.recipe} names no test data. Add data.test, or use --split train.`);
  return { data, base, preprocess: recipe.data.preprocess ?? null };
}
