// auto: chooses method and settings from the retained data alone, then runs them.
import type { SearchTrial } from '../shared/report';
import { Random } from '../tensor/random';
import { stageOf, stageStore, type Checkpoint } from './checkpoint';
import type { Method, MethodContext } from './method';
import { describe, planFor, settingsOf, type Candidate } from './search/candidates';
import { foldsOf } from './search/folds';
import { qualityOn } from './search/quality';
import {
  searchByFit,
  searchByTrade,
  verdictOf,
  wantedFit,
  weaker,
  type Choice,
  type Tried,
} from './search/strategy';
import { tryOut, type Bench, type TrialScores } from './search/trial';
import { forwardCost } from './teacher';

/** A search may cost so many times what the run itself may. */
const searchFactor = 14;

/** The least that a run may cost where the recipe sets no budget: seconds, and tiny data need it. */
const leastAllowance = 4000;

/**
 * auto: tries settings and runs the best. During the search a tenth of the retained data, V, is treated as forgotten too:
 * it gives no constraint and no descent step, so it shows how the model then does on samples it was not fitted to (the
 * original was trained on V, so merely setting it aside would always vote for the smallest change). `data.validation`
 * takes V's place. The forgotten samples are judged without their labels: the model should be no surer and no less sure
 * of them than of V. The rule is the paper's definition read as a choice: the least complex setting that still fits the
 * retained data. Settings are shrink-and-tune and a single MinNorm-OG projection, of many strengths, both followed by
 * descent with a cosine schedule. With part of the retained data at hand (`retainAccess`), see `searchByTrade`.
 * Cost: a dozen runs for the search, one for the result; each run costs a tenth of retraining unless `budget` says otherwise.
 * `methodOf` resolves the methods that it chooses among.
 */
export function autoMethod(methodOf: (name: string) => Method): Method {
  return { name: 'auto', run: context => runAuto(context, methodOf) };
}

interface SearchState {
  readonly trials: Record<string, TrialScores | null>;
  /** Which stage the inner checkpoint belongs to. */
  stage: string;
}

