// What the two experiments on coloured digits share: every method and setting over seeds, two measures of each, a table, a plot.
import { join } from 'node:path';
import { curvePlot, type Curve } from '../../src/job/plots/curves';
import type { ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import type { MethodSettings } from '../../src/shared/recipe';
import { methods } from '../../src/unlearn/registry';
import { ownLength, settingsGrid, settingWords } from './digitSettings';
import { trainProblem, unlearn, type Problem } from './problem';
import {
  mean,
  meanText,
  printTable,
  remembered,
  saveFigures,
  savePlot,
  say,
  tell,
  type ExperimentOptions,
} from './report';

/** Two measures of a model. */
export type Pair = readonly [number, number];

/** What is compared, at which lengths, and how. */
export interface Comparison {
  readonly name: string;
  readonly seeds: number;
  /** The sizes that results depend on. */
  readonly form: unknown;
  /** Passes over the forget set that methods may take; a table each. */
  readonly epochs: readonly number[];
  readonly batchSize: number;
  /** The share of retained samples at hand unless the options say another. */
  readonly access: number;
  readonly titles: readonly [string, string];
  /** How good a pair is: of the settings of a method the best by this is shown, as the paper does on its test measure. */
  score(pair: Pair): number;
  /** Whether the first pair is at least as good in both measures. */
  dominates(pair: Pair, other: Pair): boolean;
  /** The paper's figure beside a row, where it has one. */
  paper?(method: string, epochs: number): string;
  make(seed: number): Promise<{
    readonly problem: Problem;
    readonly measure: (engine: Engine, values: ParameterValues) => Promise<Pair>;
  }>;
}

/** One setting of a method at one length, over seeds. */
interface Entry {
  readonly method: string;
  /** 0 where the method has a length of its own. */
  readonly epochs: number;
  readonly settings: string;
  readonly pairs: Pair[];
  readonly costs: number[];
}

/** Runs all methods on problems made anew for each seed; prints the best setting of each by mean and saves a plot. */
export async function compareMethods(comparison: Comparison, options: ExperimentOptions): Promise<void> {
  const seeds = options.seeds ?? comparison.seeds;
  const names = options.methods ?? methods.map(({ name }) => name);
  const access = options.access ?? comparison.access;
  const entries = new Map<string, Entry>();
  const refusals = new Map<string, string>();
  const runs = names.flatMap(method =>
    (ownLength.includes(method) ? [0] : comparison.epochs).flatMap(epochs =>
      settingsGrid(method, { epochs, batchSize: comparison.batchSize }, options.full).map(
        (settings): Run => ({ method, epochs, settings }),
      ),
    ),
  );
  for (let seed = 0; seed < seeds; seed++) {
    const key = { seed, access, runs, form: comparison.form };
    const found = await remembered(options.out, String(seed), key, () =>
      runSeed(comparison, options, seed, access, runs),
    );
    for (const { run, pair, cost } of found.measured) {
      const name = JSON.stringify(run);
      const words = run.settings === null ? '' : settingWords(run.settings);
      const entry = entries.get(name) ?? { ...run, settings: words, pairs: [], costs: [] };
      entry.pairs.push(pair);
      entry.costs.push(cost);
      entries.set(name, entry);
    }
    for (const [method, reason] of found.refusals) refusals.set(method, reason);
  }
  saveFigures(options.out, { titles: comparison.titles, access, entries: [...entries.values()] });
  const all = [...entries.values()].filter(({ pairs }) => pairs.length === seeds);
  for (const epochs of comparison.epochs) {
    const best = bestOf(comparison, all, epochs);
    say();
    say(
      `${epochs} passes over the forget set, ${(100 * access).toPrecision(2)} % of the retained data at hand, ${seeds} seed(s); mean ` +
        '± deviation of the best setting of each method on this measure, except auto, which sees no test data.',
    );
    printTable([
      [
        'method',
        ...comparison.titles,
        'cost of retraining',
        ...(comparison.paper ? ['paper'] : []),
        'setting',
      ],
      ...best.map(({ method, pairs, costs, settings }) => [
        method,
        ...([0, 1] as const).map(place => meanText(pairs.map(pair => pair[place]))),
        `${(100 * mean(costs)).toPrecision(2)} %`,
        ...(comparison.paper ? [comparison.paper(method, epochs)] : []),
        settings,
      ]),
    ]);
    savePlot(options.out, `${comparison.name}-${epochs}.svg`, scatter(comparison, all, best, epochs));
  }
  for (const [method, reason] of refusals)
    if (!all.some(entry => entry.method === method)) say(`${method}: ${reason}`);
}

/** A method with the settings of one run; null for the models that training gave. */
interface Run {
  readonly method: string;
  readonly epochs: number;
  readonly settings: MethodSettings | null;
}

interface SeedFindings {
  readonly measured: readonly { readonly run: Run; readonly pair: Pair; readonly cost: number }[];
  readonly refusals: readonly (readonly [method: string, reason: string])[];
}

/** Trains both models of a seed and does all runs on them. */
async function runSeed(
  comparison: Comparison,
  options: ExperimentOptions,
  seed: number,
  access: number,
  runs: readonly Run[],
): Promise<SeedFindings> {
  tell(`seed ${seed}: training both models`);
  const { problem, measure } = await comparison.make(seed);
  const trained = await trainProblem(problem, seed, join(options.out, `models-${seed}`), options.threads);
  const measured: { run: Run; pair: Pair; cost: number }[] = [];
  const refusals: [string, string][] = [];
  const add = async (run: Run, values: ParameterValues, cost: number): Promise<void> => {
    measured.push({ run, pair: await measure(trained.engine, values), cost });
  };
  const plain = (method: string): Run => ({ method, epochs: 0, settings: null });
  try {
    await add(plain('original'), trained.original, 0);
    await add(plain('retrained to the end'), trained.retrained, 1);
    for (const [index, run] of runs.entries()) {
      const outcome = await unlearn(trained, run.settings!, seed, { access });
      if (typeof outcome === 'string') refusals.push([run.method, outcome]);
      else await add(run, outcome.values, outcome.cost);
      if (runs[index + 1]?.method !== run.method) tell(`seed ${seed}: ${run.method}`);
    }
  } finally {
    await trained.engine.close();
  }
  return { measured, refusals };
}

const middle = (pairs: readonly Pair[]): Pair => [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))];

