// All runs of the model beside one another, the original and a retrained model; which is proposed is chosen here.
import type { RunInfo } from '../../src/shared/modelViewProtocol';
import { count, significant, things } from '../../src/shared/numbers';
import { methodText } from '../../src/shared/proposalText';
import { shareOf } from '../../src/shared/setMeasure';
import { h, replaceContent } from '../kit/dom';
import { button, dropdown } from '../kit/toolkit';
import { VirtualTable } from '../kit/virtualTable';
import { nothingYet } from './changesView';
import { evaluationTable } from './evaluationTable';
import { regionFigures } from './regionsFigure';
import { RunComparison } from './runComparison';
import { runsColumns, timeText } from './runsColumns';
import type { RunRow } from './runsColumns';
import { madeHow } from './searchSection';
import { SplitPane } from './splitPane';
import type { Fact } from './splitPane';
import { tradeOffFigure } from './tradeOffFigure';
import type { Host, ReadyState, View } from './view';
import './runsView.css';

/** The tab Runs. */
export class RunsView implements View {
  readonly element = h('div', { class: 'tab' });
  private state: ReadyState | null = null;
  private key = '';
  private drawnKey = '';
  private table: VirtualTable<RunRow> | null = null;
  private pane: SplitPane | null = null;
  private readonly plot = h('div', { class: 'runs-plot' });
  /** Which forget set is looked at; null is that of the run that is shown, else of the newest. */
  private set: string | null = null;
  private inSight = false;

  constructor(private readonly host: Host) {}

  update(state: ReadyState): void {
    this.state = state;
    const run = (each: ReadyState['proposal']): string | null => each?.runId ?? null;
    this.key = JSON.stringify([
      state.runs.map(({ runId }) => runId),
      run(state.proposal),
      run(state.applied),
      state.runs.length === 0 && [state.dataset !== null, state.restricted, state.running !== null],
    ]);
    if (this.inSight) this.draw();
  }

  show(): void {
    this.inSight = true;
    this.draw();
  }

  private draw(): void {
    const { state } = this;
    if (!state || this.key === this.drawnKey) return;
    this.drawnKey = this.key;
    if (state.runs.length === 0) {
      this.table = null;
      replaceContent(this.element, nothingYet(this.host, state));
      return;
    }
    const sets = setsOf(state.runs);
    const shown = (state.proposal ?? state.applied)?.runId;
    const standard = state.runs.find(({ runId }) => runId === shown)?.set ?? state.runs[0]!.set;
    if (this.set === null || !sets.has(this.set)) this.set = standard;
    const rows = rowsOf(state, sets.get(this.set)!);
    const active = this.table?.active?.key ?? shown;
    const values = shareOf(rows[0]!.metrics.forget) === undefined;
    const table = new VirtualTable<RunRow>({
      label: 'Runs of this model',
      columns: runsColumns(values),
      key: row => row.key,
      empty: 'There is no run.',
      sort: this.table?.sort ?? null,
      onActive: row => this.showDetails(row, rows),
      onOpen: row => row.run && this.propose(row.run),
    });
    this.table = table;
    table.element.style.setProperty('--rows', String(rows.length));
    this.pane = new SplitPane(h('div', { class: 'runs-list' }, table.element, this.plot));
    replaceContent(this.element, this.toolbar(sets), this.pane.element);
    table.setRows(rows);
    const first = rows.find(row => row.key === active) ?? rows[0]!;
    table.activate(first.key);
  }

  private toolbar(sets: ReadonlyMap<string, readonly RunInfo[]>): HTMLElement {
    const runs = sets.get(this.set!)!;
    const about = (list: readonly RunInfo[]): string =>
      `${things(list[0]!.forgotten, 'sample')} of ${list[0]!.data}`;
    if (sets.size === 1) {
      return h(
        'p',
        { class: 'lead' },
        `${things(runs.length, 'run')} that forgot ${about(runs)}. Enter or a double click proposes a run.`,
      );
    }
    // Runs that forgot other samples are answers to another question, so they are never in one table.
    return h(
      'div',
      { class: 'toolbar' },
      h('span', { class: 'muted' }, 'Forget set'),
      dropdown(
        'Forget set',
        [...sets].map(([value, list]) => ({ value, text: `${about(list)} · ${things(list.length, 'run')}` })),
        this.set!,
        set => {
          this.set = set;
          this.drawnKey = '';
          this.draw();
        },
      ),
    );
  }

  private propose(run: RunInfo): void {
    this.host.ask('propose', { runId: run.runId }).catch(() => undefined);
  }

