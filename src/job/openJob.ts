// Everything a recipe names, opened and checked: the model, the data, what to forget, what to compare.
import { resolve } from 'node:path';
import { bindDataset } from '../data/bind';
import type { BoundDataset, InputSignature } from '../data/dataset';
import { resolveForget, splitSamples } from '../data/forget';
import { openDataset } from '../data/open';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import { openEngine as openModelEngine } from '../runtime/openEngine';
import type { OnnxModel } from '../onnx/model';
import { LetheError } from '../shared/errors';
import { isTfjsModel } from '../tfjs/modelJson';
import type { DataSource } from '../shared/recipe';
import { Random } from '../tensor/random';
import { chooseHeads } from './heads';
import { idleGlobs } from './idleGlobs';
import { headsWithoutLabels, withoutLabels, withPredictedLabels } from './predictedLabels';
import type { LoadedRecipe } from './recipeFile';
import { defaultThreads } from './threads';

/** The samples of a job. Indices point into `train`. */
export interface JobData {
  readonly train: BoundDataset;
  readonly test: BoundDataset | null;
  /** In ascending order, all of them. */
  readonly retained: readonly number[];
  readonly forgotten: readonly number[];
  readonly warnings: readonly string[];
}

/** A job ready to run. Close the engine afterwards. */
export interface OpenJob {
  readonly engine: ModelEngine;
  readonly data: JobData;
  readonly heads: readonly HeadLoss[];
  readonly threads: number;
}

/** The model inputs that data must fill. */
export function inputSignatures(model: OnnxModel): InputSignature[] {
  return model.graph.inputs.filter(input => !model.graph.initializers.has(input.name));
}

/**
 * Opens a model (the recipe's unless `modelPath` names another) with the recipe's data. `check` may refuse both
 * before the first sample is read.
 */
export async function openJob(
  loaded: LoadedRecipe,
  modelPath?: string,
  check?: (engine: ModelEngine, data: Omit<JobData, 'warnings'>) => Promise<void>,
): Promise<OpenJob> {
  const { recipe, base } = loaded;
  const threads = recipe.threads ?? defaultThreads();
  const engine = await openEngine(loaded, modelPath ?? resolve(base, recipe.model), threads);
  try {
    const data = await openData(loaded, engine.model);
    await check?.(engine, data);
    const { freeze = [], include = [] } = recipe.parameters ?? {};
    const warnings = [
      ...engine.notes,
      ...idleGlobs(freeze, engine.parameters, 'parameters.freeze'),
      ...idleGlobs(include, engine.parameters, 'parameters.include'),
    ];
    const unlabelled = data.train.dataset.labels.length === 0;
    const heads = unlabelled
      ? headsWithoutLabels(recipe, engine, data.train.dataset.path)
      : await chooseHeads(recipe, engine, data.train, warning => warnings.push(warning));
    const sets = await labelled(loaded, engine, data, heads);
    const predicted = [sets.train, sets.test].flatMap(set =>
      set?.predictedLabels ? [set.dataset.path] : [],
    );
    if (predicted.length > 0) warnings.push(withoutLabels(predicted));
    // Choosing the heads read some of the data, which may have warned of its values only then.
    warnings.push(...data.train.warnings, ...(data.test?.warnings ?? []));
    return { engine, data: { ...data, ...sets, warnings }, heads, threads };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The data, the predictions of the recipe's model standing in where it has no labels. */
async function labelled(
  loaded: LoadedRecipe,
  engine: ModelEngine,
  { train, test }: Pick<JobData, 'train' | 'test'>,
  heads: readonly HeadLoss[],
): Promise<Pick<JobData, 'train' | 'test'>> {
  const lacking = (set: BoundDataset | null): boolean => set?.dataset.labels.length === 0;
  if (!lacking(train) && !lacking(test)) return { train, test };
  const path = resolve(loaded.base, loaded.recipe.model);
  const original = path === engine.model.path ? engine : await openEngine(loaded, path, 1);
  try {
    const filled = async (set: BoundDataset): Promise<BoundDataset> =>
      lacking(set) ? await withPredictedLabels(set, original, heads) : set;
    return { train: await filled(train), test: test && (await filled(test)) };
  } finally {
    if (original !== engine) await original.close();
  }
}

/** Opens an engine with what the recipe says about parameters. */
export async function openEngine(loaded: LoadedRecipe, path: string, threads: number): Promise<ModelEngine> {
  const { freeze, include } = loaded.recipe.parameters ?? {};
  // A reference of another format than the model's is computed as suits it.
  const own = path === resolve(loaded.base, loaded.recipe.model) || isTfjsModel(path);
  return openModelEngine(path, {
    threads,
    engine: own ? loaded.recipe.engine : 'auto',
    ...(freeze ? { freeze } : {}),
    ...(include ? { include } : {}),
  });
}

/** Opens one dataset of a recipe and fits it to a model. */
export async function openSource(
  source: DataSource,
  loaded: LoadedRecipe,
  model: OnnxModel,
): Promise<BoundDataset> {
  const dataset = await openDataset(source, loaded.base);
  return bindDataset(dataset, inputSignatures(model), loaded.recipe.data.preprocess ?? null);
}

async function openData(loaded: LoadedRecipe, model: OnnxModel): Promise<Omit<JobData, 'warnings'>> {
  const { recipe } = loaded;
  const train = await openSource(recipe.data.train, loaded, model);
  const test = recipe.data.test ? await openSource(recipe.data.test, loaded, model) : null;
  const forget = resolveForget(recipe.forget, train.dataset, loaded.base);
  const { forgotten, retained } = splitSamples(train.size, forget);
  return { train, test, retained, forgotten };
}

/** The share of the retained samples that the method may use, chosen by the seed; at least one. */
export function accessibleRetained(retained: readonly number[], share: number, seed: number): number[] {
  if (share >= 1) return [...retained];
  const count = Math.max(1, Math.round(share * retained.length));
  // Another stream than the method's, so that the choice does not shift what the method draws.
  const random = new Random(seed ^ 0x7e7a1);
  return random
    .shuffle([...retained])
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** Throws a LetheError that names the first tensor with a value that is not finite. */
export function requireFinite(values: ParameterValues, consequence: string): void {
  for (const [name, data] of values) {
    for (let index = 0; index < data.length; index++) {
      if (!Number.isFinite(data[index]!)) {
        throw new LetheError(
          `${consequence}: element ${index} of the parameter ${name} is ${data[index]}. ` +
            'Use a model whose parameters are all finite numbers.',
        );
      }
    }
  }
}

/**
 * Throws a LetheError when a trainable parameter holds infinite values, as an attention mask does: a run would make
 * everything it touches infinite.
 */
export function requireFiniteStart(engine: ModelEngine): void {
  const infinite = [...engine.initialValues()]
    .map(([name, data]) => ({ name, data, at: data.findIndex(value => !Number.isFinite(value)) }))
    .filter(({ at }) => at >= 0);
  const [first] = infinite;
  if (!first) return;
  const names = infinite.map(({ name }) => JSON.stringify(name)).join(', ');
  throw new LetheError(
    `${engine.model.path}: the parameter ${first.name} holds ${first.data[first.at]} at element ${first.at}, which cannot be ` +
      `trained. If it is a mask, add it to the recipe: "parameters": { "freeze": [${names}] }; else take an earlier ` +
      'checkpoint of the model.',
  );
}
