// What was measured of the model before a run: whether it interpolates, and which methods can move it.
import type { Diagnosis, FitDiagnosis } from '../../src/shared/diagnosis';
import { count, percentValue, significant, things } from '../../src/shared/numbers';
import { h, icon } from '../kit/dom';
import type { Child } from '../kit/dom';
import { plainTable } from '../kit/plot';
import { skeleton } from '../kit/states';
import { button } from '../kit/toolkit';
import { command } from './view';
import type { Host, ReadyState } from './view';
import './diagnosisSection.css';

/** The content of the section; null where there is nothing to diagnose yet. */
export function diagnosisContent(host: Host, state: ReadyState): Child[] | null {
  const { diagnosis, dataset, restricted } = state;
  if (diagnosis === null && (dataset === null || restricted)) return null;
  const again = (label: string): HTMLElement =>
    h('div', null, button({ label, onPress: command(host, 'diagnose') }));
  if (diagnosis === null) {
    const words =
      'Measures, before anything is changed, whether the model interpolates its data and which methods can move it.';
    return dataset!.chosen === 0
      ? [h('p', { class: 'muted' }, `${words} Choose samples to forget first.`)]
      : [h('p', { class: 'muted' }, words), again('Diagnose')];
  }
  if (diagnosis.kind === 'measuring') return [skeleton('Measuring losses and gradients', [90, 70, 80])];
  if (diagnosis.kind === 'failed') {
    return [
      h('p', { class: 'verdict' }, icon('warning'), h('span', null, diagnosis.message)),
      again('Try Again'),
    ];
  }
  return [
    diagnosis.stale
      ? h(
          'p',
          { class: 'verdict' },
          icon('info'),
          h('span', null, 'The forget set or the weights have changed since this was measured.'),
        )
      : null,
    ...found(diagnosis.diagnosis),
    diagnosis.stale ? again('Diagnose Again') : null,
  ];
}

function found(diagnosis: Diagnosis): Child[] {
  return [
    h('div', { class: 'diagnosis-summary' }, ...diagnosis.summary.map(sentence => h('p', null, sentence))),
    fitTable(diagnosis),
    methodTable(diagnosis),
  ];
}

function fitTable({ retained, forgotten }: Diagnosis): HTMLElement {
  const classes = retained.accuracy !== undefined;
  const row = (name: string, fit: FitDiagnosis): readonly Child[] => [
    h('span', { tip: measured(fit) }, name),
    count(fit.count),
    classes ? percentValue(fit.accuracy ?? 0) : fit.maxError === undefined ? '–' : significant(fit.maxError),
    significant(fit.loss),
    h(
      'span',
      {
        tip: `With shuffled labels ${significant(fit.shuffledGradientNorm)}; over ${things(fit.gradientSamples, 'sample')}`,
      },
      significant(fit.gradientNorm),
    ),
  ];
  return plainTable(
    ['set', 'samples', classes ? 'fitted, %' : 'largest error', 'loss', '‖gradient‖'],
    [row('retained', retained), row('forgotten', forgotten)],
  );
}

function measured(fit: FitDiagnosis): string {
  const spread = fit.measured < fit.count ? `Measured on ${count(fit.measured)} of them. ` : '';
  return `${spread}With shuffled labels the loss is ${significant(fit.shuffledLoss)}.`;
}

function methodTable({ methods, start }: Diagnosis): HTMLElement {
  const rows = [...methods].sort(
    (a, b) => Number(b.method === start.method) - Number(a.method === start.method),
  );
  const table = plainTable(
    ['method', 'moves it', 'why'],
    rows.map(({ method, moves, why }) => [
      method === start.method ? h('strong', null, method) : method,
      h('span', { class: 'moves' }, moves === 'barely' ? icon('warning') : icon('check'), moves),
      method === start.method ? `${why} Start here: ${start.why}` : why,
    ]),
    'method-reach',
  );
  return h(
    'details',
    { class: 'figure-numbers' },
    h('summary', null, `Which methods can move it (${count(rows.length)})`),
    table,
  );
}
