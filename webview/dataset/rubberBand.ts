// Dragging a rectangle over the samples selects those it touches; Ctrl, Cmd or Shift keep what was selected before.
import { selectPlaces } from '../../src/shared/selection';
import type { SampleSelection } from '../../src/shared/selection';
import { h } from '../kit/dom';
import type { CellScroller, Point } from './scroller';
import type { SampleStore } from './store';

/** Pixels that the pointer moves before a press becomes a drag. */
const threshold = 5;
/** Pixels beyond the edge of the list for each pixel that it scrolls in a frame. */
const pace = 4;

/** A drag under way. */
interface Drag {
  readonly store: SampleStore;
  readonly before: SampleSelection;
  readonly keep: boolean;
  readonly start: Point;
  readonly pointer: number;
  client: { readonly x: number; readonly y: number };
  begun: boolean;
}

/** Listens on the scroller; `current` gives the store of the dataset that is open, `ended` is told after each drag. */
export function listenToRubberBand(
  scroller: CellScroller,
  current: () => SampleStore | null,
  ended: () => void,
): void {
  const { element } = scroller;
  const band = h('div', { class: 'rubber-band', attributes: { 'aria-hidden': 'true' } });
  let drag: Drag | null = null;
  let frame = 0;
  /** The click that ends a drag must not select the sample under it. */
  let swallow = false;

  const update = (): void => {
    if (!drag?.begun) return;
    const here = scroller.pointAt(drag.client.x, drag.client.y);
    const places = scroller.placesWithin(drag.start, here);
    drag.store.setSelection(selectPlaces(drag.before, places, drag.store.list, drag.keep));
    place(band, element.getBoundingClientRect(), scroller.clientOf(drag.start), drag.client);
  };
  const tick = (): void => {
    frame = 0;
    if (!drag?.begun) return;
    const { top, bottom } = element.getBoundingClientRect();
    const beyond = Math.min(0, drag.client.y - top) + Math.max(0, drag.client.y - bottom);
    if (beyond === 0) return;
    element.scrollTop += beyond / pace;
    update();
    frame = requestAnimationFrame(tick);
  };
  const finish = (): void => {
    if (drag?.begun) {
      band.remove();
      swallow = true;
      ended();
      // Where no click follows, the next one is meant.
      setTimeout(() => (swallow = false), 0);
    }
    drag = null;
  };

  element.addEventListener('pointerdown', event => {
    const store = current();
    const bar = event.offsetX > element.clientWidth && event.target === element;
    if (store === null || event.button !== 0 || event.pointerType === 'touch' || bar) return;
    drag = {
      store,
      before: store.selection,
      keep: event.ctrlKey || event.metaKey || event.shiftKey,
      start: scroller.pointAt(event.clientX, event.clientY),
      pointer: event.pointerId,
      client: { x: event.clientX, y: event.clientY },
      begun: false,
    };
  });
  element.addEventListener('pointermove', event => {
    if (!drag) return;
    const from = scroller.clientOf(drag.start);
    if (!drag.begun && Math.hypot(event.clientX - from.x, event.clientY - from.y) < threshold) return;
    if (!drag.begun) {
      drag.begun = true;
      element.setPointerCapture(drag.pointer);
      document.body.append(band);
    }
    drag.client = { x: event.clientX, y: event.clientY };
    update();
    frame ||= requestAnimationFrame(tick);
  });
  element.addEventListener('pointerup', finish);
  element.addEventListener('pointercancel', finish);
  element.addEventListener('scroll', update);
  element.addEventListener('selectstart', event => drag && event.preventDefault());
  element.addEventListener('dragstart', event => event.preventDefault());
  element.addEventListener(
    'click',
    event => {
      if (!swallow) return;
      swallow = false;
      event.stopImmediatePropagation();
    },
    true,
  );
  window.addEventListener(
    'keydown',
    event => {
      if (event.key !== 'Escape' || !drag?.begun) return;
      event.preventDefault();
      event.stopPropagation();
      drag.store.setSelection(drag.before);
      finish();
    },
    true,
  );
}

/** Puts the rectangle between two points of the window, as far as it lies over the list. */
function place(
  band: HTMLElement,
  list: DOMRect,
  a: { readonly x: number; readonly y: number },
  b: { readonly x: number; readonly y: number },
): void {
  const clip = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)].map(x => clip(x, list.left, list.right));
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map(y => clip(y, list.top, list.bottom));
  band.style.left = `${left}px`;
  band.style.top = `${top}px`;
  band.style.width = `${right! - left!}px`;
  band.style.height = `${bottom! - top!}px`;
}
