// A problem of an experiment: training from scratch in Lethe, and running any method on what came of it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundDataset } from '../../src/data/dataset';
import { takeRows } from '../../src/data/rows';
import { saveModel } from '../../src/onnx/writer';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { accessibleRetained } from '../../src/job/openJob';
import { LetheError } from '../../src/shared/errors';
import type { MethodSettings } from '../../src/shared/recipe';
import { Random } from '../../src/tensor/random';
import type { Tensor } from '../../src/tensor/tensor';
import { methodNamed } from '../../src/unlearn/registry';

/** Data and a network to train. Indices point into `train`. */
export interface Problem {
  readonly model: Uint8Array;
  readonly train: BoundDataset;
  readonly retained: readonly number[];
  readonly forgotten: readonly number[];
  readonly heads: readonly HeadLoss[];
  /** How a model is trained from scratch: settings of the method retrain. */
  readonly training: Omit<MethodSettings, 'name'>;
  /** Epochs of the retrained model where they differ. */
  readonly retrainEpochs?: number;
  /** How often an epoch of the original's training shows each forgotten sample: once where absent. */
  readonly repeats?: number;
}

/** A problem with a model trained on all its data and one trained without the forgotten samples. */
export interface TrainedProblem extends Problem {
  /** Holds the trained model's weights. */
  readonly engine: Engine;
  readonly original: ParameterValues;
  readonly retrained: ParameterValues;
}

/** What a method made of a problem. */
export interface Unlearned {
  readonly values: ParameterValues;
  /** Its sample gradients as a share of those of training without the forgotten samples. */
  readonly cost: number;
  readonly seconds: number;
}

/** Data held in memory; samples along axis 0. */
export function memoryData(name: string, inputs: readonly Tensor[], labels: readonly Tensor[]): BoundDataset {
  const read: BoundDataset['read'] = async indices => ({
    inputs: inputs.map(tensor => takeRows(tensor, indices)),
    labels: labels.map(tensor => takeRows(tensor, indices)),
  });
  const size = inputs[0]!.dims[0]!;
  const array = (kind: string) => (tensor: Tensor, index: number) => ({
    name: `${kind}${index}`,
    dtype: tensor.dtype,
    dims: tensor.dims.slice(1),
  });
  const dataset: BoundDataset['dataset'] = {
    path: name,
    size,
    inputs: inputs.map(array('input')),
    labels: labels.map(array('label')),
    classes: null,
    columns: [],
    column: () => [],
    read,
  };
  return { dataset, size, warnings: [], read };
}

/**
 * Trains both models from scratch with one seed, side by side where threads allow. `folder` keeps the files, and what it
 * holds of the same problem is taken instead of training again. Close the engine.
 */
export async function trainProblem(
  problem: Problem,
  seed: number,
  folder: string,
  threads = 2,
): Promise<TrainedProblem> {
  mkdirSync(folder, { recursive: true });
  const [fresh, path, stampPath] = ['untrained.onnx', 'original.onnx', 'training.txt'].map(name =>
    join(folder, name),
  ) as [string, string, string];
  const other = join(folder, 'retrained.onnx');
  const all = Array.from({ length: problem.train.size }, (_, index) => index);
  const stamp = await stampOf(problem, seed, all, threads);
  if (!existsSync(stampPath) || readFileSync(stampPath, 'utf8') !== stamp) {
    rmSync(stampPath, { force: true });
    writeFileSync(fresh, problem.model);
    const train = async (samples: readonly number[], own: number, to: string, epochs?: number) => {
      const engine = await Engine.open(fresh, { threads: Math.max(1, Math.floor(threads / 2)) });
      const settings = { ...problem.training, name: 'retrain', ...(epochs === undefined ? {} : { epochs }) };
      try {
        saveModel(engine.model, (await runMethod(engine, problem, samples, settings, own)).values, to);
      } finally {
        await engine.close();
      }
    };
    const repeated = Array.from({ length: (problem.repeats ?? 1) - 1 }, () => problem.forgotten).flat();
    const original = train([...all, ...repeated], seed, path);
    if (threads < 2) await original;
    await Promise.all([original, train(problem.retained, seed + 1000, other, problem.retrainEpochs)]);
    writeFileSync(stampPath, stamp);
  }
  const reference = await Engine.open(other, { threads });
  const retrained = reference.initialValues();
  await reference.close();
  const engine = await Engine.open(path, { threads });
  return { ...problem, engine, original: engine.initialValues(), retrained };
}

/** What training depends on, as a hash. */
async function stampOf(
  problem: Problem,
  seed: number,
  all: readonly number[],
  threads: number,
): Promise<string> {
  const hash = createHash('sha256').update(problem.model);
  const { inputs, labels } = await problem.train.read(all);
  for (const { data } of [...inputs, ...labels])
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const { training, retrainEpochs, heads, retained, forgotten, repeats } = problem;
  const settings = { training, retrainEpochs, heads, retained, forgotten, repeats, seed, threads };
  hash.update(JSON.stringify(settings));
  return hash.digest('hex');
}

/** How much of the retained data a method may use, and what `auto` may plan a run with, in sample gradients. */
export interface Reach {
  readonly access?: number;
  readonly allowance?: number;
}

/**
 * Runs a method on a trained problem. Gives the sentence instead where the method cannot serve this model or ends in
 * values that are not finite.
 */
export async function unlearn(
  trained: TrainedProblem,
  settings: MethodSettings,
  seed: number,
  reach: Reach = {},
): Promise<Unlearned | string> {
  const retained = accessibleRetained(trained.retained, reach.access ?? 1, seed);
  try {
    const found = await runMethod(trained.engine, trained, retained, settings, seed, reach);
    for (const [name, data] of found.values)
      if (!data.every(Number.isFinite)) return `The run left ${name} with values that are not finite.`;
    const once = trained.retained.length * (trained.retrainEpochs ?? trained.training.epochs ?? 1);
    return { ...found, cost: found.cost / once };
  } catch (error) {
    if (error instanceof LetheError) return error.message;
    throw error;
  }
}

async function runMethod(
  engine: Engine,
  problem: Problem,
  retained: readonly number[],
  settings: MethodSettings,
  seed: number,
  reach: Reach = {},
): Promise<Unlearned> {
  const values = engine.initialValues();
  let cost = 0;
  const started = performance.now();
  await methodNamed(settings.name).run({
    engine,
    values,
    train: problem.train,
    retained,
    forgotten: problem.forgotten,
    heads: problem.heads,
    settings,
    random: new Random(seed),
    signal: new AbortController().signal,
    progress: () => undefined,
    addCost: count => void (cost += count),
    recordProjection: () => undefined,
    ...reach,
  });
  return { values, cost, seconds: (performance.now() - started) / 1000 };
}
