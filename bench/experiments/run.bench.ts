// `npm run experiment -- NAME [--full] …`: the experiments of the papers, trained and run in Lethe from the start.
import { join } from 'node:path';
import { Command } from 'commander';
import { LetheError } from '../../src/shared/errors';
import { dataPoisoning } from './dataPoisoning';
import { labelErasure } from './labelErasure';
import { representationCollapse } from './representationCollapse';
import { tell, type ExperimentOptions } from './report';
import { widthStudy } from './widthStudy';

const experiments: Readonly<Record<string, (options: ExperimentOptions) => Promise<void>>> = {
  'data-poisoning': dataPoisoning,
  'label-erasure': labelErasure,
  'representation-collapse': representationCollapse,
  'width-study': widthStudy,
};

const root = join(__dirname, '..', '..', '..');

interface Given {
  readonly full?: boolean;
  readonly seeds?: number;
  readonly methods?: readonly string[];
  readonly access?: number;
  readonly data?: string;
  readonly threads?: number;
  readonly out?: string;
}

async function main(): Promise<void> {
  const program = new Command('npm run experiment --')
    .argument('<name>', `one of ${Object.keys(experiments).join(', ')}`)
    .option('--full', 'the sizes of the papers, as far as they are stated: hours instead of minutes')
    .option('--seeds <number>', 'how many seeds to run', Number)
    .option('--methods <names...>', 'only these methods')
    .option('--access <share>', 'the share of the retained data that methods may use', Number)
    .option('--data <folder>', 'a folder with the four IDX files of MNIST')
    .option('--threads <number>', 'threads to compute with', Number)
    .option('--out <folder>', 'where plots, figures and models go');
  program.parse();
  const [name = ''] = program.args;
  const given = program.opts<Given>();
  const experiment = experiments[name];
  if (!experiment)
    program.error(`There is no experiment ${name}. Choose one of ${Object.keys(experiments).join(', ')}.`);
  if (given.seeds !== undefined && !(Number.isInteger(given.seeds) && given.seeds > 0))
    program.error('--seeds must be a whole number of 1 or more.');
  if (given.threads !== undefined && !(Number.isInteger(given.threads) && given.threads > 0))
    program.error('--threads must be a whole number of 1 or more.');
  if (given.access !== undefined && !(given.access > 0 && given.access <= 1))
    program.error('--access must be a number above 0 and at most 1.');
  await experiment!({
    full: given.full === true,
    seeds: given.seeds ?? null,
    methods: given.methods ?? null,
    access: given.access ?? null,
    data: given.data ?? null,
    threads: given.threads ?? 2,
    out: given.out ?? join(root, 'bench', 'results', name),
  });
}

main().catch((error: unknown) => {
  tell(error instanceof LetheError ? error.message : String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
});
