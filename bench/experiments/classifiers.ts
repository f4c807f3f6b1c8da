// What the two experiments on coloured digits share: every method over seeds, two measures of each, a table and a plot.
import { join } from 'node:path';
import { curvePlot } from '../../src/job/plots/curves';
import type { ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { methods } from '../../src/unlearn/registry';
import { trainProblem, unlearn, type Problem } from './problem';
import { mean, meanText, printTable, savePlot, say, tell, type ExperimentOptions } from './report';

/** Two measures of a model; the axes of the plot. */
export interface Measure {
  readonly names: readonly [string, string];
  of(engine: Engine, values: ParameterValues): Promise<readonly [number, number]>;
}

/** Runs all methods on problems made anew for each seed; prints means over seeds and saves a plot. */
export async function compareMethods(
  name: string,
  options: ExperimentOptions,
  make: (seed: number) => Promise<{ problem: Problem; measure: Measure }>,
): Promise<void> {
  const seeds = options.seeds ?? (options.full ? 5 : 1);
  const names = options.methods ?? methods.map(({ name: each }) => each);
  const found = new Map<string, { measures: (readonly [number, number])[]; costs: number[] }>();
  const add = (row: string, measures: readonly [number, number], cost: number): void => {
    const known = found.get(row) ?? { measures: [], costs: [] };
    known.measures.push(measures);
    known.costs.push(cost);
    found.set(row, known);
  };
  const refusals = new Map<string, string>();
  let titles: readonly [string, string] = ['', ''];
  for (let seed = 0; seed < seeds; seed++) {
    tell(`seed ${seed}: training both models`);
    const { problem, measure } = await make(seed);
    titles = measure.names;
    const trained = await trainProblem(problem, seed, join(options.out, `models-${seed}`));
    try {
      add('original', await measure.of(trained.engine, trained.original), 0);
      add('retrained', await measure.of(trained.engine, trained.retrained), 1);
      for (const method of names) {
        // Retraining has been done, with the settings that the original was trained with.
        if (method === 'retrain') continue;
        const outcome = await unlearn(trained, { name: method }, seed, { access: options.access });
        if (typeof outcome === 'string') refusals.set(method, outcome);
        else add(method, await measure.of(trained.engine, outcome.values), outcome.cost);
        tell(`seed ${seed}: ${method}`);
      }
    } finally {
      await trained.engine.close();
    }
  }
  printTable([
    ['method', ...titles, 'cost of retraining'],
    ...[...found].map(([row, { measures, costs }]) => [
      row,
      ...([0, 1] as const).map(place => meanText(measures.map(each => each[place]))),
      `${(100 * mean(costs)).toFixed(0)} %`,
    ]),
  ]);
  for (const [method, reason] of refusals) say(`${method}: ${reason}`);
  const kindOf = (row: string): string =>
    row === 'original' ? 'original' : row === 'retrained' ? 'retrained' : 'proposal';
  const points = [...found].map(([row, { measures }]) => ({
    name: row,
    kind: kindOf(row),
    dots: true,
    points: [[mean(measures.map(each => each[0])), mean(measures.map(each => each[1]))] as const],
  }));
  savePlot(
    options.out,
    `${name}.svg`,
    curvePlot(points, {
      x: { title: titles[0] },
      y: { title: titles[1] },
      tips: true,
      summary: points
        .map(({ name: row, points: [at] }) => `${row}: ${at![0].toFixed(3)}, ${at![1].toFixed(3)}`)
        .join('; '),
    }),
  );
}
