// Which samples are selected, as data: every gesture is a function from a selection to the next one.
// Samples are named by their index in the dataset, so that a selection outlives sorting; what is shown is a SampleList.

/** Samples in the order they are shown, and where each stands. */
export interface SampleList {
  readonly order: Uint32Array;
  /** The place of a sample in `order`; −1 where it is not shown. */
  placeOf(index: number): number;
}

/** The selected samples, the sample that has the keyboard focus, and the one from which ranges reach. */
export interface SampleSelection {
  readonly selected: ReadonlySet<number>;
  readonly focus: number | null;
  readonly anchor: number | null;
}

export const noSelection: SampleSelection = { selected: new Set(), focus: null, anchor: null };

/** A list of samples; `size` is that of the dataset. */
export function sampleList(order: Uint32Array, size: number): SampleList {
  const places = new Int32Array(size).fill(-1);
  order.forEach((index, place) => (places[index] = place));
  return { order, placeOf: index => places[index] ?? -1 };
}

/** A plain click: this sample alone. */
export function selectOne(index: number): SampleSelection {
  return { selected: new Set([index]), focus: index, anchor: index };
}

/** Ctrl/Cmd+click or Space: adds the sample, or takes it away. */
export function toggle(selection: SampleSelection, index: number): SampleSelection {
  const selected = new Set(selection.selected);
  if (!selected.delete(index)) selected.add(index);
  return { selected, focus: index, anchor: index };
}

/**
 * Shift+click or Shift+arrow: everything shown from the anchor to this sample. It replaces what was selected, or with
 * `keep` (Ctrl/Cmd+Shift) joins it. Without an anchor that is shown, the range is the sample alone.
 */
export function extend(
  selection: SampleSelection,
  index: number,
  list: SampleList,
  keep = false,
): SampleSelection {
  const origin = selection.anchor ?? selection.focus;
  const anchor = origin !== null && list.placeOf(origin) >= 0 ? origin : index;
  const [from, to] = [list.placeOf(anchor), list.placeOf(index)].sort((a, b) => a - b) as [number, number];
  const selected = new Set(keep ? selection.selected : []);
  for (let place = Math.max(from, 0); place <= to; place++) selected.add(list.order[place]!);
  return { selected, focus: index, anchor };
}

/** Ctrl/Cmd+arrow: the focus moves, the selection stays; the next range begins where the focus is. */
export function moveFocus(selection: SampleSelection, index: number): SampleSelection {
  return { selected: selection.selected, focus: index, anchor: index };
}

/** A rectangle drawn over the list: what stands at these places, with `keep` (Ctrl/Cmd, Shift) beside what was selected. */
export function selectPlaces(
  before: SampleSelection,
  places: readonly number[],
  list: SampleList,
  keep = false,
): SampleSelection {
  const touched = places.flatMap(place => list.order[place] ?? []);
  const last = touched.at(-1) ?? before.focus;
  return { selected: new Set([...(keep ? before.selected : []), ...touched]), focus: last, anchor: last };
}

/** Ctrl/Cmd+A: everything shown, which is everything that passes the filter. */
export function selectAll(selection: SampleSelection, list: SampleList): SampleSelection {
  return { ...selection, selected: new Set(list.order) };
}

/** Escape: nothing selected; the focus stays. */
export function clearSelected(selection: SampleSelection): SampleSelection {
  return { ...selection, selected: new Set(), anchor: selection.focus };
}

/** After another filter: only what is shown stays selected, so that nobody unlearns a sample they cannot see. */
export function keepShown(selection: SampleSelection, list: SampleList): SampleSelection {
  const shown = (index: number | null): number | null =>
    index !== null && list.placeOf(index) >= 0 ? index : null;
  return {
    selected: new Set([...selection.selected].filter(index => list.placeOf(index) >= 0)),
    focus: shown(selection.focus),
    anchor: shown(selection.anchor),
  };
}

/** The selected indices, ascending. */
export function selectedIndices(selection: SampleSelection): number[] {
  return [...Uint32Array.from(selection.selected).sort()];
}

/** Two ascending lists as one, without repeats. */
export function withIndices(indices: readonly number[], added: Iterable<number>): number[] {
  return [...Uint32Array.from(new Set([...indices, ...added])).sort()];
}

/** An ascending list without some of its entries. */
export function withoutIndices(indices: readonly number[], removed: ReadonlySet<number>): number[] {
  return indices.filter(index => !removed.has(index));
}
