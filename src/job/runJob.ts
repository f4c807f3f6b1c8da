// A whole job: open, measure, unlearn, measure again, and write every output at the end.
import { performance } from 'node:perf_hooks';
import { basename, join } from 'node:path';
import { evaluateModel } from '../evaluate/metrics';
import { diffModels } from '../evaluate/weightDiff';
import { openDataset } from '../data/open';
import type { OnnxModel } from '../onnx/model';
import { openModel } from '../tfjs/openModel';
import { markerName } from '../tfjs/writer';
import type { ParameterValues } from '../runtime/contracts';
import { CancelledError, LetheError, UsageError } from '../shared/errors';
import { projectionNotes } from '../shared/projectionNotes';
import type { RunResult } from '../shared/report';
import type { JobProgress } from '../shared/solverProtocol';
import type { Method } from '../unlearn/method';
import { methodNamed, methods } from '../unlearn/registry';
import { fitWarnings } from './fitWarning';
import { closeReferences, furtherEvaluation, openReferences } from './furtherEvaluation';
import { currentEnvironment } from './machine';
import { openJob, requireFiniteStart, type JobData, type OpenJob } from './openJob';
import { outputError, OutputStage, restated } from './outputStage';
import { requireNoneOf, type Source } from './overwrite';
import { checkOutputs, jobPaths, writtenFiles, type JobPaths } from './paths';
import { describeRecipe, filesOf, hashModel, hashSamples, type Receipt } from './receipt';
import { loadRecipe, type LoadedRecipe } from './recipeFile';
import { reportPage, type Report } from './reportPage';
import { unlearn } from './unlearning';

/** What whoever runs a job hears and decides. */
export interface JobHooks {
  progress(update: JobProgress): void;
  log(line: string): void;
  readonly signal: AbortSignal;
  /** Where the run keeps checkpoints, and the job's folder that an interrupted run left one in; absent: nowhere. */
  readonly checkpoints?: {
    readonly folder: string;
    readonly resumeFrom?: string;
    /** Milliseconds between two. */
    readonly interval?: number;
  };
}

/** Runs a recipe file with `path=value` overrides. Nothing on disk changes unless everything went well. */
export async function runJob(
  recipePath: string,
  assignments: readonly string[],
  hooks: JobHooks,
): Promise<RunResult> {
  return runRecipe(loadRecipe(recipePath, assignments), hooks);
}

/** Runs a recipe that was loaded before. */
export async function runRecipe(loaded: LoadedRecipe, hooks: JobHooks): Promise<RunResult> {
  const started = performance.now();
  const { recipe } = loaded;
  const paths = jobPaths(recipe, loaded.base, loaded.file);
  const method = methodNamed(recipe.method.name);
  checkOutputs(
    paths,
    [...(paths.reference === null ? [] : [paths.reference]), ...paths.references].flatMap(path =>
      externalOf(openModel(path), 'a reference model'),
    ),
  );
  const stage = new OutputStage([paths.output, ...writtenFiles(paths).map(({ path }) => path)]);
  hooks.progress({ phase: 'opening' });
  const job = await openJob(loaded, undefined, async (engine, data) => {
    checkOutputs(paths, externalOf(engine.model, 'the model'));
    await checkDataFiles(loaded, paths, data);
    requireFiniteStart(engine);
  });
  try {
    requireLabels(method, job.data);
    for (const warning of job.data.warnings) hooks.log(warning);
    const values = job.engine.initialValues();
    hooks.progress({ phase: 'measuring' });
    const before = await evaluateModel(job.engine, values, job.data, job.heads, hooks.signal);
    stopIfAsked(hooks);
    const doubts = await fitWarnings(job.engine, values, job.data.train, job.heads, before.retain);
    for (const warning of doubts) hooks.log(warning);
    const outcome = await unlearn(job, loaded, values, hooks);
    for (const note of projectionNotes(outcome.projections)) hooks.log(note);
    stopIfAsked(hooks);
    hooks.progress({ phase: 'measuring' });
    const after = await evaluateModel(job.engine, values, job.data, job.heads, hooks.signal);
    const all = [...(paths.reference === null ? [] : [paths.reference]), ...paths.references];
    const references = await openReferences(job, loaded, all, hooks.signal);
    const original = job.engine.initialValues();
    const measured = { engine: job.engine, path: paths.model };
    const evaluation = await furtherEvaluation(
      job,
      loaded,
      {
        original: { ...measured, name: 'original', values: original, metrics: before },
        unlearned: { ...measured, name: 'unlearned', path: paths.output, values, metrics: after },
        references,
      },
      hooks.signal,
    ).finally(() => closeReferences(references));
    stopIfAsked(hooks);
    hooks.progress({ phase: 'saving' });
    const result: RunResult = {
      output: paths.output,
      report: paths.report,
      receipt: join(paths.report, 'receipt.json'),
      seconds: (performance.now() - started) / 1000,
      method: method.name,
      cost: outcome.cost,
      before,
      after,
      reference: paths.reference === null ? null : references[0]!.metrics,
      projections: outcome.projections,
      ...(outcome.notes.length > 0 && { notes: outcome.notes }),
      ...(outcome.search && { search: outcome.search }),
      ...(outcome.certificate && { certificate: outcome.certificate }),
      ...(outcome.converted && { budget: outcome.converted }),
      ...(evaluation && { evaluation }),
    };
    const files = references.map(({ engine }) => filesOf(engine.model));
    const referenceFiles = paths.reference === null ? [] : files.shift()!;
    const { history } = outcome;
    await writeOutputs(stage, {
      ...{ job, loaded, paths, values, result, history },
      ...{ referenceFiles, otherReferences: files, doubts },
    });
    return result;
  } finally {
    stage.abandon();
    await job.engine.close();
  }
}

