// Mouse and keyboard on the samples, as changes of the selection.
import { clearSelected, extend, moveFocus, selectAll, selectOne, toggle } from '../../src/shared/selection';
import type { CellScroller } from './scroller';
import type { SampleStore } from './store';

/** What gestures lead to beyond the selection. */
export interface GestureActions {
  /** Tells the host the selection at once: a menu or a command comes next. */
  flushSelection(): void;
  openDetails(): void;
  /** Whether details were open. */
  closeDetails(): boolean;
  removeFromForget(): void;
  unlearn(): void;
  focusFilter(): void;
}

/** Listens on the scroller; `current` gives the store of the dataset that is open. */
export function listenToGestures(
  scroller: CellScroller,
  current: () => SampleStore | null,
  actions: GestureActions,
): void {
  const { element } = scroller;
  const sampleOf = (event: Event): number | null => {
    const cell = (event.target as Element).closest<HTMLElement>('[data-index]');
    return cell ? Number(cell.dataset['index']) : null;
  };

  element.addEventListener('click', event => {
    const store = current();
    const index = sampleOf(event);
    if (store === null || index === null) return;
    const command = event.ctrlKey || event.metaKey;
    if (event.shiftKey) store.setSelection(extend(store.selection, index, store.list, command));
    else if (command) store.setSelection(toggle(store.selection, index));
    else store.setSelection(selectOne(index));
  });
  element.addEventListener('dblclick', event => {
    if (sampleOf(event) !== null) actions.openDetails();
  });
  // Text would be marked along with the samples.
  element.addEventListener('mousedown', event => {
    if (event.shiftKey) event.preventDefault();
    element.focus({ preventScroll: true });
  });
  // In the capturing phase: the host must know the selection before VS Code reads the menu's context.
  element.addEventListener(
    'contextmenu',
    event => {
      const store = current();
      const index = sampleOf(event);
      if (store === null) return;
      if (index !== null && !store.selection.selected.has(index)) store.setSelection(selectOne(index));
      actions.flushSelection();
    },
    true,
  );
  element.addEventListener('keydown', event => {
    const store = current();
    if (store !== null && onKey(event, store, scroller, actions)) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
}

function onKey(
  event: KeyboardEvent,
  store: SampleStore,
  scroller: CellScroller,
  actions: GestureActions,
): boolean {
  const command = event.ctrlKey || event.metaKey;
  const { selection, list } = store;
  switch (event.key) {
    case ' ':
      if (selection.focus === null) return true;
      if (event.shiftKey) store.setSelection(extend(selection, selection.focus, list, command));
      else store.setSelection(toggle(selection, selection.focus));
      return true;
    case 'Enter':
      if (command) {
        actions.flushSelection();
        actions.unlearn();
      } else if (selection.focus !== null) actions.openDetails();
      return true;
    case 'a':
    case 'A':
      if (!command || event.shiftKey || event.altKey) return false;
      store.setSelection(selectAll(selection, list));
      return true;
    case 'f':
    case 'F':
    case '/':
      if (command !== (event.key !== '/')) return false;
      actions.focusFilter();
      return true;
    case 'Delete':
    case 'Backspace':
      if (command || event.altKey || event.shiftKey) return false;
      actions.removeFromForget();
      return true;
    case 'Escape':
      if (actions.closeDetails()) return true;
      if (selection.selected.size === 0) return false;
      store.setSelection(clearSelected(selection));
      return true;
  }
  const place = target(event.key, store, scroller);
  if (place === null || list.order.length === 0 || event.altKey) return false;
  const index = list.order[Math.max(0, Math.min(list.order.length - 1, place))]!;
  if (event.shiftKey) store.setSelection(extend(selection, index, list, command));
  else if (command) store.setSelection(moveFocus(selection, index));
  else store.setSelection(selectOne(index));
  scroller.bringIntoView(list.placeOf(index));
  return true;
}

/** The place that a key moves to; null for keys that do not move. */
function target(key: string, store: SampleStore, scroller: CellScroller): number | null {
  const { focus } = store.selection;
  const here = focus === null ? -1 : store.list.placeOf(focus);
  const { perLine, linesInView } = scroller;
  const first = here < 0;
  switch (key) {
    case 'ArrowRight':
      return perLine === 1 && !first ? null : here + 1;
    case 'ArrowLeft':
      return perLine === 1 && !first ? null : here - 1;
    // Below the last line there is nothing; the column is kept.
    case 'ArrowDown':
      return first ? 0 : here + perLine < store.list.order.length ? here + perLine : here;
    case 'ArrowUp':
      return first ? 0 : here >= perLine ? here - perLine : here;
    case 'PageDown':
      return first ? 0 : here + perLine * linesInView;
    case 'PageUp':
      return first ? 0 : here - perLine * linesInView;
    case 'Home':
      return 0;
    case 'End':
      return store.list.order.length - 1;
    default:
      return null;
  }
}
