import type { Command } from 'commander';
import { join, relative, resolve } from 'node:path';
import { CancelledError, LetheError, UsageError } from '../shared/errors';
import { comparedColumns } from '../shared/comparison';
import { metricRows } from '../shared/metricRows';
import type { RunResult } from '../shared/report';
import { interruptedJob } from '../client/interruptedJob';
import { jobsFolder } from '../client/jobFolder';
import { SolverClient } from '../client/solverClient';
import { alignedTable, print, printJson } from './output';
import { ProgressLine } from './progressLine';

interface RunOptions {
  readonly set?: string[];
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** `lethe run RECIPE [--set path=value …] [--resume] [--json]` */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('carry out a recipe: unlearn, measure, save the model, the report and the receipt')
    .argument('[recipe]', 'a *.unlearn.json file')
    .option('--set <path=value...>', 'change a value of the recipe, for example --set method.epochs=20')
    .option('--resume', 'take up the last run of this recipe that was interrupted')
    .option('--json', 'print one JSON object')
    .action(async (given: string | undefined, options: RunOptions) => {
      // An option with several values swallows a recipe that stands behind it.
      const assignments = options.set ?? [];
      const swallowed = given === undefined ? assignments.findIndex(text => !text.includes('=')) : -1;
      const recipe = given ?? assignments[swallowed];
      if (recipe === undefined) throw new UsageError('Name the recipe to run: lethe run RECIPE.');
      const result = await runInSolver(
        resolve(recipe),
        assignments.filter((_, index) => index !== swallowed),
        options.resume === true,
      );
      if (options.json) printJson(result);
      else print(summary(result));
    });
}

/** Runs a recipe in a solver process of its own. Ctrl-C asks it to stop; a second one ends it. */
async function runInSolver(
  recipe: string,
  assignments: readonly string[],
  resume: boolean,
): Promise<RunResult> {
  const left = resume ? interruptedJob(jobsFolder(), { recipe, assignments }) : null;
  if (resume && !left)
    throw new LetheError(
      `No run of ${recipe} with these settings was interrupted after its first checkpoint. Run it without --resume.`,
    );
  const line = new ProgressLine(process.stderr);
  const client = await SolverClient.launch({ program: join(__dirname, 'solver.js') });
  let asked = 0;
  const stop = (): void => {
    if (++asked > 1) client.kill();
    else {
      line.log('Cancelling at the next step; press Ctrl-C again to stop at once.');
      client.cancel().catch(() => undefined);
    }
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  client.follow({ progress: update => line.show(update), log: text => line.log(text) });
  try {
    await client.start({ recipe, assignments, ...(left && { resumeFrom: left.path }) });
    const result = await client.result();
    left?.remove();
    return result;
  } catch (error) {
    throw asked > 1 ? new CancelledError() : error;
  } finally {
    line.end();
    client.finish();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

function summary(result: RunResult): string {
  const here = (path: string): string => relative(process.cwd(), path) || '.';
  return [
    alignedTable(metricRows(comparedColumns(result))),
    '',
    `${result.method} took ${result.seconds.toFixed(1)} s.`,
    alignedTable(
      [
        ['model', here(result.output)],
        ['report', here(join(result.report, 'report.html'))],
        ['receipt', here(result.receipt)],
      ],
      [0, 1],
    ),
  ].join('\n');
}
