// The model's graph, one node a line in the order it is computed, with lines between them as in a picture of branches.
import { graphLanes } from '../../src/shared/graphLanes';
import type { Lanes } from '../../src/shared/graphLanes';
import type { GraphNode, GraphValue, ModelGraph } from '../../src/shared/modelGraph';
import { count, shape, things } from '../../src/shared/numbers';
import { h, icon, replaceContent } from '../kit/dom';
import { textField } from '../kit/toolkit';
import { VirtualTable } from '../kit/virtualTable';
import { graphColumns, nodeTitle } from './graphColumns';
import type { GraphRow } from './graphColumns';
import { lightLanes } from './laneDrawing';
import { Loaded } from './loaded';
import { SplitPane } from './splitPane';
import type { Fact } from './splitPane';
import type { Host, ReadyState, View } from './view';
import './graphView.css';

/** The tab Graph. */
export class GraphView implements View {
  readonly element = h('div', { class: 'tab' });
  private readonly content: Loaded<ModelGraph>;
  private readonly reach = h('span', { class: 'muted', attributes: { role: 'status' } });
  private state: ReadyState | null = null;
  private table: VirtualTable<GraphRow> | null = null;
  private pane: SplitPane | null = null;
  private rows: readonly GraphRow[] = [];
  private readonly values = new Map<string, GraphValue>();
  private readonly makers = new Map<string, GraphRow>();
  private readonly users = new Map<string, GraphRow[]>();
  private readonly lit = new Set<string>();
  private text = '';
  private filtered = false;

  constructor(
    private readonly host: Host,
    /** Shows a parameter in its own tab. */
    private readonly showParameter: (name: string) => void,
  ) {
    this.content = new Loaded({
      into: this.element,
      label: 'Reading the graph',
      failed: 'The graph could not be read',
      ask: () => host.ask('graph', null),
      fill: graph => this.fill(graph),
    });
  }

  update(state: ReadyState): void {
    this.state = state;
    // With data, axes that the file leaves open are known.
    this.content.update(`${state.overview.stamp} ${state.dataset?.path ?? ''}`);
  }

  show(): void {
    this.content.show();
  }

  private fill(graph: ModelGraph): void {
    const lanes = graphLanes(graph.nodes);
    const blocked = new Set(this.state?.overview.unsupported.map(({ op, node }) => `${op}\n${node}`));
    for (const map of [this.values, this.makers, this.users]) map.clear();
    for (const value of graph.values) this.values.set(value.name, value);
    this.rows = graph.nodes.map((node, index): GraphRow => {
      const row: GraphRow = {
        index,
        node,
        lanes: lanes.rows[index]!,
        blocks: blocked.has(`${node.op}\n${node.name || (node.outputs[0] ?? '')}`),
      };
      for (const output of node.outputs) this.makers.set(output, row);
      for (const input of node.inputs) this.users.set(input, [...(this.users.get(input) ?? []), row]);
      return row;
    });
    this.draw(lanes);
    if (graph.partial) this.measure(graph);
  }

  private draw(lanes: Lanes): void {
    const table = new VirtualTable<GraphRow>({
      label: 'Nodes of the graph',
      columns: graphColumns({
        lanes,
        lit: this.lit,
        isFiltered: () => this.filtered,
        shapeOf: row => this.shapeOf(row),
      }),
      key: row => row.index,
      empty: 'No node matches the filter.',
      onActive: row => this.showDetails(row),
      onOpen: row => {
        const [first] = row.node.parameters;
        if (first !== undefined) this.showParameter(first);
      },
    });
    const filter = textField({
      label: 'Filter nodes',
      placeholder: 'Filter by operator, name or parameter',
      value: this.text,
      icon: 'filter',
      onInput: text => {
        this.text = text;
        this.filter();
      },
    });
    filter.classList.add('filter');
    this.table = table;
    this.pane = new SplitPane(table.element);
    replaceContent(
      this.element,
      h('div', { class: 'toolbar' }, filter, h('span', { class: 'spacer' }), this.reach),
      this.pane.element,
    );
    this.filter();
    const first = this.rows.find(row => row.node.kind === 'operator') ?? this.rows[0];
    if (first) table.activate(first.index);
  }

  private filter(): void {
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    this.filtered = words.length > 0;
    const rows = this.filtered
      ? this.rows.filter(({ node }) => {
          const text = [node.kind, node.op, node.name, ...node.parameters, ...node.outputs]
            .join(' ')
            .toLowerCase();
          return words.every(word => text.includes(word));
        })
      : this.rows;
    this.table?.setRows(rows);
    const all = things(this.rows.length, 'node');
    this.reach.textContent = this.filtered ? `${count(rows.length)} of ${all}` : all;
  }

