// Parameters grouped by the module they belong to, as the model's tree shows them.
import type { InspectedParameter } from './inspection';

/** How far one tensor moved: the norms that shares are made of. */
export interface Moved {
  readonly name: string;
  readonly normA: number;
  readonly delta: number;
}

/** Parameters with one prefix. */
export interface ParameterGroup {
  /** What stands before the last dot or slash; empty for parameters without one. */
  readonly prefix: string;
  readonly parameters: readonly InspectedParameter[];
  /** Elements of all of them. */
  readonly count: number;
}

/** Groups in the order in which their first parameter is stored. */
export function parameterGroups(parameters: readonly InspectedParameter[]): ParameterGroup[] {
  const groups = new Map<string, InspectedParameter[]>();
  for (const parameter of parameters) {
    const prefix = prefixOf(parameter.name);
    const group = groups.get(prefix);
    if (group) group.push(parameter);
    else groups.set(prefix, [parameter]);
  }
  return [...groups].map(([prefix, members]) => ({
    prefix,
    parameters: members,
    count: members.reduce((sum, { count }) => sum + count, 0),
  }));
}

/** What stands before the last dot or slash of a name. */
export function prefixOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.'), name.lastIndexOf('/')));
}

/** ‖Δ‖ / ‖θ‖ over some tensors together; null where nothing is known or the norm is 0. */
export function relativeChange(names: readonly string[], moved: ReadonlyMap<string, Moved>): number | null {
  let [delta, norm] = [0, 0];
  for (const name of names) {
    const each = moved.get(name);
    if (!each) continue;
    delta += each.delta ** 2;
    norm += each.normA ** 2;
  }
  return norm > 0 ? Math.sqrt(delta / norm) : null;
}
