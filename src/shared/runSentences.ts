// What a finished run did, in a sentence and in a few characters.
import { countText, numberText, shareText } from './numberText';
import type { ModelMetrics, RunResult, SetMetrics } from './report';
import { againstOriginal, largestOf, shareOf } from './setMeasure';

/** The result with its reach: what the model still says of the forgotten samples, and how it does on others. */
export function runSentence(result: RunResult): string {
  const { before, after, reference } = result;
  const parts = [forgottenSentence(before.forget, after.forget, reference?.forget ?? null)];
  const held = heldOutSentence(before, after);
  if (held !== null) parts.push(held);
  return parts.join(' ');
}

/** What tells runs apart in a list: the forgotten, then the test samples: "3.0 % · 95.3 %". */
export function runFigures(result: RunResult): string {
  const { forget, test, retain } = result.after;
  return [figure(forget), figure(test ?? retain)].join(' · ');
}

function forgottenSentence(before: SetMetrics, after: SetMetrics, reference: SetMetrics | null): string {
  if (after.agreement !== undefined)
    return `On ${forgottenText(after.count)} the model predicts ${countText(after.agreement * after.count)} as the original does.`;
  if (after.accuracy !== undefined && before.accuracy !== undefined) {
    const fitted = (metrics: SetMetrics): string => countText((metrics.accuracy ?? 0) * metrics.count);
    const retrained =
      reference?.accuracy === undefined ? '' : `, a model retrained without them fits ${fitted(reference)}`;
    return `On ${forgottenText(after.count)} the model fits ${fitted(after)} of the labels to forget (${fitted(before)} before${retrained}).`;
  }
  if (after.maxDifference !== undefined)
    return `On ${forgottenText(after.count)} the largest difference to the original is ${error(after)}.`;
  const retrained = reference === null ? '' : `, ${error(reference)} when retrained without them`;
  return `On ${forgottenText(after.count)} the largest error is ${error(after)} (${error(before)} before${retrained}).`;
}

function heldOutSentence(before: ModelMetrics, after: ModelMetrics): string | null {
  const name = after.test === null ? 'Retained' : 'Test';
  const was = after.test === null ? before.retain : before.test;
  const is = after.test ?? after.retain;
  if (was === null) return null;
  if (againstOriginal(is))
    return is.agreement === undefined
      ? `${name}, largest difference to the original ${error(is)}.`
      : `${name} as the original predicts: ${shareText(is.agreement)}.`;
  if (is.accuracy !== undefined && was.accuracy !== undefined) {
    return `${name} accuracy ${shareText(was.accuracy)} → ${shareText(is.accuracy)}.`;
  }
  return `${name}, largest error ${error(was)} → ${error(is)}.`;
}

function forgottenText(count: number): string {
  return `${countText(count)} forgotten ${count === 1 ? 'sample' : 'samples'}`;
}

function figure(metrics: SetMetrics): string {
  const share = shareOf(metrics);
  return share === undefined ? error(metrics) : shareText(share);
}

function error(metrics: SetMetrics): string {
  return numberText(largestOf(metrics) ?? metrics.loss);
}
