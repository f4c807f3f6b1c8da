// What a finished run achieved, in words and figures with their reach: on how many samples, and against what.
import { count, percent, percentValue, significant, signed, things } from './numbers';
import type { ModelMetrics, RunResult, SetMetrics } from './report';
import { againstOriginal, largestOf, shareOf } from './setMeasure';

/** One number of a run: before, after, and of a retrained model where there is one. */
export interface ProposalFigure {
  readonly title: string;
  /** "%" or "". */
  readonly unit: string;
  readonly before: string;
  readonly after: string;
  readonly retrained: string | null;
  /** The same three as positions from 0 to 1, where the number has a natural range. */
  readonly places: {
    readonly before: number;
    readonly after: number;
    readonly retrained: number | null;
  } | null;
  /** The difference, and whether it is for the better, in words. */
  readonly reading: string;
  /** Sample counts, and which direction is better. */
  readonly tip: string;
}

/** The main result with its reach: how many of the forgotten labels the model still fits, and a retrained one would. */
export function proposalSentence(result: RunResult): string {
  const { before, after, reference } = result;
  const number = after.forget.count;
  const on = `On ${things(number, 'forgotten sample')} the model`;
  if (after.forget.agreement !== undefined)
    return `${on} predicts ${count(after.forget.agreement * number)} as the original does.`;
  if (after.forget.maxDifference !== undefined)
    return `${on} differs from the original by up to ${significant(after.forget.maxDifference)}.`;
  if (after.forget.accuracy !== undefined) {
    const fitted = (metrics: ModelMetrics): string => count((metrics.forget.accuracy ?? 0) * number);
    const against = reference ? `, a model retrained without them fits ${fitted(reference)}` : '';
    return `${on} fits ${fitted(after)} of the labels to forget (${fitted(before)} before${against}).`;
  }
  const [name, read] =
    after.forget.maxError !== undefined
      ? ['largest error', (metrics: SetMetrics) => metrics.maxError ?? NaN]
      : ['mean loss', (metrics: SetMetrics) => metrics.loss];
  const value = (metrics: ModelMetrics): string =>
    significant((read as (m: SetMetrics) => number)(metrics.forget));
  const against = reference ? `, ${value(reference)} when retrained without them` : '';
  return `${on} has a ${name as string} of ${value(after)} (${value(before)} before${against}).`;
}

/** The method, and what auto chose: "auto → shrink". */
export function methodText({ method, search }: RunResult): string {
  const chosen = search?.chosen['name'];
  return typeof chosen === 'string' && chosen !== method ? `${method} → ${chosen}` : method;
}

/** How a run was made, in short: "minnorm-og · 3 s · 100 samples forgotten · 10 % of the cost of retraining". */
export function proposalFacts(result: RunResult, forgotten: number): readonly string[] {
  return [
    methodText(result),
    result.seconds < 1 ? 'under 1 s' : `${count(result.seconds)} s`,
    `${things(forgotten, 'sample')} forgotten`,
    `${significant(100 * result.cost.share, 2)} % of the cost of retraining`,
  ];
}

/** The figures of a run: held-out, retained and forgotten samples, and membership inference. */
export function proposalFigures(result: RunResult): readonly ProposalFigure[] {
  const figures: ProposalFigure[] = [];
  const { before, after, reference } = result;
  const sets: readonly {
    readonly title: string;
    readonly noun: string;
    readonly better: 'good' | 'retrained';
    readonly of: (metrics: ModelMetrics) => SetMetrics | null;
  }[] = [
    { title: 'Held-out', noun: 'held-out sample', better: 'good', of: metrics => metrics.test },
    { title: 'Retained', noun: 'retained sample', better: 'good', of: metrics => metrics.retain },
    {
      title: 'Labels to forget',
      noun: 'forgotten sample',
      better: 'retrained',
      of: metrics => metrics.forget,
    },
  ];
  for (const { title, noun, better, of } of sets) {
    const [a, b] = [of(before), of(after)];
    if (!a || !b || b.count === 0) continue;
    figures.push(setFigure(title, noun, better, a, b, reference ? of(reference) : null));
  }
  if (before.membershipAuc !== null && after.membershipAuc !== null) {
    figures.push(
      membershipFigure(before.membershipAuc, after.membershipAuc, reference?.membershipAuc ?? null),
    );
  }
  return figures;
}

