// A table of any length: only rows in sight exist. A grid for screen readers, with arrow keys, sorting by column
// header, and copying as tab-separated text.
import { h, replaceContent, setTip, uniqueId } from './dom';
import { compareValues, leastWidth, rowWindow } from './rowWindow';
import type { TableColumn, TableOptions, TableSort } from './tableOptions';
import './virtualTable.css';

/** A virtual table. Put `element` into a container of definite height. */
export class VirtualTable<Row> {
  readonly element: HTMLElement;
  private readonly id = uniqueId('table');
  private readonly head: HTMLElement;
  private readonly body: HTMLElement;
  private readonly blank: HTMLElement;
  private readonly height: number;
  private rows: readonly Row[] = [];
  private sorted: readonly Row[] = [];
  private shown: readonly TableColumn<Row>[];
  private readonly drawn = new Map<number, HTMLElement>();
  private currentSort: TableSort | null;
  private activeKey: string | number | null = null;
  /** −1 is the header. */
  private activeIndex = 0;
  private activeColumn = 0;
  private scheduled = false;

  constructor(private readonly options: TableOptions<Row>) {
    this.height = options.rowHeight ?? 26;
    this.currentSort = options.sort ?? null;
    this.shown = options.columns;
    this.head = h('div', { class: 'vtable-head', attributes: { role: 'row', 'aria-rowindex': 1 } });
    this.body = h('div', { class: 'vtable-body', attributes: { role: 'rowgroup' } });
    this.blank = h('p', { class: 'vtable-blank', attributes: { role: 'status' } }, options.empty);
    this.element = h(
      'div',
      {
        class: 'vtable',
        style: { '--row-height': `${this.height}px` },
        attributes: { role: 'grid', tabindex: 0, 'aria-label': options.label },
      },
      this.head,
      this.body,
      this.blank,
    );
    this.element.addEventListener('scroll', () => this.schedule());
    this.element.addEventListener('keydown', event => this.pressKey(event));
    this.element.addEventListener('focus', () => {
      // The keyboard has to be somewhere: on the row it was on, else on the first.
      if (this.activeKey === null && this.activeIndex !== -1) this.moveTo(this.activeIndex);
      else this.markActive();
    });
    this.body.addEventListener('mousedown', event => this.pressRow(event));
    this.body.addEventListener('dblclick', event => {
      const row = this.sorted[this.indexOf(event.target)];
      if (row !== undefined) options.onOpen?.(row);
    });
    this.head.addEventListener('click', event => {
      const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
      if (cell) this.toggleSort(Number(cell.dataset['column']));
    });
    new ResizeObserver(() => this.fit()).observe(this.element);
    this.drawHead();
  }

  /** The rows in the order they are shown. */
  get ordered(): readonly Row[] {
    return this.sorted;
  }

  get sort(): TableSort | null {
    return this.currentSort;
  }

  /** The row that the keyboard is on, or null. */
  get active(): Row | null {
    return this.activeKey === null ? null : (this.sorted[this.activeIndex] ?? null);
  }

  /** Shows other rows; the active row stays active where it still exists. `empty` replaces the sentence for none. */
  setRows(rows: readonly Row[], empty = this.options.empty): void {
    this.rows = rows;
    this.blank.textContent = empty;
    this.order();
  }

  /** Draws everything again: what rows show changed, not which rows there are. */
  refresh(): void {
    this.clearRows();
    this.schedule();
  }

  setSort(sort: TableSort | null): void {
    this.currentSort = sort;
    this.drawHead();
    this.order();
  }

  /** Makes a row active and scrolls it into sight; does nothing when it is not among the rows. */
  activate(key: string | number): void {
    const index = this.sorted.findIndex(row => this.options.key(row) === key);
    if (index >= 0) this.moveTo(index, true);
  }

  private order(): void {
    const column = this.options.columns.find(each => each.key === this.currentSort?.key);
    const value = column?.value?.bind(column);
    if (value) {
      const direction = this.currentSort!.descending ? -1 : 1;
      this.sorted = [...this.rows].sort((a, b) => compareValues(value(a), value(b), direction));
    } else {
      this.sorted = this.rows;
    }
    if (this.activeKey !== null) {
      const index = this.sorted.findIndex(row => this.options.key(row) === this.activeKey);
      this.activeIndex = Math.max(0, index);
      if (index < 0) this.activeKey = null;
    }
    this.body.style.height = `${this.sorted.length * this.height}px`;
    this.blank.hidden = this.sorted.length > 0;
    this.element.setAttribute('aria-rowcount', String(this.sorted.length + 1));
    this.refresh();
  }

