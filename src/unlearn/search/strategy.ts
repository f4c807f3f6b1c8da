// Which settings are tried in which order, and which one is chosen.
import { describe, type Candidate, type Plan, type Way } from './candidates';
import type { TrialScores } from './trial';

/** The share of the original's fit that the retained data must keep. */
export const wantedFit = 0.995;

/** Strengths tried: the middle first, then halves of what is left. */
const strengths = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8] as const;

/** Merits that differ by less are the same: they rest on some hundred samples. */
const sameMerit = 0.03;

/** A candidate with what came of it; null scores: it diverged. */
export interface Tried {
  readonly candidate: Candidate;
  readonly scores: TrialScores | null;
  readonly round: number;
}

/** Tries a candidate; null when the budget of the search is spent. */
export type TryOut = (candidate: Candidate, round: number) => Promise<Tried | null>;

/** What a search settled on. */
export interface Choice {
  readonly chosen: Candidate;
  readonly reason: string;
  /** Whether the setting was chosen among those that keep the fit. */
  readonly keepsFit: boolean;
}

/**
 * With all retained data at hand: first the learning rate that does best at a middling shrink; then, for each way, the
 * strength: where V tells how conspicuous F is, uphill in what it says; for regression, or without V, by halving for the
 * largest strength that keeps the fit (fit falls as strength grows). Of the settings that keep the fit the best is chosen.
 */
export async function searchByFit(plan: Plan, tryOut: TryOut): Promise<Choice> {
  const tried: Tried[] = [];
  const attempt = async (candidate: Candidate, round: number): Promise<Tried | null> => {
    const found = await tryOut(candidate, round);
    // What was tried before is given again: it counts once.
    const again = tried.some(other => describe(other.candidate) === describe(candidate));
    if (found && !again) tried.push(found);
    return found;
  };
  const { steps } = plan;
  const learningRate = await bestRate(plan, attempt);
  const told = tried.some(({ scores }) => scores !== null && scores.distance !== null);
  for (const way of ['shrink', 'projection'] as const)
    if (told) await climb(way, learningRate, steps, attempt, bestMerit(tried));
    else await halve(way, learningRate, steps, attempt);
  const usable = tried.filter(isScored);
  const fitting = usable.filter(keepsFit);
  const kept = `of ${fitting.length} settings that keep ${wantedFit} of the original's fit of the retained data`;
  if (fitting.length > 0 && told) {
    const highest = bestMerit(tried);
    const alike = fitting.filter(({ scores }) => merit(scores) >= highest - sameMerit);
    return {
      chosen: argmax(alike, ({ scores }) => scores.fit).candidate,
      reason: `${kept} ${alike.length === 1 ? 'it does' : `${alike.length} do`} best on samples that they were not fitted to, with the forgotten ones least conspicuous${alike.length === 1 ? '' : ', and of these it fits best'}`,
      keepsFit: true,
    };
  }
  if (fitting.length > 0)
    return {
      chosen: argmax(strongest(fitting), ({ scores }) => merit(scores)).candidate,
      reason: `${kept} it is the least complex of its kind${fitting[0]!.scores.held === null ? '' : ' and does best on samples it was not fitted to'}`,
      keepsFit: true,
    };
  if (usable.length === 0)
    return {
      chosen: { way: 'shrink', strength: 0.05, learningRate: 0.0003, steps },
      reason: 'every setting tried diverged, so the weakest at a low learning rate was taken',
      keepsFit: false,
    };
  return {
    chosen: argmax(usable, ({ scores }) => scores.fit).candidate,
    reason: `no setting kept ${wantedFit} of the original's fit of the retained data; this one keeps the most`,
    keepsFit: false,
  };
}

type Scored = Tried & { readonly scores: TrialScores };

function isScored(tried: Tried): tried is Scored {
  return tried.scores !== null;
}

function keepsFit({ scores }: Scored): boolean {
  return scores.fit >= wantedFit;
}

/** The strongest setting of each way. */
function strongest(tried: readonly Scored[]): Scored[] {
  const best = new Map<string, Scored>();
  for (const each of tried) {
    const { way, strength } = each.candidate;
    const other = best.get(way);
    if (!other || other.candidate.strength < strength) best.set(way, each);
  }
  return [...best.values()];
}

/** The learning rate that does best at a shrink of 0.3 among those that keep the fit, else the one that keeps most. */
async function bestRate(plan: Plan, attempt: TryOut): Promise<number> {
  const found: Scored[] = [];
  for (const learningRate of [0.003, 0.001, 0.005]) {
    const tried = await attempt({ way: 'shrink', strength: 0.3, learningRate, steps: plan.steps }, 1);
    if (!tried) break;
    if (isScored(tried)) found.push(tried);
  }
  if (found.length === 0) return 0.0003;
  const fitting = found.filter(keepsFit);
  if (fitting.length === 0) return argmax(found, ({ scores }) => scores.fit).candidate.learningRate;
  // For regression what V says at a middling shrink is how little was changed; the better fit allows more.
  const value = ({ scores }: Scored): number => (scores.distance === null ? -scores.loss : merit(scores));
  return argmax(fitting, value).candidate.learningRate;
}

