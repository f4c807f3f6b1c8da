// The columns of the table of nodes.
import type { LaneRow, Lanes } from '../../src/shared/graphLanes';
import type { GraphNode } from '../../src/shared/modelGraph';
import { things } from '../../src/shared/numbers';
import { h, icon } from '../kit/dom';
import { longName } from '../kit/longName';
import type { TableColumn } from '../kit/tableOptions';
import { drawLanes, lanesWidth } from './laneDrawing';

/** A node and its place in the picture. */
export interface GraphRow {
  readonly index: number;
  readonly node: GraphNode;
  readonly lanes: LaneRow;
  /** Whether gradients of parameters stop here. */
  readonly blocks: boolean;
}

/** What the columns show beside the row itself. */
export interface GraphLook {
  readonly lanes: Lanes;
  readonly lit: ReadonlySet<string>;
  /** Filtered rows are no neighbours, so there are no lines between them. */
  readonly isFiltered: () => boolean;
  readonly shapeOf: (row: GraphRow) => string;
}

const rowHeight = 26;

/** A node by its name, or by its operator where it has none. */
export function nodeTitle(node: GraphNode): string {
  return node.name || node.op || node.kind;
}

/** The columns; none sorts, for the order is the graph's. */
export function graphColumns(look: GraphLook): readonly TableColumn<GraphRow>[] {
  const { width } = look.lanes;
  return [
    {
      key: 'lanes',
      title: '',
      width: `${lanesWidth(width)}px`,
      text: () => '',
      draw: ({ lanes, node }) =>
        drawLanes(look.isFiltered() ? { lane: lanes.lane, lines: [] } : lanes, node, {
          width,
          height: rowHeight,
          lit: look.lit,
        }),
    },
    {
      key: 'op',
      title: 'operator',
      width: 'minmax(96px, 0.8fr)',
      look: 'name',
      text: ({ node }) => node.op || node.kind,
      draw: row =>
        h(
          'span',
          { class: `vtable-text node-op ${row.node.kind === 'operator' ? '' : 'muted'}` },
          row.blocks ? icon('warning') : null,
          row.node.op || row.node.kind,
        ),
      tipOf: ({ node, blocks }) =>
        blocks
          ? `${node.op} cannot be differentiated, and parameters lie behind it.`
          : node.differentiable
            ? node.op || node.kind
            : `${node.op}: no gradient goes through it`,
    },
    {
      key: 'name',
      title: 'name',
      width: 'minmax(96px, 1.4fr)',
      look: 'name',
      from: 480,
      text: ({ node }) => node.name,
      draw: ({ node }) => longName(node.name),
      tipOf: ({ node }) => node.name,
    },
    {
      key: 'shape',
      title: 'output shape',
      tip: 'Dims of the first output; N is the number of samples in a batch',
      width: 'minmax(148px, 1fr)',
      look: 'name',
      text: look.shapeOf,
    },
    {
      key: 'parameters',
      title: 'parameters',
      width: 'minmax(96px, 1.2fr)',
      look: 'name',
      from: 640,
      text: ({ node }) => node.parameters.join(', '),
      draw: ({ node }) => {
        const [first] = node.parameters;
        const more = node.parameters.length - 1;
        return first === undefined
          ? h('span')
          : h(
              'span',
              { class: 'fixed-name' },
              longName(first),
              more > 0 ? h('span', { class: 'muted' }, ` +${more}`) : null,
            );
      },
      tipOf: ({ node }) =>
        node.parameters.length > 1
          ? `${things(node.parameters.length, 'parameter')}: ${node.parameters.join(', ')}`
          : node.parameters.join(),
    },
  ];
}
