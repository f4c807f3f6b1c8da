// The panel's head: what is open, the filter, the order, the layout, and what can be done with the selection.
import { things } from '../../src/shared/numbers';
import type { SortField } from '../../src/shared/sampleOrder';
import { h, replaceContent, setTip } from '../kit/dom';
import { markRegion } from '../kit/regions';
import { button, dropdown } from '../kit/toolkit';
import type { FilterBox } from './filterBox';
import { createFilterBox } from './filterBox';
import type { Layout, SampleStore } from './store';
import { fileName, sortName, statusText } from './words';

/** What the head's controls do. */
export interface HeaderActions {
  focusSamples(): void;
  unlearn(): void;
  importForget(): void;
  exportForget(): void;
  addToForget(): void;
  removeFromForget(): void;
}

/** The head of the panel. */
export class Header {
  private readonly title = h('h2', { class: 'title' });
  private readonly filter: FilterBox;
  private readonly sortPlace = h('div', { class: 'control' });
  private readonly direction = button({
    label: 'Sort Descending',
    icon: 'arrow-up',
    iconOnly: true,
    onPress: () => this.turn(),
  });
  private readonly grid = this.layoutButton('grid', 'Thumbnails', 'layout');
  private readonly rows = this.layoutButton('rows', 'Rows', 'list-flat');
  private readonly importing: ReturnType<typeof button>;
  private readonly exporting: ReturnType<typeof button>;
  private readonly unlearning: ReturnType<typeof button>;
  private readonly adding: HTMLElement;
  private readonly removing: HTMLElement;
  private readonly status = h('span', { class: 'status-text', attributes: { role: 'status' } });
  private readonly model = h('span', { class: 'status-model muted' });
  readonly element: HTMLElement;
  private store: SampleStore | null = null;
  private sortChoices = '';

  constructor(actions: HeaderActions) {
    this.filter = createFilterBox(
      text => this.store?.setFilter(text),
      () => actions.focusSamples(),
    );
    this.importing = button({
      label: 'Import Forget Set…',
      icon: 'folder-opened',
      iconOnly: true,
      tip: 'Import a forget set from a CSV file',
      onPress: actions.importForget,
    });
    this.exporting = button({
      label: 'Export Forget Set…',
      icon: 'save',
      iconOnly: true,
      tip: 'Export the forget set to a CSV file',
      onPress: actions.exportForget,
    });
    this.unlearning = button({ label: 'Unlearn…', primary: true, onPress: actions.unlearn });
    this.adding = link('Add to forget set', actions.addToForget);
    this.removing = link('Remove from forget set', actions.removeFromForget);
    const bar = h(
      'div',
      { class: 'bar' },
      this.title,
      this.filter.element,
      h('div', { class: 'group' }, this.sortPlace, this.direction),
      h(
        'div',
        { class: 'group', attributes: { role: 'group', 'aria-label': 'Layout' } },
        this.grid,
        this.rows,
      ),
      h('div', { class: 'group' }, this.importing, this.exporting),
      this.unlearning,
    );
    this.element = h(
      'header',
      { class: 'head' },
      bar,
      h(
        'div',
        { class: 'status' },
        this.filter.sentence,
        this.status,
        this.adding,
        this.removing,
        h('span', { class: 'spacer' }),
        this.model,
      ),
    );
    markRegion(this.element, 'Dataset');
  }

  focusFilter(): void {
    this.filter.focus();
  }

  update(store: SampleStore): void {
    this.store = store;
    const { overview } = store;
    this.title.title = overview.path;
    replaceContent(
      this.title,
      h('span', { class: 'title-name' }, fileName(overview.path)),
      h('span', { class: 'muted' }, ` · ${things(overview.size, 'sample')}`),
    );
    this.filter.update(store);
    this.updateSort(store);
    this.grid.setAttribute('aria-pressed', String(store.layout === 'grid'));
    this.rows.setAttribute('aria-pressed', String(store.layout === 'rows'));
    this.updateActions(store);
    const status = statusText(store);
    if (this.status.textContent !== status) this.status.textContent = status;
    this.updateModel(store);
  }

