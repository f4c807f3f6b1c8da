// How a run came about beside its metrics: what auto tried and chose, what the method had to say, what is certified.
import { count, significant, things } from '../../src/shared/numbers';
import type { RunResult, SearchRecord } from '../../src/shared/report';
import { h } from '../kit/dom';
import { plainTable } from '../kit/plot';

/** The sections that a run has; none for a plain method that had nothing to say. */
export function madeHow({ search, notes = [], certificate }: RunResult): HTMLElement[] {
  const sections: HTMLElement[] = [];
  if (certificate) sections.push(section('Certificate', h('p', null, certificate.statement)));
  if (search) sections.push(searchSection(search));
  if (notes.length > 0)
    sections.push(section('Notes', ...notes.map(note => h('p', { class: 'muted' }, note))));
  return sections;
}

function searchSection({ trials, judgedOn, reason, cost }: SearchRecord): HTMLElement {
  const names = [...new Set(trials.flatMap(({ scores }) => Object.keys(scores)))];
  return section(
    'What auto tried',
    h('p', null, `It chose by ${judgedOn}. The choice: ${reason}.`),
    h(
      'div',
      { class: 'evaluation-scroll', attributes: { tabindex: 0 } },
      plainTable(
        ['setting', 'round', ...names, 'verdict'],
        trials.map(({ setting, round, scores, verdict }) => [
          setting,
          count(round),
          ...names.map(name => (scores[name] === undefined ? '–' : significant(scores[name]))),
          verdict,
        ]),
      ),
    ),
    h(
      'p',
      { class: 'muted' },
      `${things(trials.length, 'setting')}, ${count(cost)} gradient evaluations beside those of the run.`,
    ),
  );
}

function section(title: string, ...content: HTMLElement[]): HTMLElement {
  return h('section', { class: 'evaluation' }, h('h3', null, title), ...content);
}
