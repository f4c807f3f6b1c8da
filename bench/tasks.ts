// Unlearning tasks to study methods on: the two samples, and several made here from scratch by Lethe's own training.
import { join } from 'node:path';
import { bindDataset } from '../src/data/bind';
import type { BoundDataset } from '../src/data/dataset';
import { resolveForget, splitSamples } from '../src/data/forget';
import { openDataset } from '../src/data/open';
import { evaluateModel } from '../src/evaluate/metrics';
import type { HeadLoss, ParameterValues } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import type { MethodSettings } from '../src/shared/recipe';
import type { ModelMetrics, SearchRecord } from '../src/shared/report';
import { Random } from '../src/tensor/random';
import { elementReader } from '../src/tensor/tensor';
import type { MethodContext } from '../src/unlearn/method';
import { methodNamed } from '../src/unlearn/registry';
import { classifierTasks } from './classifierTasks';
import { regressionTasks } from './regressionTasks';
import { trueLabels } from './trueLabels';

const root = join(__dirname, '../..');

/** A trained model, its data, what to forget, and the same model trained without it. */
export interface Task {
  readonly name: string;
  readonly engine: Engine;
  readonly heads: readonly HeadLoss[];
  readonly train: BoundDataset;
  readonly test: BoundDataset;
  readonly forgotten: readonly number[];
  readonly retained: readonly number[];
  /** The right labels of the forgotten, by index; null where they were right. */
  readonly truths: ReadonlyMap<number, number> | null;
  readonly retrained: ParameterValues | null;
  readonly retrainEpochs: number;
}

/** What a run came to. */
export interface Outcome {
  readonly metrics: ModelMetrics;
  /** The share of forgotten samples whose true class the model gives; null where the given labels are right. */
  readonly truth: number | null;
  readonly cost: number;
  readonly seconds: number;
  readonly search: SearchRecord | null;
}

/** Runs a method on a task. `access` is the share of the retained data that it may use. */
export async function runOn(
  task: Task,
  settings: MethodSettings,
  seed: number,
  access = 1,
  more: Partial<MethodContext> = {},
): Promise<Outcome> {
  const values = task.engine.initialValues();
  let cost = 0;
  let search: SearchRecord | null = null;
  const started = performance.now();
  await methodNamed(settings.name).run({
    engine: task.engine,
    values,
    train: task.train,
    retained: accessible(task.retained, access, seed),
    forgotten: task.forgotten,
    heads: task.heads,
    settings,
    random: new Random(seed),
    signal: new AbortController().signal,
    access,
    allowance: 0.1 * task.retrainEpochs * task.retained.length,
    progress: () => undefined,
    addCost: count => void (cost += count),
    recordProjection: () => undefined,
    recordSearch: record => void (search = record),
    ...more,
  });
  const seconds = (performance.now() - started) / 1000;
  return { ...(await judge(task, values)), cost, seconds, search };
}

/** The metrics of parameter values on a task. */
export async function judge(
  task: Task,
  values: ParameterValues,
): Promise<{ metrics: ModelMetrics; truth: number | null }> {
  const metrics = await evaluateModel(task.engine, values, task, task.heads);
  if (!task.truths) return { metrics, truth: null };
  const { inputs } = await task.train.read(task.forgotten);
  const [logits] = await task.engine.headOutputs(values, inputs, task.heads);
  const read = elementReader(logits!);
  const classes = logits!.data.length / task.forgotten.length;
  const right = task.forgotten.filter((index, position) => {
    let best = 0;
    for (let at = 1; at < classes; at++)
      if (read(position * classes + at) > read(position * classes + best)) best = at;
    return best === task.truths!.get(index);
  });
  return { metrics, truth: right.length / task.forgotten.length };
}

function accessible(retained: readonly number[], share: number, seed: number): number[] {
  if (share >= 1) return [...retained];
  return new Random(seed ^ 0x7e7a1)
    .shuffle([...retained])
    .slice(0, Math.max(1, Math.round(share * retained.length)))
    .sort((a, b) => a - b);
}

/** A task by name. */
export async function openTask(name: string): Promise<Task> {
  if (name === 'mnist') return sampleTask('mnist-mislabelled', 'npz', 'cross-entropy', 1 / 255, 40);
  if (name === 'sine') return sampleTask('sine-poisoned', 'csv', 'mse', null, 50_000);
  const made = { ...classifierTasks, ...regressionTasks };
  const make = made[name];
  if (!make)
    throw new Error(`There is no task ${name}: ${['mnist', 'sine', ...Object.keys(made)].join(', ')}.`);
  return make(name);
}

async function sampleTask(
  folder: string,
  extension: string,
  loss: HeadLoss['loss'],
  scale: number | null,
  retrainEpochs: number,
): Promise<Task> {
  const base = join(root, 'samples', folder);
  const engine = await Engine.open(join(base, 'model.onnx'), { threads: 2 });
  const reference = await Engine.open(join(base, 'retrained.onnx'), { threads: 1 });
  const source = await openDataset(`train.${extension}`, base);
  const preprocess = scale === null ? null : { scale };
  const bind = async (file: string): Promise<BoundDataset> =>
    bindDataset(await openDataset(file, base), engine.model.graph.inputs, preprocess);
  const forgotten = resolveForget({ file: 'forget.csv' }, source, base);
  return {
    name: folder,
    engine,
    heads: [{ output: engine.model.graph.outputs[0]!.name, loss, weight: 1 }],
    train: await bind(`train.${extension}`),
    test: await bind(`test.${extension}`),
    forgotten,
    retained: splitSamples(source.size, forgotten).retained,
    truths: trueLabels(join(base, 'forget.csv')),
    retrained: reference.initialValues(),
    retrainEpochs,
  };
}
