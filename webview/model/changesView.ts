// How the weights differ from the original, tensor by tensor.
import { count, percentValue, shape, signed, significant } from '../../src/shared/numbers';
import { movedSentence } from '../../src/shared/proposalText';
import type { ModelComparison, TensorChange } from '../../src/shared/viewerProtocol';
import { h, replaceContent } from '../kit/dom';
import { plainTable } from '../kit/plot';
import { shareBar, sparkline } from '../kit/sparkline';
import { emptyState } from '../kit/states';
import { longName } from '../kit/longName';
import { VirtualTable } from '../kit/virtualTable';
import type { TableColumn } from '../kit/tableOptions';
import { beforeAfterFigure, changeFigure } from './distribution';
import { Loaded } from './loaded';
import { SplitPane, tensorHead } from './splitPane';
import type { Fact } from './splitPane';
import { command, comparedRun } from './view';
import type { Host, ReadyState, View } from './view';

/** A change, and the largest relative one of all, which bars are drawn against. */
interface Row {
  readonly change: TensorChange;
  readonly most: number;
}

const columns: readonly TableColumn<Row>[] = [
  {
    key: 'name',
    title: 'tensor',
    width: 'minmax(144px, 1.6fr)',
    look: 'name',
    text: row => row.change.name,
    draw: row => longName(row.change.name),
    tipOf: row => row.change.name,
    value: row => row.change.name,
  },
  {
    key: 'shape',
    title: 'shape',
    width: 'minmax(112px, 1fr)',
    look: 'name',
    from: 680,
    text: row => shape(row.change.dims),
  },
  {
    key: 'relative',
    title: '‖Δ‖/‖θ‖ %',
    tip: 'Norm of the change as a share of the norm of the original tensor',
    width: '136px',
    align: 'end',
    look: 'number',
    largestFirst: true,
    text: row => (row.change.relative === null ? '–' : percentValue(row.change.relative)),
    draw: row =>
      h(
        'span',
        { class: 'bar-cell' },
        shareBar((row.change.relative ?? 0) / row.most),
        h('span', null, row.change.relative === null ? '–' : percentValue(row.change.relative)),
      ),
    tipOf: row =>
      row.change.relative === null
        ? 'The original tensor is all zeros.'
        : `‖Δ‖ ${significant(row.change.delta)} of ‖θ‖ ${significant(row.change.normA)}`,
    value: row => row.change.relative,
  },
  {
    key: 'maxAbs',
    title: 'max |Δ|',
    tip: 'Largest change of one element',
    width: '72px',
    align: 'end',
    look: 'number',
    from: 420,
    largestFirst: true,
    text: row => significant(row.change.maxAbs),
    value: row => row.change.maxAbs,
  },
  {
    key: 'histogram',
    title: 'Δ, smaller | larger',
    tip: 'Distribution of the change, each tensor on its own scale: blue became smaller, orange larger; heights are square roots of counts',
    width: '120px',
    text: row => `from ${significant(row.change.change.from)} to ${significant(row.change.change.to)}`,
    draw: row => sparkline(row.change.change, 'diverging'),
    tipOf: row => `${significant(row.change.change.from)} … ${significant(row.change.change.to)}`,
  },
];

/** The tab Changes. */
export class ChangesView implements View {
  readonly element = h('div', { class: 'tab' });
  private readonly lead = h('p', { class: 'lead', attributes: { role: 'status' } });
  private readonly table: VirtualTable<Row>;
  private readonly pane: SplitPane;
  private readonly content: Loaded<ModelComparison>;
  private wanted: string | null = null;

  constructor(private readonly host: Host) {
    this.table = new VirtualTable<Row>({
      label: 'Changes of the parameters',
      columns,
      key: row => row.change.name,
      empty: 'The models have no parameters in common.',
      sort: { key: 'relative', descending: true },
      onActive: row => this.showDetails(row.change),
    });
    this.pane = new SplitPane(this.table.element);
    this.content = new Loaded({
      into: this.element,
      label: 'Comparing the weights',
      failed: 'The models could not be compared',
      ask: () => host.ask('changes', null),
      fill: comparison => this.fill(comparison),
    });
  }

  update(state: ReadyState): void {
    this.content.update(
      comparisonVersion(state),
      comparedRun(state) ? null : () => nothingYet(this.host, state),
    );
  }

  show(): void {
    this.content.show();
  }

  reveal(tensor: string): void {
    this.wanted = tensor;
    this.table.activate(tensor);
  }

  private fill(comparison: ModelComparison): void {
    const byShare = [...comparison.tensors].sort((a, b) => (b.relative ?? 0) - (a.relative ?? 0));
    const most = byShare[0] ?? null;
    this.lead.textContent = movedSentence(comparison.total, most);
    replaceContent(this.element, this.lead, this.pane.element);
    this.table.setRows(
      comparison.tensors.map(change => ({ change, most: Math.max(most?.relative ?? 0, 1e-12) })),
    );
    const first = this.wanted ?? this.table.active?.change.name ?? most?.name;
    const shown = comparison.tensors.find(change => change.name === first);
    this.wanted = null;
    if (!shown) return;
    this.table.activate(shown.name);
    this.showDetails(shown);
  }

  private showDetails(change: TensorChange): void {
    const facts: Fact[] = [
      ['Norm ‖θ‖', `${significant(change.normA, 4)} → ${significant(change.normB, 4)}`],
      ['Change ‖Δ‖', significant(change.delta, 4)],
    ];
    if (change.notFinite > 0) facts.push(['Not finite', `${count(change.notFinite)} elements, left out`]);
    this.pane.show(
      tensorHead(change, facts),
      changeFigure(change.name, change.change),
      beforeAfterFigure(change.name, change.before, change.after),
      largestEntries(change),
    );
  }
}

function largestEntries(change: TensorChange): HTMLElement {
  if (change.largest.length === 0) return h('p', { class: 'muted' }, 'Nothing changed in this tensor.');
  return h(
    'section',
    null,
    h('h3', null, 'Largest entries of the change'),
    plainTable(
      ['index', 'before', 'after', 'Δ'],
      change.largest.map(({ index, before, after }) => [
        `[${index.join(', ')}]`,
        significant(before),
        significant(after),
        signed(significant(after - before), after - before),
      ]),
    ),
  );
}

/** What a comparison depends on: the run, the file, and without a run what is offered instead. */
export function comparisonVersion(state: ReadyState): string {
  const run = comparedRun(state);
  return JSON.stringify([
    run?.runId ?? null,
    state.overview.stamp,
    run === null && [state.dataset !== null, state.restricted],
  ]);
}

/** What stands in Changes and Predictions before the first run. */
export function nothingYet(host: Host, state: ReadyState): HTMLElement {
  if (state.restricted) {
    return emptyState(
      'There is nothing to compare with yet, and nothing is unlearned while the workspace is not trusted.',
      undefined,
      'shield',
    );
  }
  return state.dataset
    ? emptyState(
        'There is nothing to compare with yet: unlearn samples to see what changes.',
        { label: 'Unlearn Samples…', primary: true, onPress: command(host, 'unlearn') },
        'git-compare',
      )
    : emptyState(
        'There is nothing to compare with yet: open the training data, then choose samples to unlearn.',
        { label: 'Open Dataset…', primary: true, onPress: command(host, 'openDataset') },
        'git-compare',
      );
}
