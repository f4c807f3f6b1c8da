// What the model says before and after, sample by sample, on forgotten, retained and held-out data.
import { FilterProblem } from '../../src/shared/filter';
import type { FilterFields } from '../../src/shared/filterMatch';
import type { PredictionRow, Predictions } from '../../src/shared/modelViewProtocol';
import { count, significant, things } from '../../src/shared/numbers';
import { filterPredictions, predictionFields } from '../../src/shared/predictionFilter';
import { shareOf } from '../../src/shared/setMeasure';
import { predictionSets } from '../../src/shared/predictionSummary';
import type { SetSummary } from '../../src/shared/predictionSummary';
import { append, h, replaceContent } from '../kit/dom';
import { tooLarge } from '../kit/states';
import { button, checkbox, dropdown, textField } from '../kit/toolkit';
import { VirtualTable } from '../kit/virtualTable';
import { comparisonVersion, nothingYet } from './changesView';
import { Loaded } from './loaded';
import { confusionSection } from './confusionSection';
import { hasLosses, lossFigure } from './lossFigure';
import { lossHistograms } from './lossHistograms';
import { predictionColumns } from './predictionColumns';
import { lossText, setSummaryTable } from './setSummaryTable';
import { command, comparedRun } from './view';
import type { Host, ReadyState, View } from './view';
import './predictionsView.css';

/** The tab Predictions. */
export class PredictionsView implements View {
  readonly element = h('div', { class: 'tab' });
  private table: VirtualTable<PredictionRow> | null = null;
  private readonly reach = h('span', { class: 'muted', attributes: { role: 'status' } });
  private readonly problem = h('p', { class: 'filter-problem', attributes: { role: 'alert' } });
  private readonly chosen = h('div', { class: 'chosen' });
  private rows: readonly PredictionRow[] = [];
  private fields: FilterFields | null = null;
  private state: ReadyState | null = null;
  private set = 'all';
  private flippedOnly = false;
  private text = '';

  private readonly content: Loaded<Predictions>;
  /** Whether every row is wanted, however many there are. */
  private all = false;

  constructor(private readonly host: Host) {
    this.content = new Loaded({
      into: this.element,
      label: 'Predicting',
      failed: 'There are no predictions',
      ask: () => host.ask('predictions', { all: this.all }),
      fill: predictions => this.fill(predictions),
      remedies: [{ label: 'Show Log', onPress: command(host, 'showLog') }],
    });
  }

  update(state: ReadyState): void {
    this.state = state;
    this.content.update(
      comparisonVersion(state),
      comparedRun(state) ? null : () => nothingYet(this.host, state),
    );
  }

  show(): void {
    this.content.show();
  }

  private fill({ rows, summaries }: Predictions): void {
    this.rows = inOrder(rows);
    const result = this.state && comparedRun(this.state)?.result;
    const values = !result || shareOf(result.after.forget) === undefined;
    if (values) this.flippedOnly = false;
    this.fields = predictionFields(this.rows, values ? 'values' : 'classes');
    this.table = new VirtualTable<PredictionRow>({
      label: 'Predictions before and after',
      columns: predictionColumns(values),
      key: row => `${row.set === 'held-out' ? 'h' : 't'}${row.index}`,
      empty: 'No sample passes the filter.',
      onActive: row => this.showChosen(row),
      onOpen: row => this.showInDataset(row),
    });
    replaceContent(this.chosen);
    replaceContent(
      this.element,
      h(
        'div',
        { class: 'split' },
        h(
          'div',
          { class: 'predictions' },
          setSummaryTable(summaries, values),
          this.limit(summaries),
          this.toolbar(values),
          this.problem,
          h('div', { class: 'predictions-table' }, this.table.element),
        ),
        h(
          'div',
          { class: 'split-details details' },
          this.chosen,
          rows.some(hasLosses) ? lossFigure(rows) : null,
          this.evaluation(),
        ),
      ),
    );
    this.filter();
    const first = this.table.ordered[0];
    if (first) this.showChosen(first);
  }

  /** Says what is listed where that is not everything, and offers the rest. */
  private limit(summaries: readonly SetSummary[]): HTMLElement | null {
    const total = summaries.reduce((sum, each) => sum + each.count, 0);
    const { length } = this.rows;
    if (length === total) return null;
    return tooLarge(
      `${count(length)} of ${things(total, 'sample')} are listed: the forgotten ones and, evenly taken, others. The figures above are of all.`,
      {
        label: 'List All',
        onPress: () => {
          this.all = true;
          this.content.again();
        },
      },
    );
  }