  /** Chooses the columns that there is room for. */
  private fit(): void {
    const width = this.element.clientWidth;
    if (width > 0) {
      const shown = this.options.columns.filter(column => (column.from ?? 0) <= width);
      if (shown.length !== this.shown.length) {
        this.shown = shown;
        this.activeColumn = Math.min(this.activeColumn, shown.length - 1);
        this.drawHead();
        this.clearRows();
      }
    }
    this.schedule();
  }

  private drawHead(): void {
    const widths = this.shown.map(column => column.width);
    this.element.style.setProperty('--columns', widths.join(' '));
    this.element.style.setProperty('--row-width', `${leastWidth(widths)}px`);
    this.element.setAttribute('aria-colcount', String(this.shown.length));
    const cells = this.shown.map((column, index) => {
      const sorted = this.currentSort?.key === column.key ? this.currentSort : null;
      const cell = h(
        'div',
        {
          class: `vtable-cell ${column.align === 'end' ? 'end' : ''} ${column.value ? 'sortable' : ''}`,
          attributes: {
            role: 'columnheader',
            id: `${this.id}-h${index}`,
            'data-column': index,
            'aria-colindex': index + 1,
            'aria-sort': sorted ? (sorted.descending ? 'descending' : 'ascending') : null,
          },
        },
        h('span', { class: 'vtable-title' }, column.title),
      );
      if (column.tip !== undefined) setTip(cell, column.tip);
      return cell;
    });
    replaceContent(this.head, ...cells);
    this.markActive();
  }