function setFigure(
  title: string,
  noun: string,
  better: 'good' | 'retrained',
  before: SetMetrics,
  after: SetMetrics,
  retrained: SetMetrics | null,
): ProposalFigure {
  const samples = things(after.count, noun);
  if (againstOriginal(after)) return unlabelledFigure(title, samples, before, after, retrained);
  if (before.accuracy !== undefined && after.accuracy !== undefined) {
    const [a, b, r] = [before.accuracy, after.accuracy, retrained?.accuracy ?? null];
    const right = (share: number): string => count(share * after.count);
    const verb = better === 'good' ? 'right' : 'fitted';
    return {
      title: better === 'good' ? `${title} accuracy` : `${title}, still fitted`,
      unit: '%',
      before: percentValue(a),
      after: percentValue(b),
      retrained: r === null ? null : percentValue(r),
      places: { before: a, after: b, retrained: r },
      reading: reading(a, b, r, better, 'higher', delta => `${signed(percentValue(delta), delta)} points`),
      tip:
        `${samples}: ${right(a)} ${verb} before, ${right(b)} after` +
        (r === null ? '. ' : `, ${right(r)} by a retrained model. `) +
        aim(better, 'Higher'),
    };
  }
  const [name, a, b, r] =
    before.maxError !== undefined && after.maxError !== undefined
      ? ['largest error', before.maxError, after.maxError, retrained?.maxError ?? null]
      : ['mean loss', before.loss, after.loss, retrained?.loss ?? null];
  return {
    title: `${better === 'good' ? title : 'Forgotten'}, ${name}`,
    unit: '',
    before: significant(a),
    after: significant(b),
    retrained: r === null ? null : significant(r),
    places: null,
    reading: reading(a, b, r, better, 'lower', delta => signed(significant(delta), delta)),
    tip: `${samples}. ${aim(better, 'Lower')}`,
  };
}

/** A set without labels: how far the model is from the original on it. */
function unlabelledFigure(
  title: string,
  samples: string,
  before: SetMetrics,
  after: SetMetrics,
  retrained: SetMetrics | null,
): ProposalFigure {
  const shares = after.agreement !== undefined;
  const read = (set: SetMetrics): number => (shares ? shareOf(set) : largestOf(set)) ?? 0;
  const write = shares ? percentValue : significant;
  const [a, b, r] = [read(before), read(after), retrained && read(retrained)];
  const set = title === 'Labels to forget' ? 'Forgotten' : title;
  return {
    title: `${set}, ${shares ? 'as the original predicts' : 'largest difference to the original'}`,
    unit: shares ? '%' : '',
    before: write(a),
    after: write(b),
    retrained: r === null ? null : write(r),
    places: shares ? { before: a, after: b, retrained: r } : null,
    reading: b === a ? 'as before' : signed(write(b - a), b - a),
    tip: `${samples} without labels, so the model is compared with the original.`,
  };
}

function membershipFigure(before: number, after: number, retrained: number | null): ProposalFigure {
  const text = (value: number): string => value.toFixed(3);
  return {
    title: 'Membership AUC',
    unit: '',
    before: text(before),
    after: text(after),
    retrained: retrained === null ? null : text(retrained),
    places: { before, after, retrained },
    reading: reading(before, after, retrained, 'retrained', 'lower', delta => {
      const size = text(Math.abs(delta));
      return `${delta < 0 ? '−' : '+'}${size}`;
    }),
    tip:
      'How often a forgotten sample has a lower loss than a held-out one. ' +
      (retrained === null
        ? '0.5 would mean that losses do not tell them apart.'
        : `Best where a retrained model is: ${text(retrained)}.`),
  };
}

/** Whether a change is for the better: closer to the retrained model where there is one, else by direction. */
function reading(
  before: number,
  after: number,
  retrained: number | null,
  better: 'good' | 'retrained',
  direction: 'higher' | 'lower',
  delta: (value: number) => string,
): string {
  const change = after - before;
  if (change === 0) return 'as before';
  const size = delta(change);
  if (better === 'good') return `${size} · ${change > 0 === (direction === 'higher') ? 'better' : 'worse'}`;
  if (retrained === null) return size;
  const [was, is] = [Math.abs(before - retrained), Math.abs(after - retrained)];
  return `${size} · ${is < was ? 'closer to' : is > was ? 'further from' : 'as far from'} retrained`;
}

function aim(better: 'good' | 'retrained', direction: 'Higher' | 'Lower'): string {
  return better === 'good'
    ? `${direction} is better.`
    : 'The aim is what a model retrained without these samples does, not zero.';
}

/** A figure as one line, for screen readers: "Held-out accuracy: 91.1 before, 95.4 after, retrained 95.1 %". */
export function figureText(figure: ProposalFigure): string {
  const unit = figure.unit === '' ? '' : ` ${figure.unit}`;
  const retrained = figure.retrained === null ? '' : `, retrained ${figure.retrained}${unit}`;
  return `${figure.title}: ${figure.before}${unit} before, ${figure.after}${unit} after${retrained}; ${figure.reading}`;
}

/** How much the weights moved as a whole: "The weights moved by 38.1 % of their norm". */
export function movedSentence(
  total: { readonly relative: number | null; readonly delta: number; readonly normA: number },
  most: { readonly name: string; readonly relative: number | null } | null,
): string {
  const share = total.relative === null ? significant(total.delta) : percent(total.relative);
  const whole =
    total.relative === null
      ? `The weights moved by ${share}; all were 0 before.`
      : `The weights moved by ${share} of their norm.`;
  if (!most || most.relative === null) return whole;
  return `${whole} ${most.name} moved most, by ${percent(most.relative)} of its own.`;
}
