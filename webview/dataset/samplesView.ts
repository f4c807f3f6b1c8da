// The samples themselves: grid or rows in one virtual list, the head of the columns, and the pane of details.
import type { SampleSort } from '../../src/shared/sampleOrder';
import { h, icon, replaceContent } from '../kit/dom';
import { markRegion } from '../kit/regions';
import { emptyState } from '../kit/states';
import type { AskCards, CardState } from './cards';
import { CardCache } from './cards';
import type { CellContext } from './cell';
import { cellId, createCard, createRow, refreshCell, sampleContext } from './cell';
import type { RowColumn } from './columns';
import { rowColumns } from './columns';
import type { DetailActions } from './details';
import { Details, detailSize } from './details';
import type { CellSize } from './scroller';
import { CellScroller } from './scroller';
import type { Layout, SampleStore } from './store';

const cardSize: CellSize = { width: 96, height: 120, least: 0, padding: 8 };
const thumbnailSize = 72;
const rowHeight = 28;

/** The samples of one dataset. */
export class SamplesView {
  readonly scroller = new CellScroller();
  private readonly head = h('div', { class: 'rows-head', attributes: { hidden: true } });
  private readonly nothing = h('div', { class: 'nothing', attributes: { hidden: true } });
  private readonly details: Details;
  readonly element: HTMLElement;
  private readonly thumbnails: CardCache;
  private readonly pictures: CardCache;
  private columns: readonly RowColumn[] = [];
  private columnsKey = '';
  private size: CellSize = cardSize;
  private headKey = '';
  private listKey = '';
  private focused: number | null = null;
  private open = false;

  constructor(
    private readonly store: SampleStore,
    ask: (size: number) => AskCards,
    actions: Pick<DetailActions, 'setForgotten'>,
    private readonly changed: () => void,
  ) {
    const scale = Math.min(3, Math.max(1, window.devicePixelRatio));
    this.thumbnails = new CardCache(ask(Math.round(thumbnailSize * scale)), changed);
    this.pictures = new CardCache(ask(detailSize), changed, 16);
    this.details = new Details({
      close: () => this.closeDetails(),
      setForgotten: actions.setForgotten,
      retry: () => this.retryCards(),
    });
    const list = this.scroller.element;
    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-multiselectable', 'true');
    list.setAttribute('aria-label', 'Samples');
    list.addEventListener('scroll', () => (this.head.scrollLeft = list.scrollLeft));
    const main = h('div', { class: 'samples-main' }, this.head, list, this.nothing);
    markRegion(main, 'Samples');
    this.element = h('div', { class: 'samples' }, main, this.details.element);
  }

  /** Why cards cannot be drawn; null while they can. */
  get cardFailure(): string | null {
    return this.thumbnails.failure;
  }

  retryCards(): void {
    this.thumbnails.retry();
    this.pictures.retry();
    this.changed();
  }

  openDetails(): void {
    const was = this.open;
    this.open = true;
    this.changed();
    // The pane takes room from the samples; the one it shows must stay in view.
    if (!was) requestAnimationFrame(() => requestAnimationFrame(() => this.showFocused()));
  }

  /** Whether details were open. */
  closeDetails(): boolean {
    const was = this.open;
    this.open = false;
    if (was) {
      this.changed();
      this.scroller.element.focus({ preventScroll: true });
    }
    return was;
  }

  focus(): void {
    this.scroller.element.focus({ preventScroll: true });
  }

  update(): void {
    const { store } = this;
    this.updateColumns();
    const context: CellContext = {
      store,
      columns: this.columns,
      card: index => this.thumbnails.get(index),
    };
    const { order } = store.list;
    // Another list begins at its beginning; a filter that is not right yet leaves the list as it is.
    const listKey = JSON.stringify([store.filter, store.sort]);
    if (store.problem === null && listKey !== this.listKey) {
      if (this.listKey !== '') this.scroller.toTop();
      this.listKey = listKey;
    }
    const pictures = store.overview.kind === 'images';
    this.scroller.element.className = `scroller ${store.layout}`;
    this.scroller.show({
      count: order.length,
      size: this.size,
      sampleAt: place => order[place]!,
      create: sample =>
        store.layout === 'grid' ? createCard(sample) : createRow(sample, this.columns, pictures),
      refresh: (cell, sample, place) => refreshCell(cell, sample, place, context),
      inView: samples => this.thumbnails.want(samples),
    });
    this.updateFocus();
    this.updateNothing();
    this.updateDetails();
  }