  private toggleSort(index: number): void {
    const column = this.shown[index];
    if (!column?.value) return;
    const first = column.largestFirst ?? false;
    const now = this.currentSort;
    if (now?.key !== column.key) this.currentSort = { key: column.key, descending: first };
    else if (now.descending === first) this.currentSort = { key: column.key, descending: !first };
    else this.currentSort = null;
    this.options.onSort?.(this.currentSort);
    this.drawHead();
    this.order();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.drawRows();
    });
  }

  private clearRows(): void {
    for (const element of this.drawn.values()) element.remove();
    this.drawn.clear();
  }

  private drawRows(): void {
    const { first, last } = rowWindow(
      this.element.scrollTop,
      this.element.clientHeight,
      this.height,
      this.sorted.length,
    );
    for (const [index, element] of this.drawn) {
      if (index >= first && index < last) continue;
      element.remove();
      this.drawn.delete(index);
    }
    for (let index = first; index < last; index++) {
      if (this.drawn.has(index)) continue;
      const element = this.drawRow(index);
      this.drawn.set(index, element);
      this.body.append(element);
    }
    this.markActive();
  }

  private drawRow(index: number): HTMLElement {
    const row = this.sorted[index]!;
    const element = h('div', {
      class: `vtable-row ${index % 2 === 1 ? 'odd' : ''}`,
      style: { top: `${index * this.height}px` },
      attributes: {
        role: 'row',
        id: `${this.id}-r${index}`,
        'data-index': index,
        'aria-rowindex': index + 2,
      },
    });
    for (const [position, column] of this.shown.entries()) {
      const text = column.text(row);
      const drawn = column.draw?.(row);
      const cell = h(
        'div',
        {
          class: `vtable-cell ${column.look ?? 'text'} ${column.align === 'end' ? 'end' : ''}`,
          attributes: {
            role: 'gridcell',
            id: `${this.id}-r${index}c${position}`,
            'aria-colindex': position + 1,
          },
        },
        drawn ?? h('span', { class: 'vtable-text' }, text),
      );
      if (drawn) cell.setAttribute('aria-label', text);
      const tip = column.tipOf?.(row) ?? (column.align === 'end' ? null : text);
      if (tip !== null) cell.title = tip;
      element.append(cell);
    }
    this.options.decorate?.(element, row);
    return element;
  }

  private markActive(): void {
    const selected = this.options.isSelected;
    for (const [index, element] of this.drawn) {
      const active = this.activeKey !== null && index === this.activeIndex;
      element.classList.toggle('active', active);
      const row = this.sorted[index]!;
      element.setAttribute('aria-selected', String(selected ? selected(row) : active));
    }
    for (const cell of this.element.querySelectorAll('.cursor')) cell.classList.remove('cursor');
    const id =
      this.activeIndex === -1
        ? `${this.id}-h${this.activeColumn}`
        : `${this.id}-r${this.activeIndex}c${this.activeColumn}`;
    const cell = document.getElementById(id);
    cell?.classList.add('cursor');
    if (cell) this.element.setAttribute('aria-activedescendant', id);
    else this.element.removeAttribute('aria-activedescendant');
  }

  private indexOf(target: EventTarget | null): number {
    const row = target instanceof Element ? target.closest<HTMLElement>('.vtable-row') : null;
    return row ? Number(row.dataset['index']) : -1;
  }

  private pressRow(event: MouseEvent): void {
    const index = this.indexOf(event.target);
    const row = this.sorted[index];
    if (row === undefined) return;
    if (event.button === 0) this.options.onPress?.(event, row);
    const cell = (event.target as Element).closest('[aria-colindex]');
    if (cell) this.activeColumn = Number(cell.getAttribute('aria-colindex')) - 1;
    this.moveTo(index, true);
  }

  private pressKey(event: KeyboardEvent): void {
    if (event.target !== this.element) return;
    if (this.options.onKey?.(event, this.active)) {
      event.preventDefault();
      return;
    }
    if (!this.handleKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private handleKey(event: KeyboardEvent): boolean {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 2);
    const last = this.sorted.length - 1;
    const here = this.activeKey === null && this.activeIndex !== -1 ? -2 : this.activeIndex;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === 'c') return this.copy();
    if (event.altKey || (control && event.key !== 'Home' && event.key !== 'End')) return false;
    switch (event.key) {
      case 'ArrowDown':
        return this.moveTo(here === -2 ? 0 : Math.min(last, here + 1));
      case 'ArrowUp':
        return here === 0 ? this.enterHeader() : here > 0 ? this.moveTo(here - 1) : true;
      case 'PageDown':
        return this.moveTo(Math.min(last, Math.max(0, here) + page));
      case 'PageUp':
        return this.moveTo(Math.max(0, here - page));
      case 'Home':
        return this.moveTo(0);
      case 'End':
        return this.moveTo(last);
      case 'ArrowRight':
      case 'ArrowLeft': {
        const step = event.key === 'ArrowRight' ? 1 : -1;
        this.activeColumn = Math.max(0, Math.min(this.shown.length - 1, this.activeColumn + step));
        this.markActive();
        return true;
      }
      case 'Enter':
      case ' ': {
        if (here === -1) this.toggleSort(this.activeColumn);
        else if (event.key === 'Enter' && this.active !== null) this.options.onOpen?.(this.active);
        else return false;
        return true;
      }
      default:
        return false;
    }
  }

  private enterHeader(): boolean {
    this.activeIndex = -1;
    this.activeKey = null;
    this.element.scrollTop = 0;
    this.markActive();
    return true;
  }

  private moveTo(index: number, keepScrollWhereSeen = true): boolean {
    const row = this.sorted[index];
    if (row === undefined) return true;
    const changed = this.activeKey !== this.options.key(row);
    this.activeIndex = index;
    this.activeKey = this.options.key(row);
    if (keepScrollWhereSeen) this.reveal(index);
    this.drawRows();
    if (changed) this.options.onActive?.(row);
    return true;
  }

  /** Scrolls as little as brings a row into sight below the header. */
  private reveal(index: number): void {
    const top = index * this.height;
    const room = this.element.clientHeight - this.head.offsetHeight;
    if (room <= 0) return;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + this.height > this.element.scrollTop + room) {
      this.element.scrollTop = top + this.height - room;
    }
  }

  /** Copies the selected rows (or the active one, or all) with the header, as tab-separated text. */
  private copy(): boolean {
    const { isSelected } = this.options;
    const chosen = isSelected ? this.sorted.filter(isSelected) : this.active !== null ? [this.active] : [];
    const rows = chosen.length > 0 ? chosen : this.sorted;
    const lines = [
      this.options.columns.map(column => column.title),
      ...rows.map(row => this.options.columns.map(column => column.text(row))),
    ];
    void navigator.clipboard.writeText(lines.map(line => line.join('\t')).join('\n'));
    return true;
  }
}
