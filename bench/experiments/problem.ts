// A problem of an experiment: training from scratch in Lethe, and running any method on what came of it.
import { mkdirSync, writeFileSync } from 'node:fs';
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

/** Trains both models from scratch with one seed. `folder` keeps the files. Close the engine. */
export async function trainProblem(problem: Problem, seed: number, folder: string): Promise<TrainedProblem> {
  mkdirSync(folder, { recursive: true });
  const fresh = join(folder, 'untrained.onnx');
  writeFileSync(fresh, problem.model);
  const blank = await Engine.open(fresh, { threads: 2 });
  const all = Array.from({ length: problem.train.size }, (_, index) => index);
  const settings = { ...problem.training, name: 'retrain' };
  try {
    const original = (await runMethod(blank, problem, all, settings, seed)).values;
    const retrained = (await runMethod(blank, problem, problem.retained, settings, seed + 1000)).values;
    const path = join(folder, 'original.onnx');
    saveModel(blank.model, original, path);
    saveModel(blank.model, retrained, join(folder, 'retrained.onnx'));
    return { ...problem, engine: await Engine.open(path, { threads: 2 }), original, retrained };
  } finally {
    await blank.close();
  }
}

/**
 * Runs a method on a trained problem with a share of the retained samples. Gives the sentence instead where the method
 * cannot serve this model or diverges.
 */
export async function unlearn(
  trained: TrainedProblem,
  settings: MethodSettings,
  seed: number,
  access = 1,
): Promise<Unlearned | string> {
  const retained = accessibleRetained(trained.retained, access, seed);
  try {
    const found = await runMethod(trained.engine, trained, retained, settings, seed);
    const once = trained.retained.length * (trained.training.epochs ?? 1);
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
  });
  return { values, cost, seconds: (performance.now() - started) / 1000 };
}
