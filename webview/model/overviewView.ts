// What the model is: format, inputs and outputs, counts, operators, and what of it can be unlearned.
import { formatText } from '../../src/shared/inspection';
import { bytes, count, shape, things } from '../../src/shared/numbers';
import type { ModelOverview } from '../../src/shared/viewerProtocol';
import { h, icon, replaceContent } from '../kit/dom';
import type { Child } from '../kit/dom';
import { plainTable } from '../kit/plot';
import { tooLarge } from '../kit/states';
import { shareBar } from '../kit/sparkline';
import { button } from '../kit/toolkit';
import { diagnosisContent } from './diagnosisSection';
import { factList } from './splitPane';
import { command, fileName } from './view';
import type { Host, ReadyState, View } from './view';
import './overviewView.css';

/** The tab Overview. */
export class OverviewView implements View {
  readonly element = h('div', { class: 'tab' });
  private readonly body = h('div', { class: 'tab-scroll overview', attributes: { tabindex: 0 } });
  private shown = '';

  constructor(private readonly host: Host) {
    this.element.append(this.body);
  }

  update(state: ReadyState): void {
    const key = JSON.stringify([
      state.overview.stamp,
      state.overview.path,
      state.dataset,
      state.restricted,
      state.running !== null,
      state.proposal !== null,
      state.diagnosis,
    ]);
    if (key === this.shown) return;
    this.shown = key;
    const { overview } = state;
    replaceContent(
      this.body,
      warnings(overview),
      h(
        'div',
        { class: 'overview-grid' },
        h(
          'div',
          { class: 'overview-column' },
          section('Model', facts(overview)),
          section('Inputs', values(overview.inputs)),
          section('Outputs', values(overview.outputs)),
          section('Operators', operators(overview)),
          metadata(overview),
        ),
        h(
          'div',
          { class: 'overview-column' },
          section('Unlearning', ...this.unlearning(state)),
          ...optional('Diagnosis', diagnosisContent(this.host, state)),
          fixedParameters(overview),
        ),
      ),
    );
  }

  show(): void {
    // Everything came with the state.
  }

  private unlearning(state: ReadyState): Child[] {
    const { overview } = state;
    const trainable = overview.parameters.filter(parameter => parameter.trainable);
    const elements = sum(trainable.map(parameter => parameter.count));
    const differentiable = overview.unsupported.length === 0 && trainable.length > 0;
    const lines: Child[] = [
      h(
        'p',
        { class: 'verdict' },
        icon(differentiable ? 'pass' : 'warning'),
        h('span', null, verdict(overview, trainable.length, elements)),
      ),
    ];
    if (overview.unsupported.length > 0) {
      lines.push(
        longTable(
          ['operator', 'node', 'stands before parameter'],
          overview.unsupported.map(each => [each.op, each.node || '–', each.parameter || '–']),
        ),
      );
    }
    if (differentiable && !state.restricted && !state.running) {
      const next = state.dataset
        ? h(
            'p',
            { class: 'muted' },
            `${fileName(state.dataset.path)} is open: ${things(state.dataset.size, 'sample')}.`,
          )
        : h('p', { class: 'muted' }, 'Next: open the data it was trained on, and choose samples.');
      lines.push(
        next,
        h(
          'div',
          null,
          state.dataset
            ? button({
                label: 'Unlearn Samples…',
                primary: state.proposal === null,
                onPress: command(this.host, 'unlearn'),
              })
            : button({
                label: 'Open Dataset…',
                primary: state.proposal === null,
                onPress: command(this.host, 'openDataset'),
              }),
        ),
      );
    }
    return lines;
  }
}

