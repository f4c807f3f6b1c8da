// A list of any length of which only what is in view exists: cells of equal size, several a line or one.
import { h } from '../kit/dom';

/** How cells are laid out, in pixels; `width` null: one cell a line, as wide as there is room. */
export interface CellSize {
  readonly width: number | null;
  readonly height: number;
  /** The least width of a line; beyond the room there is, it scrolls sideways. */
  readonly least: number;
  /** Room around all cells. */
  readonly padding: number;
}

/** A point of the list as a whole, however far it is scrolled. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where the list gets its cells. */
export interface CellSource {
  readonly count: number;
  readonly size: CellSize;
  /** What a place shows; cells are kept for as long as the same sample is in view. */
  sampleAt(place: number): number;
  create(sample: number): HTMLElement;
  /** Brings a cell up to date with what is known of its sample. */
  refresh(cell: HTMLElement, sample: number, place: number): void;
  /** The samples in view, the first first. */
  inView(samples: readonly number[]): void;
}

/** Browsers stop at some 30 million pixels; longer lists scroll faster than the wheel says. */
const tallest = 8_000_000;
const linesBeyond = 2;

/** A virtual list; its element scrolls and takes the keyboard. */
export class CellScroller {
  private readonly space = h('div', { class: 'scroller-space', attributes: { role: 'presentation' } });
  readonly element = h('div', { class: 'scroller', attributes: { tabindex: 0 } }, this.space);
  private readonly cells = new Map<number, HTMLElement>();
  private source: CellSource | null = null;
  private pending = false;
  /** How many cells a line held when it was last drawn, and which place stood at the top. */
  private drawn: { readonly perLine: number; readonly top: number } | null = null;

  constructor() {
    this.element.addEventListener('scroll', () => this.schedule());
    new ResizeObserver(() => this.schedule()).observe(this.element);
  }

  private get padding(): number {
    return this.source?.size.padding ?? 0;
  }

  /** How many cells a line holds. */
  get perLine(): number {
    const width = this.source?.size.width ?? null;
    if (width === null) return 1;
    return Math.max(1, Math.floor((this.element.clientWidth - 2 * this.padding) / width));
  }

  /** How many whole lines are in view. */
  get linesInView(): number {
    return Math.max(1, Math.floor(this.element.clientHeight / (this.source?.size.height ?? 1)));
  }

  /** Shows these cells; the scroll position stays where it can. */
  show(source: CellSource): void {
    if (this.source?.size !== source.size) this.clear();
    this.source = source;
    this.schedule();
  }

  /** Back to the first line. */
  toTop(): void {
    this.element.scrollTop = 0;
    this.schedule();
  }

  /** Scrolls as little as needed to bring a place into view. */
  bringIntoView(place: number): void {
    if (this.source === null) return;
    this.measure();
    const { height, padding } = this.source.size;
    const top = padding + Math.floor(place / this.perLine) * height;
    const view = this.element.clientHeight;
    const now = this.virtualTop();
    if (top < now) this.scrollTo(top - padding);
    else if (top + height > now + view) this.scrollTo(top + height + padding - view);
    this.draw();
  }

  /** The point of the list that is at a point of the window. */
  pointAt(clientX: number, clientY: number): Point {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: clientX - left + this.element.scrollLeft, y: clientY - top + this.virtualTop() };
  }

  /** Where a point of the list is in the window; perhaps outside of what is in view. */
  clientOf({ x, y }: Point): Point {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: x + left - this.element.scrollLeft, y: y + top - this.virtualTop() };
  }

  /** The places of the cells that a rectangle touches, line by line. */
  placesWithin(a: Point, b: Point): number[] {
    if (this.source === null) return [];
    const { size, count } = this.source;
    const { perLine, padding } = this;
    const line = (y: number): number => Math.floor((y - padding) / size.height);
    const column = (x: number): number => (size.width === null ? 0 : Math.floor((x - padding) / size.width));
    const [first, last] = [Math.max(0, line(Math.min(a.y, b.y))), line(Math.max(a.y, b.y))];
    const left = Math.max(0, column(Math.min(a.x, b.x)));
    const right = Math.min(perLine - 1, column(Math.max(a.x, b.x)));
    const places: number[] = [];
    for (let at = first; at <= last && at * perLine < count; at++) {
      for (let x = left; x <= right && at * perLine + x < count; x++) places.push(at * perLine + x);
    }
    return places;
  }

  private schedule(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  private clear(): void {
    this.cells.clear();
    this.drawn = null;
    this.space.replaceChildren();
  }

  private total(): number {
    if (this.source === null) return 0;
    return Math.ceil(this.source.count / this.perLine) * this.source.size.height + 2 * this.padding;
  }

  private measure(): void {
    const { size } = this.source!;
    this.space.style.height = `${Math.min(this.total(), tallest)}px`;
    this.space.style.minWidth = `${size.least}px`;
  }

  /** How far the list moves for one pixel of the scroll bar. */
  private ratio(): number {
    const view = this.element.clientHeight;
    const total = this.total();
    return total <= tallest ? 1 : (total - view) / (tallest - view);
  }

  private virtualTop(): number {
    return this.element.scrollTop * this.ratio();
  }

  private scrollTo(top: number): void {
    this.element.scrollTop = top / this.ratio();
  }

  private draw(): void {
    const { source } = this;
    if (source === null || this.element.clientHeight === 0) return;
    this.measure();
    const { height, width, padding } = source.size;
    const { perLine } = this;
    // Another width moves every cell; what stood at the top stays there.
    if (this.drawn !== null && this.drawn.perLine !== perLine) {
      this.scrollTo(Math.floor(this.drawn.top / perLine) * height);
    }
    const top = this.virtualTop();
    this.drawn = { perLine, top: Math.max(0, Math.floor(top / height)) * perLine };
    const first = Math.max(0, Math.floor((top - padding) / height) - linesBeyond) * perLine;
    const last = Math.min(
      source.count,
      (Math.ceil((top + this.element.clientHeight - padding) / height) + linesBeyond) * perLine,
    );
    const shown: number[] = [];
    for (let place = first; place < last; place++) shown.push(source.sampleAt(place));
    this.dropAllBut(new Set(shown));
    let before: HTMLElement | null = null;
    shown.forEach((sample, at) => {
      const place = first + at;
      const cell = this.cells.get(sample) ?? this.add(sample, source);
      const x = width === null ? 0 : padding + (place % perLine) * width;
      const y = padding + Math.floor(place / perLine) * height - top + this.element.scrollTop;
      cell.style.transform = `translate(${x}px, ${y}px)`;
      source.refresh(cell, sample, place);
      // Screen readers go by the order of the document.
      const next: Element | null = before === null ? this.space.firstElementChild : before.nextElementSibling;
      if (next !== cell) this.space.insertBefore(cell, next);
      before = cell;
    });
    // What is in sight comes before the lines beyond it.
    const hidden = Math.min(shown.length, linesBeyond * perLine);
    source.inView(first > 0 ? [...shown.slice(hidden), ...shown.slice(0, hidden)] : shown);
  }

  private dropAllBut(samples: ReadonlySet<number>): void {
    for (const [sample, cell] of this.cells) {
      if (samples.has(sample)) continue;
      cell.remove();
      this.cells.delete(sample);
    }
  }

  private add(sample: number, source: CellSource): HTMLElement {
    const cell = source.create(sample);
    this.cells.set(sample, cell);
    return cell;
  }
}
