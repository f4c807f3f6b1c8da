// All methods (or those of a settings file) on a task, as a table beside the original and the retrained model.
// `node dist/bench/methods.bench.js TASK [--seeds N] [--access SHARE] [FILE.json | METHOD …]`
import { readFileSync } from 'node:fs';
import type { MethodSettings } from '../src/shared/recipe';
import { methods } from '../src/unlearn/registry';
import { judge, openTask, runOn, type Outcome, type Task } from './tasks';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const option = (name: string, fallback: number): number => {
    const at = args.indexOf(name);
    return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
  };
  const [seeds, access] = [option('--seeds', 3), option('--access', 1)];
  const [name = 'mnist', ...named] = args;
  const task = await openTask(name);
  const settings: MethodSettings[] = named[0]?.endsWith('.json')
    ? (JSON.parse(readFileSync(named[0], 'utf8')) as MethodSettings[])
    : (named.length > 0 ? named : methods.map(method => method.name)).map(each => ({ name: each }));
  const retraining = task.retrainEpochs * task.retained.length;
  console.log(`${name}, access ${access}, ${seeds} seeds; retraining ${retraining} sample gradients`);
  console.log('| settings | test | worst | retained | given labels | true labels | AUC | ToW | cost | s |');
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  const reference = task.retrained && (await judge(task, task.retrained));
  const fixed = async (what: string, of: ReturnType<Task['engine']['initialValues']>): Promise<void> =>
    print(what, [{ ...(await judge(task, of)), cost: 0, seconds: 0, search: null }], reference);
  await fixed('original', task.engine.initialValues());
  if (task.retrained) await fixed('retrained', task.retrained);
  for (const each of settings) {
    const outcomes: Outcome[] = [];
    let failure = '';
    for (let seed = 0; seed < seeds && failure === ''; seed++)
      try {
        outcomes.push(
          await runOn(task, each, seed, access, { note: sentence => void console.error(`  ${sentence}`) }),
        );
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    const label = JSON.stringify(each).replace(/["{}]/g, '').replace('name:', '');
    if (failure !== '') console.log(`| ${label} | ${failure} |`);
    else print(label, outcomes, reference);
    for (const { search } of outcomes.slice(0, 1))
      if (search) {
        for (const trial of search.trials)
          console.log(
            `  ${trial.round} ${trial.setting} (${trial.cost}): ${Object.entries(trial.scores)
              .map(([key, value]) => `${key} ${value.toPrecision(3)}`)
              .join(', ')}; ${trial.verdict}`,
          );
        console.log(`  search ${search.cost}; ${search.reason}; ${JSON.stringify(search.chosen)}`);
      }
  }
}

function print(
  label: string,
  outcomes: readonly Outcome[],
  reference: Pick<Outcome, 'metrics'> | null,
): void {
  const mean = (pick: (outcome: Outcome) => number): number =>
    outcomes.reduce((sum, outcome) => sum + pick(outcome), 0) / outcomes.length;
  const quality =
    (set: 'test' | 'retain' | 'forget') =>
    (outcome: Pick<Outcome, 'metrics'>): number =>
      outcome.metrics[set]?.accuracy ?? outcome.metrics[set]?.maxError ?? NaN;
  const tow = (outcome: Outcome): number =>
    (['test', 'retain', 'forget'] as const).reduce(
      (product, set) => product * (1 - Math.abs(quality(set)(outcome) - quality(set)(reference!))),
      1,
    );
  const regression = outcomes[0]!.metrics.retain.accuracy === undefined;
  const tests = outcomes.map(quality('test'));
  const cells = [
    label,
    mean(quality('test')).toFixed(4),
    (regression ? Math.max(...tests) : Math.min(...tests)).toFixed(3),
    mean(quality('retain')).toFixed(4),
    mean(quality('forget')).toFixed(3),
    mean(outcome => outcome.truth ?? NaN).toFixed(3),
    mean(outcome => outcome.metrics.membershipAuc ?? NaN).toFixed(3),
    reference && !regression ? mean(tow).toFixed(3) : '',
    mean(outcome => outcome.cost).toFixed(0),
    mean(outcome => outcome.seconds).toFixed(1),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