function verdict(overview: ModelOverview, tensors: number, elements: number): string {
  if (overview.unsupported.length > 0) {
    const operators = new Set(overview.unsupported.map(each => each.op));
    return (
      `${things(operators.size, 'operator')} between parameters and outputs cannot be differentiated. ` +
      'Freeze the parameters behind them in the recipe to unlearn with the others.'
    );
  }
  if (tensors === 0) return 'No parameter of this model can be changed, so nothing can be unlearned.';
  const all = overview.parameters.length === tensors;
  return (
    `${all ? 'All ' : ''}${count(elements)} elements in ${things(tensors, 'tensor')} can be changed; ` +
    'every operator between them and the outputs can be differentiated.'
  );
}

function facts(overview: ModelOverview): HTMLElement {
  const total = sum(overview.parameters.map(parameter => parameter.count));
  const external = overview.externalFiles;
  const entries: (readonly [string, string])[] = [
    ['File', fileName(overview.path)],
    ['Size', bytes(overview.bytes)],
    ...external.map(file => ['External data', `${file.path} · ${bytes(file.bytes)}`] as const),
    ['Format', formatText(overview)],
    ['Producer', overview.producer === '' ? 'not named' : overview.producer],
    ['Parameters', `${count(total)} in ${things(overview.parameters.length, 'tensor')}`],
    ['Nodes', count(sum(overview.operators.map(each => each.count)))],
  ];
  return factList(entries, 'text');
}

function values(list: ModelOverview['inputs']): HTMLElement {
  if (list.length === 0) return h('p', { class: 'muted' }, 'None.');
  return plainTable(
    ['name', 'type', 'shape'],
    list.map(value => [value.name, value.dtype, shape(value.dims)]),
    'words',
  );
}

function operators(overview: ModelOverview): HTMLElement {
  const most = Math.max(1, ...overview.operators.map(each => each.count));
  return plainTable(
    ['operator', 'count', ''],
    overview.operators.map(each => [
      h(
        'span',
        each.differentiable ? null : { tip: 'There is no rule to differentiate this operator.' },
        each.op,
        each.differentiable ? null : h('span', { class: 'muted' }, ' · not differentiable'),
      ),
      count(each.count),
      shareBar(each.count / most, 96),
    ]),
    'words operators',
  );
}

/** Rows that a table here shows at once. */
const mostRows = 100;

/** A table that may have thousands of rows: the first ones, and the others when they are asked for. */
function longTable(header: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  if (rows.length <= mostRows) return plainTable(header, rows, 'words');
  const holder = h('div');
  replaceContent(
    holder,
    plainTable(header, rows.slice(0, mostRows), 'words'),
    tooLarge(`The first ${mostRows} of ${count(rows.length)}.`, {
      label: 'Show All',
      onPress: () => replaceContent(holder, plainTable(header, rows, 'words')),
    }),
  );
  return holder;
}

/** Parameters that unlearning leaves alone, by reason. */
function fixedParameters(overview: ModelOverview): HTMLElement | null {
  const fixed = overview.parameters.filter(parameter => !parameter.trainable);
  if (fixed.length === 0) return null;
  return section(
    'Left alone',
    longTable(
      ['parameter', 'reason'],
      fixed.map(parameter => [parameter.name, parameter.reason]),
    ),
  );
}

function metadata(overview: ModelOverview): HTMLElement | null {
  return overview.metadata.length === 0 ? null : section('Metadata', factList(overview.metadata, 'text'));
}

function warnings(overview: ModelOverview): HTMLElement | null {
  if (overview.warnings.length === 0) return null;
  return h(
    'ul',
    { class: 'warnings' },
    ...overview.warnings.map(text => h('li', null, icon('warning'), h('span', null, text))),
  );
}

/** A section where there is something to stand in it. */
function optional(title: string, content: Child[] | null): HTMLElement[] {
  return content === null ? [] : [section(title, ...content)];
}

function section(title: string, ...content: Child[]): HTMLElement {
  return h('section', { class: 'overview-section' }, h('h2', null, title), ...content);
}

function sum(list: readonly number[]): number {
  return list.reduce((total, each) => total + each, 0);
}
