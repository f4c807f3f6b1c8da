// One run against another model, metric by metric and tensor by tensor.
import { percentValue, significant } from '../../src/shared/numbers';
import { metricPairs } from '../../src/shared/runComparison';
import type { ModelComparison } from '../../src/shared/viewerProtocol';
import { h, replaceContent } from '../kit/dom';
import { plainTable } from '../kit/plot';
import { shareBar } from '../kit/sparkline';
import { dropdown } from '../kit/toolkit';
import { longName } from '../kit/longName';
import type { RunRow } from './runsColumns';
import type { Host } from './view';

/** Tensors listed, those that differ most first. */
const listed = 8;

/** What the next run's details start with: people compare one pair of kinds, run after run. */
let chosen = 'original';

/** The section "Compared with …" of a run's details. */
export class RunComparison {
  readonly element = h('section', { class: 'run-comparison' });
  private readonly body = h('div', { class: 'run-comparison-body' });
  private readonly weights = h('div');
  private turn = 0;

  constructor(
    private readonly host: Host,
    private readonly row: RunRow,
    others: readonly RunRow[],
  ) {
    const start = others.find(({ key }) => key === chosen) ?? others[0];
    if (!start) return;
    replaceContent(
      this.element,
      h(
        'div',
        { class: 'run-comparison-head' },
        h('h3', null, 'Compared with'),
        dropdown(
          'Compared with',
          others.map(({ key, name }) => ({ value: key, text: name })),
          start.key,
          key => {
            chosen = key;
            this.fill(others.find(each => each.key === key)!);
          },
        ),
      ),
      this.body,
    );
    this.fill(start);
  }

  private fill(other: RunRow): void {
    const pairs = metricPairs(other.metrics, this.row.metrics);
    replaceContent(
      this.body,
      plainTable(
        ['metric', other.name, this.row.name, 'Δ'],
        pairs.map(({ name, a, b, delta, tip }) => [h('span', { tip }, name), a, b, delta]),
      ),
      this.weights,
    );
    this.compareWeights(other);
  }

  private compareWeights(other: RunRow): void {
    const turn = ++this.turn;
    replaceContent(
      this.weights,
      h('p', { class: 'muted', attributes: { role: 'status' } }, 'Comparing the weights…'),
    );
    this.host.ask('compareRuns', { a: other.key, b: this.row.key }).then(
      comparison => turn === this.turn && replaceContent(this.weights, weightTable(comparison)),
      (error: Error) =>
        turn === this.turn && replaceContent(this.weights, h('p', { class: 'muted' }, error.message)),
    );
  }
}

function weightTable({ total, tensors }: ModelComparison): HTMLElement {
  const moved = [...tensors].sort((a, b) => (b.relative ?? 0) - (a.relative ?? 0));
  const most = Math.max(1e-12, moved[0]?.relative ?? 0);
  const share = total.relative === null ? significant(total.delta) : `${percentValue(total.relative)}\u202f%`;
  return h(
    'section',
    { class: 'run-weights' },
    h('h3', null, `Weights: ${share} apart`),
    plainTable(
      ['tensor', '‖Δ‖/‖θ‖ %', ''],
      moved
        .slice(0, listed)
        .map(({ name, relative }) => [
          longName(name),
          relative === null ? '–' : percentValue(relative),
          shareBar((relative ?? 0) / most, 64),
        ]),
    ),
    moved.length > listed
      ? h('p', { class: 'muted' }, `The ${listed} of ${moved.length} tensors that differ most.`)
      : null,
  );
}