async function runAuto(context: MethodContext, methodOf: (name: string) => Method): Promise<void> {
  const { engine, train, retained, heads } = context;
  const access = context.access ?? 1;
  const seed = context.random.nextUint32();
  const saved = context.checkpoint?.load() ?? null;
  const state: SearchState = (saved?.state['search'] as SearchState | undefined) ?? {
    trials: {},
    stage: '',
  };
  const resumed = { stage: state.stage, checkpoint: saved && stageOf(saved) };
  const allowance = context.allowance ?? Math.max(leastAllowance, 4 * retained.length);
  const folds = await foldsOf(
    train,
    retained,
    heads[0],
    new Random(seed),
    access < 1 ? { mostFolds: 4, mostShare: 0.25 } : { mostFolds: 2, mostShare: 0.15 },
  );
  const original = await qualityOn(engine, context.values, train, retained, heads);
  const regression = heads.some(head => head.loss === 'mse');
  const columns = regression || access < 1 ? await outputElements(context) : heads.length;
  const plan = planFor(allowance, retained.length, columns, access < 1);
  const validation = context.validation ?? null;
  const bench: Bench = { context, methodOf, folds, validation, seed, original: original.heads };
  const searchLimit = context.searchAllowance ?? searchFactor * allowance * Math.max(1, folds.length);
  let cost = forwardCost(retained.length);
  const trials: Tried[] = [];

  /** The store of one stage; what an interrupted run left for the same stage is handed to it. */
  const stage = (name: string): MethodContext['checkpoint'] => {
    const left: Checkpoint | null = resumed.stage === name ? resumed.checkpoint : null;
    return stageStore(context.checkpoint, left, () => ({ search: { ...state, stage: name } }));
  };

  /** Progress of one stage as a part of all of them: an epoch a stage, steps that never go back. */
  let shown = 0;
  const meter =
    (before: number, expected: number): MethodContext['progress'] =>
    update => {
      const stages = Math.max(before + 1, expected) + (before < expected ? 1 : 0);
      shown = Math.max(shown, before * plan.steps + Math.min(plan.steps, update.step));
      context.progress({
        ...update,
        epoch: before + 1,
        epochs: stages,
        step: shown,
        steps: stages * plan.steps,
      });
    };

  const attempt = async (candidate: Candidate, round: number): Promise<Tried | null> => {
    const settings = settingsOf(candidate, plan);
    const key = JSON.stringify(settings);
    let scores = state.trials[key];
    if (scores === undefined) {
      if (trials.length > 0 && cost >= searchLimit) return null;
      scores = await tryOut(bench, settings, meter(trials.length, expectedTrials), stage(key));
      state.trials[key] = scores;
      if (context.checkpoint?.due())
        context.checkpoint.save({ state: { search: { ...state, stage: '' } }, arrays: new Map() });
    }
    const tried: Tried = { candidate, scores, round };
    // A setting that two stages of the search ask for is run and counted once.
    if (trials.some(other => describe(other.candidate) === describe(candidate))) return tried;
    cost += scores?.cost ?? allowance;
    trials.push(tried);
    context.note?.(sentence(tried));
    return tried;
  };

  const choice: Choice =
    access < 1 ? await searchByTrade(plan, access, attempt) : await searchByFit(plan, attempt);
  context.note?.(`Chosen: ${describe(choice.chosen)}, because ${choice.reason}.`);
  const run = async (candidate: Candidate): Promise<number> => {
    let spent = 0;
    const settings = settingsOf(candidate, plan);
    await methodOf(settings.name).run({
      ...context,
      settings,
      random: new Random(seed),
      progress: meter(trials.length, 0),
      addCost: count => void (spent += count),
      ...optional('checkpoint', stage(`run ${JSON.stringify(settings)}`)),
    });
    return spent;
  };
  let chosen = choice.chosen;
  let spent = await run(chosen);
  // The settings were judged without V and on one draw: where the run itself loses the fit, a weaker one takes its place.
  for (let again = 0; again < mostWeaker && choice.keepsFit; again++) {
    const quality = await qualityOn(engine, context.values, train, retained, heads);
    cost += forwardCost(retained.length);
    if (quality.heads.every((value, place) => value >= wantedFit * original.heads[place]!)) break;
    const strength = weaker(chosen.strength);
    if (strength === null) break;
    context.note?.(
      `With all retained data ${describe(chosen)} fits ${quality.heads.map(value => value.toFixed(4)).join(', ')} of it, less ` +
        `than ${wantedFit} of what the original does, so it was run again with ${strength}.`,
    );
    cost += spent;
    for (const [name, data] of engine.initialValues()) context.values.get(name)!.set(data);
    chosen = { ...chosen, strength };
    spent = await run(chosen);
  }
  context.addCost(spent);
  context.recordSearch?.({
    judgedOn: validation
      ? `${validation.size} samples of data.validation`
      : folds.length === 0
        ? 'nothing: too few retained samples to hold any out'
        : `${folds.reduce((sum, fold) => sum + fold.held.length, 0)} retained samples treated as forgotten too, in ${folds.length} ${folds.length === 1 ? 'part' : 'parts'}`,
    trials: trials.map(tried => recordOf(tried, chosen)),
    chosen: settingsOf(chosen, plan),
    reason: choice.reason,
    cost,
  });
}

/** How often a run that loses the fit is done again with less strength. */
const mostWeaker = 2;

/** About how many settings a search tries, for the progress. */
const expectedTrials = 8;

/** Output elements of a sample over all heads: what regression and `all-outputs` take a gradient column each for. */
async function outputElements(context: MethodContext): Promise<number> {
  const { inputs } = await context.train.read(context.retained.slice(0, 1));
  const outputs = await context.engine.headOutputs(context.values, inputs, context.heads);
  return outputs.reduce((sum, output) => sum + output.data.length, 0);
}

function sentence({ candidate, scores }: Tried): string {
  if (!scores) return `${describe(candidate)}: diverged.`;
  const parts = [`retained ${scores.retained.toFixed(4)}`];
  if (scores.held !== null) parts.push(`held out ${scores.held.toFixed(4)}`);
  if (scores.distance !== null)
    parts.push(`distance of forgotten and held out ${scores.distance.toFixed(2)}`);
  if (scores.distance === null && scores.heldLoss !== null)
    parts.push(`held-out loss ${scores.heldLoss.toPrecision(3)}`);
  return `${describe(candidate)}: ${parts.join(', ')}.`;
}

function recordOf(tried: Tried, chosen: Candidate): SearchTrial {
  const { candidate, scores, round } = tried;
  const kept = scores
    ? Object.fromEntries(
        Object.entries(scores).filter(
          (entry): entry is [string, number] => entry[0] !== 'cost' && typeof entry[1] === 'number',
        ),
      )
    : {};
  return {
    setting: describe(candidate),
    round,
    cost: scores?.cost ?? 0,
    scores: kept,
    verdict: verdictOf(tried, chosen),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
