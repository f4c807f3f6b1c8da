// All parameters with their statistics, as a table that is filled while the tensors are read.
import type { InspectedParameter } from '../../src/shared/inspection';
import { count, shape, significant, things } from '../../src/shared/numbers';
import type { ParameterSummary } from '../../src/shared/viewerProtocol';
import { h, replaceContent } from '../kit/dom';
import { emptyState, errorState } from '../kit/states';
import { sparkline } from '../kit/sparkline';
import { textField } from '../kit/toolkit';
import { longName } from '../kit/longName';
import { VirtualTable } from '../kit/virtualTable';
import type { TableColumn } from '../kit/tableOptions';
import { valuesFigure } from './distribution';
import { SplitPane, tensorHead } from './splitPane';
import type { Fact } from './splitPane';
import type { Host, ReadyState, View } from './view';

interface Row {
  readonly parameter: InspectedParameter;
  readonly summary: ParameterSummary | null;
}

const pending = '…';

function statistic(
  key: 'norm' | 'mean' | 'std' | 'min' | 'max',
  title: string,
  tip: string,
  from: number,
): TableColumn<Row> {
  return {
    key,
    title,
    tip,
    width: 'minmax(72px, 0.7fr)',
    align: 'end',
    look: 'number',
    from,
    largestFirst: true,
    text: row => (row.summary ? significant(row.summary[key]) : pending),
    value: row => row.summary?.[key] ?? null,
  };
}

const columns: readonly TableColumn<Row>[] = [
  {
    key: 'name',
    title: 'parameter',
    width: 'minmax(144px, 2fr)',
    look: 'name',
    text: row => row.parameter.name,
    value: row => row.parameter.name,
    draw: row =>
      row.parameter.trainable
        ? longName(row.parameter.name)
        : h('span', { class: 'muted fixed-name' }, longName(row.parameter.name), ' · fixed'),
    tipOf: row =>
      row.parameter.trainable
        ? row.parameter.name
        : `${row.parameter.name}: left alone, ${row.parameter.reason}`,
  },
  {
    key: 'dtype',
    title: 'type',
    width: '64px',
    look: 'name',
    from: 900,
    text: row => row.parameter.dtype,
    value: row => row.parameter.dtype,
  },
  {
    key: 'shape',
    title: 'shape',
    width: 'minmax(112px, 1fr)',
    look: 'name',
    from: 640,
    text: row => shape(row.parameter.dims),
  },
  {
    key: 'count',
    title: 'elements',
    width: 'minmax(88px, 0.7fr)',
    align: 'end',
    look: 'number',
    largestFirst: true,
    text: row => count(row.parameter.count),
    value: row => row.parameter.count,
  },
  statistic('norm', '‖θ‖', 'Euclidean norm of the tensor', 0),
  statistic('mean', 'mean', 'Mean over all elements', 760),
  statistic('std', 'std', 'Standard deviation of the population', 700),
  statistic('min', 'min', 'Smallest element', 840),
  statistic('max', 'max', 'Largest element', 840),
  {
    key: 'histogram',
    title: 'distribution',
    tip: 'From the smallest to the largest element, each tensor on its own scale; heights are square roots of counts',
    width: '120px',
    text: row =>
      row.summary
        ? `from ${significant(row.summary.histogram.from)} to ${significant(row.summary.histogram.to)}`
        : pending,
    draw: row =>
      row.summary ? sparkline(row.summary.histogram, 'plain') : h('span', { class: 'skeleton-cell' }),
    tipOf: row =>
      row.summary
        ? `${significant(row.summary.histogram.from)} … ${significant(row.summary.histogram.to)}`
        : 'Being read',
  },
];

/** The tab Parameters. */
export class ParametersView implements View {
  readonly element = h('div', { class: 'tab' });
  private readonly table: VirtualTable<Row>;
  private readonly pane: SplitPane;
  private readonly reach = h('span', { class: 'muted', attributes: { role: 'status' } });
  private readonly problem = h('div', { class: 'tab-problem' });
  private parameters: readonly InspectedParameter[] = [];
  private readonly summaries = new Map<string, ParameterSummary>();
  private words: readonly string[] = [];
  private version = '';
  private loaded = '';
  private drawSoon = false;
  private chosen: string | null = null;
  /** What the details show, so that they are not exchanged under a finger while statistics come in. */
  private drawn = '';

