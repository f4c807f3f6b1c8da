// Where the lines of a graph run when its nodes stand one below the other: every value that is still needed keeps a
// lane, as branches do in the picture of a history.
import type { GraphNode } from './modelGraph';

/** A line through one row, from a lane at its top to a lane at its bottom. `value` is what flows there. */
export interface LaneLine {
  readonly value: string;
  /** Null where the line begins at the row's dot. */
  readonly from: number | null;
  /** Null where the line ends at the row's dot. */
  readonly to: number | null;
}

/** One row of the picture. */
export interface LaneRow {
  /** Where the dot of the node is. */
  readonly lane: number;
  readonly lines: readonly LaneLine[];
}

/** The rows of a graph and how many lanes the widest has. */
export interface Lanes {
  readonly rows: readonly LaneRow[];
  readonly width: number;
}

/**
 * Lays out nodes that stand in topological order. A node goes on in the lane of its leftmost input; what that input
 * still has to reach moves to a free lane, so that chains stay straight and the lines of skips go round them. A use
 * that stands before its value is made draws no line.
 */
export function graphLanes(nodes: readonly Pick<GraphNode, 'inputs' | 'outputs'>[]): Lanes {
  const uses = new Map<string, number>();
  for (const { inputs } of nodes)
    for (const input of new Set(inputs)) uses.set(input, (uses.get(input) ?? 0) + 1);
  const lanes: (string | null)[] = [];
  const free = (from = 0): number => {
    let lane = from;
    while (lanes[lane] !== undefined && lanes[lane] !== null) lane++;
    return lane;
  };
  let width = 1;
  const rows = nodes.map(({ inputs, outputs }): LaneRow => {
    const wanted = new Set(inputs);
    const lines: LaneLine[] = [];
    const incoming: number[] = [];
    lanes.forEach((value, lane) => {
      if (value !== null && wanted.has(value)) incoming.push(lane);
      else if (value !== null) lines.push({ value, from: lane, to: lane });
    });
    const lane = incoming[0] ?? free();
    const moving: string[] = [];
    for (const from of incoming) {
      const value = lanes[from]!;
      const left = uses.get(value)! - 1;
      uses.set(value, left);
      lines.push({ value, from, to: null });
      if (left > 0 && from !== lane) lines.push({ value, from, to: from });
      else lanes[from] = null;
      if (left > 0 && from === lane) moving.push(value);
    }
    // The node's own lane is taken first, so that what moves away finds another.
    const needed = outputs.filter(output => (uses.get(output) ?? 0) > 0);
    const [first, ...others] = needed;
    if (first !== undefined) {
      lanes[lane] = first;
      lines.push({ value: first, from: null, to: lane });
    }
    for (const value of moving) {
      const to = free(first === undefined ? lane : lane + 1);
      lanes[to] = value;
      lines.push({ value, from: lane, to });
    }
    for (const value of others) {
      const to = free(lane + 1);
      lanes[to] = value;
      lines.push({ value, from: null, to });
    }
    for (const line of lines) width = Math.max(width, (line.from ?? 0) + 1, (line.to ?? 0) + 1);
    width = Math.max(width, lane + 1);
    while (lanes.length > 0 && lanes.at(-1) === null) lanes.pop();
    return { lane, lines };
  });
  return { rows, width };
}
