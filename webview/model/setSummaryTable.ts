// The three sets at a glance, above the predictions.
import { count, percentValue, significant } from '../../src/shared/numbers';
import type { SetSummary } from '../../src/shared/predictionSummary';
import { h } from '../kit/dom';
import { plainTable } from '../kit/plot';

/** One row a set: samples, fitted before and after, flipped, mean loss before and after. */
export function setSummaryTable(summaries: readonly SetSummary[], values: boolean): HTMLElement {
  const share = (part: number | null, summary: SetSummary): HTMLElement =>
    part === null
      ? h('span', { tip: 'These samples have no labels' }, '–')
      : h(
          'span',
          { tip: `${count(part)} of ${count(summary.count)} samples` },
          percentValue(part / summary.count),
        );
  const fits: readonly string[] = values ? [] : ['fitted before, %', 'after, %', 'flipped'];
  const table = plainTable(
    ['set', 'samples', ...fits, 'loss before', 'after'],
    summaries.map(summary => [
      h('span', { class: 'set-name' }, h('span', { class: `set-dot set-${summary.set}` }), summary.set),
      count(summary.count),
      ...(values
        ? []
        : [
            share(summary.fittedBefore, summary),
            share(summary.fittedAfter, summary),
            count(summary.flipped),
          ]),
      lossText(summary.lossBefore),
      lossText(summary.lossAfter),
    ]),
  );
  table.classList.add('set-table');
  return h('div', { class: 'set-summary' }, table);
}

/** A mean loss; a dash without labels. */
export function lossText(loss: number | null): string {
  return loss === null ? '–' : significant(loss);
}
