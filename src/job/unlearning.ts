// The middle of a job: the method on the parameters, with its budget, its checkpoints and what it has to say.
import type { ParameterValues } from '../runtime/contracts';
import { LetheError } from '../shared/errors';
import type { Certificate, ProjectionRecord, RunCost, SearchRecord } from '../shared/report';
import type { JobProgress } from '../shared/solverProtocol';
import { Random } from '../tensor/random';
import type { Checkpoint, CheckpointStore } from '../unlearn/checkpoint';
import { methodNamed } from '../unlearn/registry';
import { budgetOf, secondsPerGradient, type RunBudget } from './budget';
import { CheckpointFile } from './checkpointFile';
import { sha256OfFile, sha256OfText } from './hashing';
import { LossHistory } from './lossHistory';
import { accessibleRetained, openSource, requireFinite, type OpenJob } from './openJob';
import { ProgressMeter } from './progressMeter';
import { canonicalJson, type LoadedRecipe } from './recipeFile';
import { filesOf } from './receipt';
import type { Report } from './reportPage';
import type { JobHooks } from './runJob';
import { roundToStored } from './storedPrecision';

/** What a method did besides changing the parameters. */
export interface Unlearned {
  readonly cost: RunCost;
  readonly projections: readonly ProjectionRecord[];
  /** Full sentences of the method. */
  readonly notes: readonly string[];
  readonly search: SearchRecord | null;
  readonly certificate: Certificate | null;
  /** What a budget in seconds was converted to. */
  readonly converted: RunBudget['converted'];
  readonly history: Report['history'];
}

/** Runs the recipe's method on `values`, counts its cost against the budget and checks what it leaves. */
export async function unlearn(
  job: OpenJob,
  loaded: LoadedRecipe,
  values: ParameterValues,
  hooks: JobHooks,
): Promise<Unlearned> {
  const { recipe } = loaded;
  const { engine, data, heads } = job;
  const projections: ProjectionRecord[] = [];
  const notes: string[] = [];
  let search: SearchRecord | null = null;
  let certificate: Certificate | null = null;
  const retained = accessibleRetained(data.retained, recipe.retainAccess, recipe.seed);
  const retraining = recipe.retrainEpochs * data.retained.length;
  const budget = await budgetOf(recipe.budget, retraining, () =>
    secondsPerGradient(engine, data.train, retained.length > 0 ? retained : data.forgotten, heads),
  );
  const note = (sentence: string): void => {
    notes.push(sentence);
    hooks.log(sentence);
  };
  if (budget.converted)
    note(
      `The budget of ${budget.converted.seconds} s was converted to ${budget.converted.sampleGradients} sample gradients once, ` +
        'before the run; to repeat this very run elsewhere, set budget.sampleGradients to that number instead.',
    );
  // Only auto looks at the validation data; other methods run even where it cannot be opened.
  const validation =
    recipe.method.name === 'auto' && recipe.data.validation
      ? await openSource(recipe.data.validation, loaded, engine.model)
      : null;
  if (validation?.dataset.labels.length === 0) {
    throw new LetheError(
      `${validation.dataset.path} has no labels, so settings cannot be judged on it. Name them in data.validation.labels, or leave ` +
        'data.validation out.',
    );
  }
  const meter = new ProgressMeter();
  const history = new LossHistory();
  let sampleGradients = 0;
  let latest: JobProgress = { phase: 'unlearning' };
  const kept = hooks.checkpoints
    ? new CheckpointFile(
        hooks.checkpoints.folder,
        fingerprint(job, loaded),
        hooks.checkpoints.resumeFrom ?? null,
        hooks.checkpoints.interval,
      )
    : null;
  hooks.progress(latest);
  await methodNamed(recipe.method.name).run({
    engine,
    values,
    train: data.train,
    retained,
    forgotten: data.forgotten,
    validation,
    heads,
    settings: recipe.method,
    random: new Random(recipe.seed),
    signal: hooks.signal,
    allowance: budget.allowance,
    access: recipe.retainAccess,
    progress: update => {
      history.add(update);
      hooks.progress((latest = meter.measure(update)));
    },
    projecting: projection => {
      hooks.progress({ ...latest, projection });
    },
    addCost: count => {
      sampleGradients += count;
      if (sampleGradients > budget.limit) throw overBudget(budget.words);
    },
    recordProjection: record => projections.push(record),
    note,
    recordSearch: record => (search = record),
    recordCertificate: given => (certificate = given),
    ...(budget.search === null ? {} : { searchAllowance: budget.search }),
    ...(kept && { checkpoint: counting(kept) }),
  });
  kept?.remove();
  roundToStored(engine.parameters, values);
  requireFinite(
    values,
    `The method ${recipe.method.name} left a model that cannot be used and nothing was written`,
  );
  return {
    cost: { sampleGradients, share: sampleGradients / retraining },
    projections,
    notes,
    search,
    certificate,
    converted: budget.converted,
    history: history.points,
  };

  /** Checkpoints that also hold what was counted and recorded so far. */
  function counting(store: CheckpointFile): CheckpointStore {
    return {
      load: (): Checkpoint | null => {
        const saved = store.load();
        if (!saved) return null;
        const run = saved.state['run'] as { sampleGradients: number; projections: ProjectionRecord[] };
        sampleGradients = run.sampleGradients;
        projections.splice(0, projections.length, ...run.projections);
        return { state: saved.state['method'] as Checkpoint['state'], arrays: saved.arrays };
      },
      due: () => store.due(),
      save: ({ state, arrays }) =>
        store.save({ state: { method: state, run: { sampleGradients, projections } }, arrays }),
    };
  }
}

/** Everything that a run depends on: the recipe as it is run, the model's bytes, what is forgotten, the threads. */
function fingerprint(job: OpenJob, loaded: LoadedRecipe): string {
  return sha256OfText(
    canonicalJson({
      recipe: loaded.json,
      model: filesOf(job.engine.model).map(({ from }) => sha256OfFile(from)),
      forgotten: job.data.forgotten,
      samples: job.data.train.size,
      threads: job.threads,
    }),
  );
}

function overBudget(words: string): LetheError {
  return new LetheError(
    `The run was stopped because its cost passed the budget: ${words}. Raise the budget, or lower method.epochs or ` +
      'method.batchSize. No file was changed.',
  );
}
