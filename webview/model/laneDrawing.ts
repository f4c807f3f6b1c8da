// One row of the picture of a graph: lines that pass, begin and end, and the node's mark.
import type { LaneRow } from '../../src/shared/graphLanes';
import type { GraphNode } from '../../src/shared/modelGraph';
import { svg } from '../kit/dom';

/** The most room that lanes may take, in pixels; more lanes stand closer. */
const mostWidth = 168;
const widest = 14;

/** The distance between lanes. */
export function laneStep(width: number): number {
  return Math.min(widest, mostWidth / Math.max(1, width));
}

/** The room that lanes take. */
export function lanesWidth(width: number): number {
  return Math.ceil(laneStep(width) * width + 4);
}

/** Draws a row; `lit` are the values whose lines stand out. */
export function drawLanes(
  row: LaneRow,
  node: GraphNode,
  options: { readonly width: number; readonly height: number; readonly lit: ReadonlySet<string> },
): SVGSVGElement {
  const { width, height, lit } = options;
  const step = laneStep(width);
  const x = (lane: number): number => 2 + step * (lane + 0.5);
  const middle = height / 2;
  const dot = x(row.lane);
  const drawing = svg('svg', { class: 'lanes', width: lanesWidth(width), height, 'aria-hidden': 'true' });
  const path = (d: string, value: string): void => {
    const line = svg('path', { class: lit.has(value) ? 'lane lit' : 'lane', d });
    line.dataset['value'] = value;
    drawing.append(line);
  };
  for (const { value, from, to } of row.lines) {
    if (from === null) path(bend(dot, middle, x(to!), height), value);
    else if (to === null) path(bend(x(from), 0, dot, middle), value);
    else path(bend(x(from), 0, x(to), height), value);
  }
  drawing.append(mark(node, dot, middle, Math.min(4, Math.max(2, step / 2.5))));
  return drawing;
}

/** Lets the lines of other values stand out, in a row that is drawn already. */
export function lightLanes(within: Element, lit: ReadonlySet<string>): void {
  for (const line of within.querySelectorAll<SVGPathElement>('.lane')) {
    line.classList.toggle('lit', lit.has(line.dataset['value'] ?? ''));
  }
}

function bend(x1: number, y1: number, x2: number, y2: number): string {
  if (x1 === x2) return `M${x1} ${y1}V${y2}`;
  const half = (y1 + y2) / 2;
  return `M${x1} ${y1}C${x1} ${half} ${x2} ${half} ${x2} ${y2}`;
}

/** Inputs and outputs are squares; what has no gradient is hollow; what stores parameters is larger. */
function mark(node: GraphNode, x: number, y: number, size: number): SVGElement {
  const role = node.differentiable ? 'node-mark' : 'node-mark hollow';
  if (node.kind !== 'operator') {
    return svg('rect', { class: `${role} end`, x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  }
  return svg('circle', { class: role, cx: x, cy: y, r: node.parameters.length > 0 ? size : size * 0.7 });
}