  private showDetails(row: RunRow, rows: readonly RunRow[]): void {
    const plot = tradeOffFigure(
      rows.map(({ name, kind, metrics, key }) => ({ name, kind, metrics, active: key === row.key })),
    );
    const { run } = row;
    replaceContent(this.plot, plot, run ? this.evaluation(run) : null, ...(run ? madeHow(run.result) : []));
    const others = rows.filter(each => each.key !== row.key);
    const comparison = new RunComparison(this.host, row, others);
    this.pane?.show(
      {
        title: row.name,
        note: row.standing ?? undefined,
        buttons: run ? this.buttons(run, row) : [],
        facts: run ? factsOf(run) : [],
      },
      comparison.element,
    );
  }

  /** What the solver measured beyond the metrics, once it is there. */
  private evaluation(run: RunInfo): HTMLElement {
    const holder = h('div', { class: 'run-evaluation' });
    this.host.ask('evaluation', { runId: run.runId }).then(
      found =>
        found &&
        holder.append(evaluationTable(found.evaluation), ...regionFigures(found.evaluation, found.classes)),
      (error: Error) => holder.append(h('p', { class: 'muted' }, error.message)),
    );
    return holder;
  }

  private buttons(run: RunInfo, row: RunRow): HTMLElement[] {
    const command = (name: 'openReport' | 'openRecipe' | 'saveAsNew') => (): void => {
      this.host.ask('runCommand', { runId: run.runId, command: name }).catch(() => undefined);
    };
    return [
      h('span', { class: 'spacer' }),
      button({ label: 'Open Report', icon: 'output', iconOnly: true, onPress: command('openReport') }),
      button({ label: 'Open Recipe', icon: 'json', iconOnly: true, onPress: command('openRecipe') }),
      button({ label: 'Save As New File…', icon: 'save-as', iconOnly: true, onPress: command('saveAsNew') }),
      ...(row.standing === null
        ? [
            button({
              label: 'Propose',
              tip: 'Shows this run beside the model, to be compared, saved or applied.',
              onPress: () => this.propose(run),
            }),
          ]
        : []),
    ];
  }
}

/** Runs by what they forgot. */
function setsOf(runs: readonly RunInfo[]): Map<string, RunInfo[]> {
  const sets = new Map<string, RunInfo[]>();
  for (const run of runs) sets.set(run.set, [...(sets.get(run.set) ?? []), run]);
  return sets;
}

/** The newest run first, then what they are compared with. */
function rowsOf(state: ReadyState, runs: readonly RunInfo[]): RunRow[] {
  const names = distinctNames(runs);
  const retrained = runs.find(({ result }) => result.reference !== null)?.result.reference ?? null;
  const rows = runs.map((run, index): RunRow => ({
    key: run.runId,
    name: names[index]!,
    kind: 'run',
    metrics: run.result.after,
    run,
    standing:
      state.applied?.runId === run.runId
        ? 'applied'
        : state.proposal?.runId === run.runId
          ? 'proposed'
          : null,
    retrained,
  }));
  const fixed = (kind: 'original' | 'retrained', metrics: RunRow['metrics']): RunRow => ({
    key: kind,
    name: kind,
    kind,
    metrics,
    run: null,
    standing: null,
    retrained,
  });
  rows.push(fixed('original', runs[0]!.result.before));
  if (retrained !== null) rows.push(fixed('retrained', retrained));
  return rows;
}

/** Methods, numbered where several runs have the same: the oldest is 1. */
function distinctNames(runs: readonly RunInfo[]): string[] {
  const total = new Map<string, number>();
  const methods = runs.map(({ result }) => methodText(result));
  for (const method of methods) total.set(method, (total.get(method) ?? 0) + 1);
  const left = new Map(total);
  return methods.map(method => {
    if (total.get(method) === 1) return method;
    const number = left.get(method)!;
    left.set(method, number - 1);
    return `${method} ${number}`;
  });
}

function factsOf(run: RunInfo): Fact[] {
  const { result } = run;
  return [
    ['Forgotten', `${things(run.forgotten, 'sample')} of ${run.data}`],
    [
      'Cost',
      `${count(result.cost.sampleGradients)} gradient evaluations · ${significant(100 * result.cost.share, 2)} % of retraining · ${significant(result.seconds, 2)} s`,
    ],
    ['Seed', `${run.seed} · ended ${timeText(run.created)}`],
    ...(run.settings.length === 0
      ? []
      : [['Settings', run.settings.map(([name, value]) => `${name} ${value}`).join(' · ')] as const]),
  ];
}