/** The best entry of each method at a length, in the order of the methods. */
function bestOf(comparison: Comparison, entries: readonly Entry[], epochs: number): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.epochs !== 0 && entry.epochs !== epochs) continue;
    const other = best.get(entry.method);
    const score = comparison.score(middle(entry.pairs));
    if (!other || score > comparison.score(middle(other.pairs))) best.set(entry.method, entry);
  }
  return [...best.values()];
}

/** All settings as points: those that no other of the same method beats in both measures are joined and the best is named. */
function scatter(
  comparison: Comparison,
  entries: readonly Entry[],
  best: readonly Entry[],
  epochs: number,
): string {
  const kindOf = (method: string): string =>
    method === 'original'
      ? 'original'
      : method.startsWith('retrained')
        ? 'retrained'
        : method === 'minnorm-og'
          ? 'forgotten'
          : method === 'auto'
            ? 'proposal'
            : 'held-out';
  const curves = best.map((entry): Curve => {
    const own = entries.filter(
      each => each.method === entry.method && (each.epochs === 0 || each.epochs === epochs),
    );
    const points = own
      .map(({ pairs }) => middle(pairs))
      .filter((pair, _, others) => !others.some(other => other !== pair && comparison.dominates(other, pair)))
      .sort(([a], [b]) => a - b);
    return {
      ...{ name: entry.method, kind: kindOf(entry.method), dots: true, points },
      labelAt: middle(entry.pairs),
    };
  });
  return curvePlot(curves, {
    x: { title: comparison.titles[0] },
    y: { title: comparison.titles[1] },
    labels: true,
    summary: best
      .map(({ method, pairs }) => {
        const [a, b] = middle(pairs);
        return `${method}: ${a.toFixed(3)}, ${b.toFixed(3)}`;
      })
      .join('; '),
  });
}
