// The study behind the defaults of MinNorm-OG: settings × seeds on both samples, as a table.
// `node dist/bench/study.bench.js [FILE.json] [seeds]`: FILE holds a list of `method` objects; without it the
// settings of `studySettings.json` run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bindDataset } from '../src/data/bind';
import { resolveForget, splitSamples } from '../src/data/forget';
import { openDataset } from '../src/data/open';
import { evaluateModel } from '../src/evaluate/metrics';
import type { HeadLoss } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import type { MethodSettings } from '../src/shared/recipe';
import type { ModelMetrics } from '../src/shared/report';
import { elementReader } from '../src/tensor/tensor';
import { Random } from '../src/tensor/random';
import { methodNamed } from '../src/unlearn/registry';

interface Task {
  readonly name: string;
  run(settings: MethodSettings, seed: number): Promise<Outcome>;
}

interface Outcome {
  readonly metrics: ModelMetrics;
  /** The share of forgotten samples whose true class the model gives; null where there is none. */
  readonly truth: number | null;
  readonly cost: number;
  readonly seconds: number;
}

const samples = join(__dirname, '../../samples');

async function openTask(folder: string, test: string, head: HeadLoss, scale: number | null): Promise<Task> {
  const base = join(samples, folder);
  const engine = await Engine.open(join(base, 'model.onnx'), { threads: 2 });
  const source = await openDataset(test.replace('test', 'train'), base);
  const preprocess = scale === null ? null : { scale };
  const train = bindDataset(source, engine.model.graph.inputs, preprocess);
  const held = bindDataset(await openDataset(test, base), engine.model.graph.inputs, preprocess);
  const forgotten = resolveForget({ file: 'forget.csv' }, source, base);
  const { retained } = splitSamples(source.size, forgotten);
  const truths = trueLabels(join(base, 'forget.csv'));
  return {
    name: folder,
    async run(settings, seed) {
      const values = engine.initialValues();
      let cost = 0;
      const started = performance.now();
      await methodNamed(settings.name).run({
        engine,
        values,
        train,
        retained,
        forgotten,
        heads: [head],
        settings,
        random: new Random(seed),
        signal: new AbortController().signal,
        progress: () => undefined,
        addCost: count => void (cost += count),
        recordProjection: () => undefined,
      });
      const seconds = (performance.now() - started) / 1000;
      const metrics = await evaluateModel(engine, values, { train, retained, forgotten, test: held }, [head]);
      let truth: number | null = null;
      if (truths) {
        const batch = await train.read(forgotten);
        const [logits] = await engine.predict(values, batch.inputs);
        const read = elementReader(logits!);
        const classes = logits!.data.length / forgotten.length;
        const right = forgotten.filter((index, position) => {
          let best = 0;
          for (let at = 1; at < classes; at++)
            if (read(position * classes + at) > read(position * classes + best)) best = at;
          return best === truths.get(index);
        });
        truth = right.length / forgotten.length;
      }
      return { metrics, truth, cost, seconds };
    },
  };
}

/** The column true_label of a forget set, by index; null where there is none. */
function trueLabels(file: string): Map<number, number> | null {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const place = header.split(',').indexOf('true_label');
  if (place < 0) return null;
  return new Map(lines.map(line => line.split(',').map(Number)).map(row => [row[0]!, row[place]!]));
}

async function main(): Promise<void> {
  const [file, seedCount = '5'] = process.argv.slice(2);
  const settings = JSON.parse(
    readFileSync(file ?? join(__dirname, '../../bench/studySettings.json'), 'utf8'),
  ) as MethodSettings[];
  const seeds = Array.from({ length: Number(seedCount) }, (_, seed) => seed);
  const mnist = await openTask(
    'mnist-mislabelled',
    'test.npz',
    { output: 'logits', loss: 'cross-entropy', weight: 1 },
    1 / 255,
  );
  const sine = await openTask('sine-poisoned', 'test.csv', { output: 'y', loss: 'mse', weight: 1 }, null);
  process.stdout.write(
    '| settings | test | worst | retained | wrong labels | true labels | cost | s | sine: largest error, by seed |\n' +
      '|---|---|---|---|---|---|---|---|---|\n',
  );
  for (const each of settings) {
    const outcomes: Outcome[] = [];
    for (const seed of seeds) outcomes.push(await mnist.run(each, seed));
    const errors: number[] = [];
    for (const seed of seeds) errors.push((await sine.run(each, seed)).metrics.test?.maxError ?? NaN);
    const mean = (pick: (outcome: Outcome) => number): number =>
      outcomes.reduce((sum, outcome) => sum + pick(outcome), 0) / outcomes.length;
    const test = (outcome: Outcome): number => outcome.metrics.test?.accuracy ?? NaN;
    const cells = [
      describe(each),
      mean(test).toFixed(4),
      Math.min(...outcomes.map(test)).toFixed(3),
      mean(outcome => outcome.metrics.retain.accuracy ?? NaN).toFixed(4),
      mean(outcome => outcome.metrics.forget.accuracy ?? NaN).toFixed(3),
      mean(outcome => outcome.truth ?? NaN).toFixed(3),
      mean(outcome => outcome.cost).toFixed(0),
      mean(outcome => outcome.seconds).toFixed(1),
      errors
        .sort((a, b) => a - b)
        .map(error => error.toFixed(2))
        .join(' '),
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
}

function describe(settings: MethodSettings): string {
  return Object.entries(settings)
    .map(([key, value]) => (key === 'name' ? String(value) : `${key} ${String(value)}`))
    .join(', ');
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
