// The further evaluation as rows of text, for a terminal and for pages.
import { sampleSets, type Evaluation, type ModelEvaluation, type SampleSet } from './evaluation';
import { significant } from './numbers';

/** What people call the sets. */
export const setNames: Readonly<Record<SampleSet, string>> = {
  retain: 'retained',
  forget: 'forgotten',
  test: 'held-out',
};

/** A header row and one row a figure, each with how many samples it rests on; figures nobody has are left out. */
export function evaluationRows({ models }: Evaluation): string[][] {
  const rows: string[][] = [['', 'samples', ...models.map(({ name }) => name)]];
  const add = (
    name: string,
    samples: (model: ModelEvaluation) => string | null,
    read: (model: ModelEvaluation) => string | null,
  ): void => {
    const cells = models.map(read);
    const reach = models.map(samples).find(text => text !== null);
    if (cells.some(cell => cell !== null)) rows.push([name, reach ?? '', ...cells.map(cell => cell ?? '–')]);
  };
  const attacks = [
    ['membership attack accuracy', 'attack'],
    ['label-free attack accuracy', 'labelFreeAttack'],
  ] as const;
  for (const [name, key] of attacks) {
    add(
      name,
      model => model[key] && `2 × ${model[key].samplesPerKind}`,
      model => model[key] && `${share(model[key].accuracy)} ± ${share(model[key].accuracyDeviation)}`,
    );
  }
  const targets = [
    ['original', 'toOriginal'],
    ['retrained', 'toRetrained'],
  ] as const;
  for (const [target, key] of targets) {
    for (const set of sampleSets) {
      const of = (model: ModelEvaluation) => model[key]?.[set] ?? null;
      const samples = (model: ModelEvaluation): string | null => text(of(model)?.count);
      const where = `${target}, ${setNames[set]}`;
      add(`KL to ${where}`, samples, model => figure(of(model)?.kl));
      add(`same class as ${where}`, samples, model => maybe(of(model)?.agreement, share));
      add(`mean squared difference to ${where}`, samples, model => figure(of(model)?.squaredDifference));
    }
  }
  const all = (model: ModelEvaluation): string =>
    String(sampleSets.reduce((sum, set) => sum + (model.metrics[set]?.count ?? 0), 0));
  add('tug of war (1 is as retrained)', all, model => maybe(model.tow, value => value.toFixed(3)));
  add('average gap to retrained', all, model => maybe(model.averageGap?.value, share));
  for (const kind of ['forgotten', 'retained'] as const) {
    add(
      `regions kept near ${kind}`,
      model => model.regions && `${model.regions[kind].planes} planes`,
      model =>
        model.regions && `${share(model.regions[kind].agreement)} ± ${share(model.regions[kind].deviation)}`,
    );
  }
  for (const kind of ['forgotten', 'retained'] as const) {
    add(
      `orthogonality residual, ${kind}`,
      model => text(model.alignment?.[kind].samples),
      model => figure(model.alignment?.[kind].residual),
    );
  }
  add(
    'steps to relearn',
    model => model.relearn && text(model.metrics.forget.count),
    model =>
      model.relearn &&
      (model.relearn.steps === null ? `over ${model.relearn.limit}` : String(model.relearn.steps)),
  );
  return rows;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function figure(value: number | null | undefined): string | null {
  return maybe(value, number => significant(number));
}

function text(value: number | undefined): string | null {
  return value === undefined ? null : String(value);
}

function maybe(value: number | null | undefined, say: (value: number) => string): string | null {
  return value === null || value === undefined ? null : say(value);
}