  private updateSort(store: SampleStore): void {
    const fields = store.sortable;
    const current = fieldKey(store.sort.field);
    // The field that was chosen stays in the list while its values are on their way.
    const shown = fields.some(field => fieldKey(field) === current) ? fields : [...fields, store.sort.field];
    const choices = JSON.stringify([shown, current]);
    if (choices !== this.sortChoices) {
      this.sortChoices = choices;
      const focused = this.sortPlace.contains(document.activeElement);
      const list = dropdown(
        'Sort by',
        shown.map(field => ({ value: fieldKey(field), text: `Sort: ${sortName(field)}` })),
        current,
        value => this.sortBy(shown, value),
      );
      this.sortPlace.replaceChildren(list);
      if (focused) list.focus();
    }
    const { descending } = store.sort;
    this.direction.querySelector('.codicon')!.className =
      `codicon codicon-arrow-${descending ? 'down' : 'up'}`;
    const words = descending ? 'Descending: the largest first' : 'Ascending: the smallest first';
    this.direction.setAttribute('aria-label', words);
    setTip(this.direction, words);
  }

  private sortBy(fields: readonly SortField[], key: string): void {
    const field = fields.find(candidate => fieldKey(candidate) === key);
    if (field === undefined || this.store === null) return;
    // High losses and low confidences are what one looks for.
    const descending = field.kind === 'field' && field.name === 'loss';
    this.store.setSort({ field, descending });
  }

  private turn(): void {
    if (this.store === null) return;
    const { sort } = this.store;
    this.store.setSort({ field: sort.field, descending: !sort.descending });
  }

  private updateActions(store: SampleStore): void {
    const { selected } = store.selection;
    const chosen = [...selected];
    this.adding.hidden = !chosen.some(index => !store.forget.has(index));
    this.removing.hidden = !chosen.some(index => store.forget.has(index));
    this.exporting.disabled = store.forget.size === 0;
    const { model, restricted } = store.state;
    const what =
      selected.size > 0
        ? `the ${things(selected.size, 'selected sample')}`
        : `the ${things(store.forget.size, 'sample')} of the forget set`;
    const [can, tip] = restricted
      ? [false, 'Unlearning needs a trusted workspace']
      : model === null
        ? [false, 'Open the model that was trained on this dataset first']
        : selected.size === 0 && store.forget.size === 0
          ? [false, 'Select samples first, or import a forget set']
          : [true, `Unlearn ${what} (${modifier}+Enter)`];
    this.unlearning.disabled = !can;
    setTip(this.unlearning, tip);
  }

  private updateModel(store: SampleStore): void {
    const { model } = store.state;
    const text =
      model === null
        ? 'No model open: labels only'
        : store.predictionPhase.kind === 'coming'
          ? `Predictions of ${model} are coming…`
          : store.predictionPhase.kind === 'stale'
            ? `${model} changed: new predictions are coming…`
            : store.predictionPhase.kind === 'ready'
              ? `Predictions of ${model}`
              : '';
    if (this.model.textContent !== text) this.model.textContent = text;
  }

  private layoutButton(layout: Layout, label: string, mark: string): HTMLElement {
    return button({ label, icon: mark, iconOnly: true, onPress: () => this.store?.setLayout(layout) });
  }
}

/** The key that people on this system know as the command key. */
export const modifier = /mac/i.test(navigator.platform) ? 'Cmd' : 'Ctrl';

function fieldKey(field: SortField): string {
  return `${field.kind}:${field.name}`;
}

function link(text: string, onPress: () => void): HTMLElement {
  return h(
    'button',
    { class: 'link', on: { click: onPress }, attributes: { type: 'button', hidden: true } },
    text,
  );
}
