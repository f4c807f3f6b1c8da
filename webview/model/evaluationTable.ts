// What an evaluation says of each model beyond accuracies: attack, closeness to retraining, decision regions, relearning.
import type { Evaluation } from '../../src/shared/evaluation';
import { evaluationRows } from '../../src/shared/evaluationRows';
import { h } from '../kit/dom';
import { plainTable } from '../kit/plot';

/** The table with its notes; the second column says on how many samples each figure rests. */
export function evaluationTable(evaluation: Evaluation): HTMLElement {
  const [header = [], ...rows] = evaluationRows(evaluation);
  return h(
    'section',
    { class: 'evaluation' },
    h('h3', null, 'Further evaluation'),
    h('div', { class: 'evaluation-scroll', attributes: { tabindex: 0 } }, plainTable(header, rows)),
    ...evaluation.notes.map(note => h('p', { class: 'muted' }, note)),
  );
}