  constructor(private readonly host: Host) {
    this.table = new VirtualTable<Row>({
      label: 'Parameters',
      columns,
      key: row => row.parameter.name,
      empty: 'No parameter matches the filter.',
      onActive: row => this.showDetails(row),
    });
    const filter = textField({
      label: 'Filter parameters by name',
      placeholder: 'Filter by name, type or shape',
      icon: 'filter',
      onInput: text => {
        this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
        this.fill();
      },
    });
    filter.classList.add('filter');
    this.pane = new SplitPane(this.table.element);
    this.element.append(
      h('div', { class: 'toolbar' }, filter, h('span', { class: 'spacer' }), this.reach),
      this.problem,
      this.pane.element,
    );
    host.on('summary', summary => this.take(summary));
    this.pane.blank(emptyState('Choose a parameter to see its values.', undefined, 'graph'));
  }

  update(state: ReadyState): void {
    this.parameters = state.overview.parameters;
    const version = `${state.overview.stamp} ${state.applied?.runId ?? ''}`;
    if (version === this.version) return;
    this.version = version;
    this.summaries.clear();
    this.fill();
  }

  show(): void {
    if (this.loaded === this.version) return;
    const asked = (this.loaded = this.version);
    replaceContent(this.problem);
    this.host.ask('summaries', null).then(
      all => {
        if (asked !== this.version) return;
        for (const summary of all) this.summaries.set(summary.name, summary);
        this.fill();
      },
      (error: Error) => {
        if (asked !== this.version) return;
        replaceContent(
          this.problem,
          errorState('The statistics could not be read', error.message, [
            {
              label: 'Try Again',
              onPress: () => {
                this.loaded = '';
                this.show();
              },
            },
          ]),
        );
      },
    );
  }

  reveal(tensor: string): void {
    this.table.activate(tensor);
  }

  private take(summary: ParameterSummary): void {
    this.summaries.set(summary.name, summary);
    if (this.drawSoon) return;
    this.drawSoon = true;
    setTimeout(() => {
      this.drawSoon = false;
      this.fill();
    }, 100);
  }

  private fill(): void {
    const rows = this.parameters
      .filter(parameter => {
        const text = `${parameter.name} ${parameter.dtype} ${parameter.dims.join('x')}`.toLowerCase();
        return this.words.every(word => text.includes(word));
      })
      .map(parameter => ({ parameter, summary: this.summaries.get(parameter.name) ?? null }));
    this.table.setRows(
      rows,
      this.parameters.length === 0 ? 'This model stores no parameters.' : 'No parameter matches the filter.',
    );
    const shown = rows.reduce((sum, row) => sum + row.parameter.count, 0);
    this.reach.textContent = `${things(rows.length, 'tensor')} · ${things(shown, 'element')}`;
    const active = rows.find(row => row.parameter.name === this.chosen);
    if (active) this.showDetails(active);
    else if (this.chosen === null && rows[0]) this.table.activate(rows[0].parameter.name);
  }

  private showDetails(row: Row): void {
    const drawn = `${row.parameter.name} ${row.summary !== null} ${this.version}`;
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.chosen = row.parameter.name;
    const { parameter, summary } = row;
    const facts: Fact[] = [
      ['Elements', `${count(parameter.count)} · ${parameter.dtype}`],
      ['Unlearning', parameter.trainable ? 'may change it' : `leaves it alone: ${parameter.reason}`],
    ];
    if (summary) {
      facts.push(
        ['Norm ‖θ‖', significant(summary.norm, 4)],
        ['Mean ± std', `${significant(summary.mean, 4)} ± ${significant(summary.std, 4)}`],
        ['Range', `${significant(summary.min, 4)} … ${significant(summary.max, 4)}`],
      );
      if (summary.notFinite > 0) facts.push(['Not finite', things(summary.notFinite, 'element')]);
    }
    this.pane.show(
      tensorHead(parameter, facts),
      summary ? valuesFigure(parameter.name, summary.histogram) : null,
    );
  }
}