/** The best merit among settings that keep the fit. */
function bestMerit(tried: readonly Tried[]): number {
  return Math.max(
    -Infinity,
    ...tried
      .filter(isScored)
      .filter(keepsFit)
      .map(({ scores }) => merit(scores)),
  );
}

/**
 * From the middle to the stronger side as long as the fit is kept and the merit grows, else to the weaker one. A way whose
 * middle is clearly behind the best so far is left at that.
 */
async function climb(
  way: Way,
  learningRate: number,
  steps: number,
  attempt: TryOut,
  before: number,
): Promise<void> {
  const value = async (strength: number, round: number): Promise<number | null> => {
    const found = await attempt({ way, strength, learningRate, steps }, round);
    if (!found) return null;
    return isScored(found) && keepsFit(found) ? merit(found.scores) : -Infinity;
  };
  let best = await value(0.3, 2);
  if (best === null || best < before - sameMerit) return;
  for (const [place, strength] of [0.45, 0.6, 0.75].entries()) {
    const next = await value(strength, 3 + place);
    if (next === null) return;
    if (next > best + 0.01) {
      best = next;
      continue;
    }
    if (place === 0) await value(0.15, 4);
    return;
  }
}

async function halve(way: Way, learningRate: number, steps: number, attempt: TryOut): Promise<void> {
  let [low, high] = [0, strengths.length - 1];
  for (let round = 2; low <= high; round++) {
    const middle = (low + high) >>> 1;
    const found = await attempt({ way, strength: strengths[middle] as number, learningRate, steps }, round);
    if (!found) return;
    if (isScored(found) && keepsFit(found)) low = middle + 1;
    else high = middle - 1;
  }
}

/** The next weaker strength; null below the weakest. */
export function weaker(strength: number): number | null {
  return [...strengths].reverse().find(each => each < strength) ?? null;
}

/**
 * How good a setting is that fits: its quality on V times how inconspicuous F is, for regression minus its loss on V;
 * without V, less complex is better.
 */
function merit(scores: TrialScores): number {
  if (scores.held === null) return -scores.norm;
  if (scores.distance === null) return -(scores.heldLoss as number);
  return scores.held * (1 - scores.distance);
}

/**
 * With a share `access` of the retained data at hand, the rest is as unseen as V: nothing keeps its fit exactly, and what
 * is gained in forgetting is paid for there. A grid of gentle settings, judged by the estimated quality on all retained
 * data times how inconspicuous F is.
 */
export async function searchByTrade(plan: Plan, access: number, tryOut: TryOut): Promise<Choice> {
  const tried: Tried[] = [];
  const few = Math.min(plan.steps, 20);
  const more = Math.min(plan.steps, 80);
  const grid: Candidate[] = [
    ...[0.2, 0.3, 0.4, 0.5].map(strength => ({
      way: 'shrink' as const,
      strength,
      learningRate: 0.0003,
      steps: few,
    })),
    ...[0.2, 0.3, 0.4].map(strength => ({
      way: 'shrink' as const,
      strength,
      learningRate: 0.001,
      steps: few,
    })),
    ...[0.1, 0.2, 0.3, 0.4].map(strength => ({
      way: 'projection' as const,
      strength,
      learningRate: 0.0001,
      steps: few,
    })),
    ...[0.2, 0.4].flatMap(strength =>
      [0.0003, 0.001].map(learningRate => ({
        way: 'shrink' as const,
        strength,
        learningRate,
        steps: more,
      })),
    ),
    ...[0.3, 0.5].map(strength => ({
      way: 'projection' as const,
      strength,
      learningRate: 0.001,
      steps: more,
    })),
  ];
  for (const candidate of grid) {
    const found = await tryOut(candidate, 1);
    if (!found) break;
    tried.push(found);
  }
  const usable = tried.filter(isScored);
  if (usable.length === 0)
    return {
      chosen: grid[0] as Candidate,
      reason: 'every setting tried diverged; the gentlest was taken',
      keepsFit: false,
    };
  const value = ({ scores }: Scored): number => trade(scores, access);
  const best = argmax(usable, value);
  return {
    chosen: best.candidate,
    reason: `it has the best estimate of the quality on all retained data times how inconspicuous the forgotten samples are (${value(best).toFixed(3)})`,
    keepsFit: false,
  };
}

/**
 * Estimated quality on all retained data, of which only `access` was descended on, times how inconspicuous F is. For the
 * unseen part it is exp(−loss on V), the geometric mean of the right labels' probabilities: with a dozen samples held out
 * an accuracy cannot tell 0.7 from 0.95, their loss can.
 */
function trade(scores: TrialScores, access: number): number {
  const accuracy = scores.held ?? scores.retained;
  const unseen = scores.distance === null || scores.heldLoss === null ? accuracy : Math.exp(-scores.heldLoss);
  const quality = access * scores.retained + (1 - access) * unseen;
  return Math.max(0, quality) * (1 - (scores.distance ?? 0));
}

function argmax<T>(items: readonly T[], value: (item: T) => number): T {
  return items.reduce((best, item) => (value(item) > value(best) ? item : best));
}

/** What was decided about each trial, in words. */
export function verdictOf(tried: Tried, chosen: Candidate): string {
  if (describe(tried.candidate) === describe(chosen)) return 'chosen';
  if (!tried.scores) return 'diverged';
  return tried.scores.fit >= wantedFit ? 'fits' : 'does not keep the fit';
}