/** The data files of a model, for messages. */
function externalOf(model: OnnxModel, owner: string): Source[] {
  return model.externalFiles.map(path => ({ path, role: `a data file of ${owner}` }));
}

/** Throws a UsageError when an output is an image that some data of the recipe consists of. */
async function checkDataFiles(
  loaded: LoadedRecipe,
  paths: JobPaths,
  data: Pick<JobData, 'train' | 'test'>,
): Promise<void> {
  const targets = writtenFiles(paths);
  requireNoneOf(targets, data.train.dataset.files ?? [], 'an image of the training data');
  requireNoneOf(targets, data.test?.dataset.files ?? [], 'an image of the test data');
  const { validation } = loaded.recipe.data;
  if (!validation) return;
  // Only auto reads the validation data, so that it cannot be opened is no reason to stop here.
  const opened = await openDataset(validation, loaded.base).catch((error: unknown) => {
    if (error instanceof LetheError) return null;
    throw error;
  });
  requireNoneOf(targets, opened?.files ?? [], 'an image of the validation data');
}

/** Throws a UsageError for a method that needs labels where the data has none. */
function requireLabels(method: Method, { train }: JobData): void {
  if (!train.predictedLabels || method.needsLabels === undefined) return;
  const others = methods.filter(({ needsLabels }) => needsLabels === undefined).map(({ name }) => name);
  throw new UsageError(
    `${train.dataset.path} has no labels, but the method ${method.name} needs them: ${method.needsLabels}. Name the labels in ` +
      `data.train.labels, or set method.name to one of ${others.join(', ')}.`,
  );
}

function stopIfAsked(hooks: JobHooks): void {
  if (hooks.signal.aborted) throw new CancelledError();
}

interface Finished {
  readonly job: OpenJob;
  readonly loaded: LoadedRecipe;
  readonly paths: JobPaths;
  readonly values: ParameterValues;
  readonly result: RunResult;
  readonly history: Report['history'];
  readonly referenceFiles: readonly { from: string; to: string }[];
  /** What speaks against these data. */
  readonly doubts: readonly string[];
  /** The files of each further retrained model. */
  readonly otherReferences: readonly (readonly { from: string; to: string }[])[];
}

async function writeOutputs(stage: OutputStage, finished: Finished): Promise<void> {
  const { job, loaded, paths, values, result } = finished;
  const staged = stage.stage(paths.output);
  try {
    job.engine.model.save(values, staged);
  } catch (error) {
    throw restated(outputError(paths.output, error), staged, paths.output);
  }
  const files = stage.adoptFiles(paths.output, paths.outputFiles);
  const environment = currentEnvironment();
  const receipt: Receipt = {
    version: 1,
    created: new Date().toISOString(),
    ...environment,
    model: {
      before: hashModel(filesOf(job.engine.model), paths.report),
      after: hashModel(
        files.filter(({ to }) => basename(to) !== markerName),
        paths.report,
      ),
    },
    reference: finished.referenceFiles.length > 0 ? hashModel(finished.referenceFiles, paths.report) : null,
    references: finished.otherReferences.map(files => hashModel(files, paths.report)),
    recipe: describeRecipe(loaded, paths.report),
    forgotten: await hashSamples(job.data.train, job.data.forgotten),
    threads: job.threads,
    engine: job.engine.kind,
    seed: loaded.recipe.seed,
    method: result.method,
    metrics: { before: result.before, after: result.after, reference: result.reference },
    projections: result.projections,
    ...(result.search && { chosen: result.search.chosen }),
    ...(result.certificate && { certificate: result.certificate }),
    ...(result.budget && { budget: result.budget }),
    cost: result.cost,
    seconds: result.seconds,
  };
  const weights = diffModels(job.engine.model, openModel(staged));
  const report: Report = {
    version: 1,
    created: receipt.created,
    environment,
    recipe: loaded.json,
    samples: {
      train: job.data.train.size,
      retained: job.data.retained.length,
      forgotten: job.data.forgotten.length,
      test: job.data.test?.size ?? null,
    },
    heads: job.heads,
    threads: job.threads,
    engine: job.engine.kind,
    warnings: [...job.data.warnings, ...finished.doubts],
    result,
    history: finished.history,
    weights,
  };
  stage.write(join(paths.report, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  stage.write(join(paths.report, 'report.html'), reportPage(report));
  stage.write(join(paths.report, 'receipt.json'), `${JSON.stringify(receipt, null, 2)}\n`);
  stage.commit();
}