  /** Scrolls to the sample that has the focus. */
  showFocused(): void {
    const { focus } = this.store.selection;
    const place = focus === null ? -1 : this.store.list.placeOf(focus);
    if (place >= 0) this.scroller.bringIntoView(place);
  }

  private updateColumns(): void {
    const { store } = this;
    const columns = rowColumns(store);
    const key = JSON.stringify([store.layout, columns.map(column => column.title)]);
    if (key !== this.columnsKey) {
      this.columnsKey = key;
      this.columns = columns;
      const least = columns.reduce((sum, column) => sum + column.width, 120);
      this.size = store.layout === 'grid' ? cardSize : { width: null, height: rowHeight, least, padding: 0 };
    }
    this.head.hidden = store.layout === 'grid';
    const headKey = JSON.stringify([this.columnsKey, store.sort]);
    if (headKey !== this.headKey) {
      this.headKey = headKey;
      this.drawHead(store.layout, store.sort);
    }
  }

  private drawHead(layout: Layout, sort: SampleSort): void {
    const had = this.head.contains(document.activeElement)
      ? document.activeElement?.getAttribute('data-title')
      : null;
    const pictures = this.store.overview.kind === 'images';
    replaceContent(
      this.head,
      h(
        'div',
        { class: 'row-head', style: { 'min-width': `${this.size.least}px` } },
        h('span', { class: 'row-marks' }),
        pictures ? h('span', { class: 'row-picture-head' }) : null,
        ...this.columns.map(column => {
          const active = JSON.stringify(column.sort) === JSON.stringify(sort.field);
          return h(
            'button',
            {
              class: column.numeric ? 'row-title numeric' : 'row-title',
              style: { width: `${column.width}px` },
              attributes: {
                type: 'button',
                'data-title': column.title,
                'aria-pressed': String(active),
                'aria-label': active
                  ? `${column.title}, sorted ${sort.descending ? 'descending' : 'ascending'}`
                  : `Sort by ${column.title}`,
              },
              on: {
                click: () =>
                  this.store.setSort({
                    field: column.sort,
                    descending: active ? !sort.descending : column.title === 'loss',
                  }),
              },
            },
            column.title,
            active ? icon(sort.descending ? 'chevron-down' : 'chevron-up') : null,
          );
        }),
        pictures ? null : h('span', { class: 'row-values muted' }, 'first inputs'),
      ),
    );
    if (had) this.head.querySelector<HTMLElement>(`[data-title="${CSS.escape(had)}"]`)?.focus();
    this.head.hidden = layout === 'grid';
  }

  private updateFocus(): void {
    const list = this.scroller.element;
    const { focus, selected } = this.store.selection;
    if (focus !== this.focused) {
      this.focused = focus;
      if (focus === null) list.removeAttribute('aria-activedescendant');
      else list.setAttribute('aria-activedescendant', cellId(focus));
    }
    if (selected.size > 0) list.dataset['vscodeContext'] = sampleContext;
    else delete list.dataset['vscodeContext'];
  }

  private updateNothing(): void {
    const { store } = this;
    const empty = store.list.order.length === 0;
    this.nothing.hidden = !empty;
    if (!empty || this.nothing.dataset['for'] === store.filter + store.problem) return;
    this.nothing.dataset['for'] = store.filter + store.problem;
    const sentence = store.problem?.waiting
      ? `The filter ${store.filter} waits for the model's predictions.`
      : store.overview.size === 0
        ? 'This dataset has no samples.'
        : `No sample passes the filter ${store.filter}.`;
    const clear = { label: 'Clear the Filter', onPress: () => store.setFilter('') };
    replaceContent(
      this.nothing,
      emptyState(
        sentence,
        store.overview.size === 0 ? undefined : clear,
        store.problem?.waiting ? 'watch' : 'filter',
      ),
    );
  }

  private updateDetails(): void {
    const index = this.open ? this.store.selection.focus : null;
    if (index !== null) this.pictures.want([index]);
    const card: CardState = index === null ? 'coming' : this.pictures.get(index);
    this.details.update(this.store, index, card);
    this.element.classList.toggle('with-details', index !== null);
  }
}