  /** Asks for the shapes that the file does not declare; without them the view is as good as the file. */
  private measure(graph: ModelGraph): void {
    const asked = this.rows;
    this.host.ask('graphShapes', null).then(
      measured => {
        if (asked !== this.rows) return;
        const declared = new Map(graph.values.map(value => [value.name, value]));
        for (const value of measured) {
          const known = declared.get(value.name);
          if (!known?.dims) this.values.set(value.name, { ...value, dtype: known?.dtype ?? null });
        }
        this.redraw();
      },
      (error: Error) => {
        if (asked === this.rows) this.reach.title = error.message;
      },
    );
  }

  private redraw(): void {
    this.table?.refresh();
    const active = this.table?.active;
    if (active) this.showDetails(active);
  }

  private shapeOf({ node }: GraphRow): string {
    const [name] = node.kind === 'output' ? node.inputs : node.outputs;
    const dims = name === undefined ? null : (this.values.get(name)?.dims ?? null);
    return dims === null ? '' : shape(dims);
  }

  private showDetails(row: GraphRow): void {
    const { node } = row;
    this.lit.clear();
    for (const value of [...node.inputs, ...node.outputs]) this.lit.add(value);
    if (this.table) lightLanes(this.table.element, this.lit);
    const facts: Fact[] = [];
    if (node.kind === 'operator') facts.push(['Operator', node.op], ['Gradient', gradientText(row)]);
    else facts.push(['Kind', `${node.kind} of the model`]);
    if (node.inside > 0) facts.push(['Holds', `${things(node.inside, 'node')} inside`]);
    this.pane?.show(
      { title: nodeTitle(node), facts },
      ...this.section('Computes with', node.inputs, name => [this.makers.get(name)]),
      node.parameters.length > 0 ? this.parameters(node) : null,
      ...this.section('Gives', node.outputs, name => this.users.get(name) ?? []),
      node.constants.length > 0
        ? section(
            'Constants',
            node.constants.map(value => line(value.name, [value.dims === null ? '' : shape(value.dims)])),
          )
        : null,
      node.attributes.length > 0
        ? section(
            'Attributes',
            node.attributes.map(([name, text]) => line(name, [text])),
          )
        : null,
    );
  }

  /** Values of a node, with the nodes at their other ends. */
  private section(
    title: string,
    names: readonly string[],
    ends: (name: string) => readonly (GraphRow | undefined)[],
  ): HTMLElement[] {
    if (names.length === 0) return [];
    const lines = names.map(name => {
      const value = this.values.get(name);
      const about = [value?.dtype ?? '', value?.dims ? shape(value.dims) : ''].filter(Boolean).join(' · ');
      const found = ends(name).filter(end => end !== undefined);
      const links = found.slice(0, mostLinks).map(end => this.nodeLink(end));
      const more = found.length - links.length;
      return line(name, [
        about,
        ...links,
        more > 0 ? h('span', { class: 'muted' }, `and ${count(more)} more`) : null,
      ]);
    });
    return [section(title, lines)];
  }

  private parameters(node: GraphNode): HTMLElement {
    const known = new Map(this.state?.overview.parameters.map(each => [each.name, each]));
    return section(
      'Parameters',
      node.parameters.map(name => {
        const parameter = known.get(name);
        const open = link(name, 'symbol-numeric', () => this.showParameter(name));
        const about = parameter
          ? `${shape(parameter.dims)} · ${things(parameter.count, 'element')}${parameter.trainable ? '' : ` · left alone: ${parameter.reason}`}`
          : '';
        return h('li', null, open, h('span', { class: 'muted number' }, about));
      }),
    );
  }

  private nodeLink(row: GraphRow): HTMLElement {
    return link(
      nodeTitle(row.node),
      row.node.kind === 'operator' ? 'circle-filled' : 'symbol-variable',
      () => {
        if (this.filtered) {
          this.text = '';
          const field = this.element.querySelector<HTMLElement & { value: string }>('vscode-text-field');
          if (field) field.value = '';
          this.filter();
        }
        this.table?.activate(row.index);
        this.table?.element.focus();
      },
    );
  }
}

/** Nodes named at the other end of one value; a mask may go to hundreds. */
const mostLinks = 24;

function gradientText({ node, blocks }: GraphRow): string {
  if (blocks) return 'cannot be differentiated, and parameters lie behind it';
  return node.differentiable ? 'can be differentiated' : 'has no rule; no parameter needs one here';
}

function section(title: string, lines: readonly HTMLElement[]): HTMLElement {
  return h('section', { class: 'node-section' }, h('h3', null, title), h('ul', null, ...lines));
}

function line(name: string, content: readonly (Node | string | null)[]): HTMLElement {
  return h(
    'li',
    null,
    h('span', { class: 'name value-name' }, name),
    ...content.map(each => (typeof each === 'string' ? h('span', { class: 'muted number' }, each) : each)),
  );
}

/** A way to another place of the editor. */
function link(text: string, mark: string, go: () => void): HTMLElement {
  const button = h('button', { class: 'link name', on: { click: go } }, icon(mark), h('span', null, text));
  button.type = 'button';
  return button;
}
