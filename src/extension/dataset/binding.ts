// A dataset and everything else that a run of it needs to know: what a recipe says, with absolute paths.
// Knows no editor, so that it is tested on Node.
import { dirname, isAbsolute, resolve } from 'node:path';
import type { DataSource, MethodSettings, Preprocess, Recipe } from '../../shared/recipe';
import { storedOutput } from '../runs/storedModel';
import type { DatasetRequest } from '../../shared/viewerProtocol';

/** Keys of a recipe that are carried over as they are. */
const carriedKeys = [
  'loss',
  'heads',
  'parameters',
  'seed',
  'threads',
  'engine',
  'retainAccess',
  'retrainEpochs',
  'budget',
  'executionProvider',
  'engine',
  'evaluation',
  'references',
] as const;

/** Data for a model. All paths are absolute. */
export interface DatasetBinding {
  /** The model it belongs to, or null. */
  readonly model: string | null;
  readonly source: DataSource;
  readonly test: DataSource | null;
  readonly validation: DataSource | null;
  readonly classes: readonly string[] | null;
  readonly preprocess: Preprocess | null;
  readonly reference: string | null;
  /** The settings of the recipe's method; null without a recipe. */
  readonly method: MethodSettings | null;
  /** Other keys of the recipe, to be carried over. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The recipe that all this is from, or null. */
  readonly recipe: string | null;
}

/** The data of a path that was chosen by hand. */
export function bindingOfPath(path: string, model: string | null): DatasetBinding {
  return {
    model,
    source: path,
    test: null,
    validation: null,
    classes: null,
    preprocess: null,
    reference: null,
    method: null,
    settings: {},
    recipe: null,
  };
}

/** What a recipe says, relative paths taken from its folder. */
export function bindingOfRecipe(recipe: Recipe, file: string): DatasetBinding {
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(dirname(file), path));
  const source = (given: DataSource | null | undefined): DataSource | null =>
    given ? (typeof given === 'string' ? at(given) : { ...given, path: at(given.path) }) : null;
  const settings = Object.fromEntries(
    carriedKeys.flatMap(key => (recipe[key] === undefined ? [] : [[key, recipe[key]]])),
  );
  return {
    model: at(recipe.model),
    source: source(recipe.data.train)!,
    test: source(recipe.data.test),
    validation: source(recipe.data.validation),
    classes: recipe.data.classes ?? null,
    preprocess: recipe.data.preprocess ?? null,
    reference: recipe.reference ? at(recipe.reference) : null,
    method: recipe.method,
    settings,
    recipe: file,
  };
}

/** The path of a data source. */
export function pathOfSource(source: DataSource): string {
  return typeof source === 'string' ? source : source.path;
}

/** How the viewer is asked to open a binding's data; `source` may be its test data. */
export function datasetRequest(
  binding: DatasetBinding,
  source: DataSource,
  model: string | null,
): DatasetRequest {
  const { loss, heads } = binding.settings;
  return {
    source,
    classes: binding.classes,
    model,
    preprocess: binding.preprocess,
    ...(loss === undefined ? {} : { loss: loss as NonNullable<Recipe['loss']> }),
    ...(heads === undefined ? {} : { heads: heads as NonNullable<Recipe['heads']> }),
  };
}

/** The binding of data in which nothing turned out to be labels: a recipe has to say so. */
export function withoutLabels(binding: DatasetBinding): DatasetBinding {
  const { source } = binding;
  return { ...binding, source: { ...(typeof source === 'string' ? { path: source } : source), labels: [] } };
}

/** What a run is asked beyond its data. */
export interface RunOrder {
  readonly model: string;
  readonly forgotten: readonly number[];
  readonly method: MethodSettings;
  /** Used where the recipe names none; null lets Lethe choose. */
  readonly threads: number | null;
  /** The same for what computes with a TensorFlow.js model. */
  readonly engine?: string | null;
}

/** A recipe as the text of a file: lists of numbers on one line, for a forget set may be long. */
export function recipeFileText(recipe: Record<string, unknown>): string {
  // A raw line break is never inside a JSON string.
  const numbers = /\[\n\s+(-?\d[\d.e+-]*(?:,\n\s+-?\d[\d.e+-]*)*)\n\s+\]/g;
  const text = JSON.stringify(recipe, null, 2);
  return `${text.replace(numbers, (_, list: string) => `[${list.split(/,\s+/).join(', ')}]`)}\n`;
}

/**
 * The recipe of a run inside its own folder: the model becomes `model.onnx` or the folder `model`, the
 * report `report/`.
 */
export function recipeOf(binding: DatasetBinding, order: RunOrder): Record<string, unknown> {
  return {
    version: 1,
    model: order.model,
    output: storedOutput(order.model),
    report: 'report',
    ...(binding.reference === null ? {} : { reference: binding.reference }),
    ...(order.threads === null ? {} : { threads: order.threads }),
    ...(order.engine ? { engine: order.engine } : {}),
    ...binding.settings,
    data: {
      train: binding.source,
      ...(binding.test === null ? {} : { test: binding.test }),
      ...(binding.validation === null ? {} : { validation: binding.validation }),
      ...(binding.preprocess === null ? {} : { preprocess: binding.preprocess }),
      ...(binding.classes === null ? {} : { classes: binding.classes }),
    },
    forget: { indices: order.forgotten },
    method: order.method,
  };
}