  /** Histograms and confusion, which the solver measured at the end of the run. */
  private evaluation(): HTMLElement {
    const holder = h('div', { class: 'details' });
    const runId = this.state && comparedRun(this.state)?.runId;
    if (!runId) return holder;
    this.host.ask('evaluation', { runId }).then(
      found => {
        if (!found) return;
        const { evaluation, classes } = found;
        append(holder, lossHistograms(evaluation), confusionSection(evaluation, classes));
      },
      (error: Error) => append(holder, h('p', { class: 'muted' }, error.message)),
    );
    return holder;
  }

  private toolbar(values: boolean): HTMLElement {
    const field = textField({
      label: 'Filter samples',
      placeholder: values ? 'set:forgotten loss>2' : 'label:3 wrong loss>2',
      value: this.text,
      icon: 'filter',
      onInput: text => {
        this.text = text;
        this.filter();
      },
    });
    field.classList.add('filter');
    const present = predictionSets.filter(set => this.rows.some(row => row.set === set));
    if (this.set !== 'all' && !present.some(set => set === this.set)) this.set = 'all';
    const sets = dropdown(
      'Set',
      [
        { value: 'all', text: 'All sets' },
        ...present.map(set => ({ value: set, text: set[0]!.toUpperCase() + set.slice(1) })),
      ],
      this.set,
      set => {
        this.set = set;
        this.filter();
      },
    );
    const flipped = checkbox('Flipped only', this.flippedOnly, checked => {
      this.flippedOnly = checked;
      this.filter();
    });
    return h(
      'div',
      { class: 'toolbar' },
      field,
      sets,
      values ? null : flipped,
      h('span', { class: 'spacer' }),
      this.reach,
    );
  }

  private filter(): void {
    if (!this.table || !this.fields) return;
    let passing: readonly PredictionRow[];
    try {
      passing = filterPredictions(this.text, this.rows, this.fields);
      this.problem.textContent = '';
    } catch (error) {
      if (!(error instanceof FilterProblem)) throw error;
      // The rows stay as they were: a filter is wrong at almost every key on the way to a right one.
      this.problem.textContent = error.message;
      return;
    }
    const rows = passing.filter(
      row => (this.set === 'all' || row.set === this.set) && (!this.flippedOnly || row.flipped),
    );
    this.table.setRows(rows);
    const whole = rows.length === this.rows.length;
    this.reach.textContent = whole
      ? things(rows.length, 'sample')
      : `${count(rows.length)} of ${things(this.rows.length, 'sample')}`;
  }

  private showChosen(row: PredictionRow): void {
    const heldOut = row.set === 'held-out';
    replaceContent(
      this.chosen,
      h(
        'div',
        { class: 'details-head' },
        h('h2', { class: 'number' }, `#${row.index}`),
        h('span', { class: 'set-name' }, h('span', { class: `set-dot set-${row.set}` }), row.set),
        heldOut
          ? null
          : button({
              label: 'Show in Dataset',
              icon: 'go-to-file',
              iconOnly: true,
              onPress: () => this.showInDataset(row),
            }),
      ),
      h(
        'p',
        null,
        row.label === null ? 'It has no label. ' : `Label ${this.said(row.label)}. `,
        row.before === row.after
          ? `The model says ${this.said(row.after)}, as before.`
          : `The model said ${this.said(row.before)} and now says ${this.said(row.after)}.`,
      ),
      h(
        'p',
        { class: 'number muted' },
        row.label === null ? '' : `loss ${lossText(row.lossBefore)} → ${lossText(row.lossAfter)}`,
      ),
    );
  }

  /** A class as it is named, a value with four digits. */
  private said(text: string): string {
    return this.fields?.labelKind === 'values' ? significant(Number(text), 4) : text;
  }

  /** Held-out samples are not in the dataset panel, which shows the training data. */
  private showInDataset(row: PredictionRow): void {
    if (row.set === 'held-out') return;
    this.host.ask('revealSample', { index: row.index }).catch(() => undefined);
  }
}

/** Forgotten samples first: they are what the run was for. */
function inOrder(rows: readonly PredictionRow[]): readonly PredictionRow[] {
  return [...rows].sort(
    (a, b) => predictionSets.indexOf(a.set) - predictionSets.indexOf(b.set) || a.index - b.index,
  );
}
