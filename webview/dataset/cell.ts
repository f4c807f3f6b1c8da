// How one sample is drawn: as a card in the grid, as a row in the list. Cells are made once and refreshed in place.
import { h, icon } from '../kit/dom';
import type { CardState } from './cards';
import type { RowColumn } from './columns';
import type { SampleStore } from './store';
import { describeSample, labelText, shortLoss, numberText, predictionText } from './words';

/** What a menu on a sample asks VS Code for; the host knows the selection. */
export const sampleContext = JSON.stringify({
  webviewSection: 'sample',
  preventDefaultContextMenuItems: true,
});

/** What a cell needs to know besides its sample. */
export interface CellContext {
  readonly store: SampleStore;
  readonly columns: readonly RowColumn[];
  card(index: number): CardState;
}

/** The id of a sample's cell, for aria-activedescendant. */
export function cellId(index: number): string {
  return `sample-${index}`;
}

/** A cell of the grid. */
export function createCard(index: number): HTMLElement {
  return h(
    'div',
    { class: 'cell card', attributes: { role: 'option', id: cellId(index), 'data-index': index } },
    h('div', { class: 'picture' }),
    h(
      'div',
      { class: 'caption', attributes: { 'aria-hidden': 'true' } },
      h('span', { class: 'caption-label' }),
      h('span', { class: 'caption-says' }),
    ),
    h(
      'div',
      { class: 'caption muted', attributes: { 'aria-hidden': 'true' } },
      h('span', { class: 'caption-index number' }),
      h('span', { class: 'caption-loss number' }),
    ),
  );
}

/** A cell of the list. */
export function createRow(index: number, columns: readonly RowColumn[], pictures: boolean): HTMLElement {
  return h(
    'div',
    { class: 'cell row', attributes: { role: 'option', id: cellId(index), 'data-index': index } },
    h('span', { class: 'row-marks', attributes: { 'aria-hidden': 'true' } }),
    pictures ? h('div', { class: 'picture' }) : null,
    ...columns.map(column =>
      h('span', {
        class: column.numeric ? 'row-entry number' : 'row-entry',
        style: { width: `${column.width}px` },
        attributes: { 'aria-hidden': 'true' },
      }),
    ),
    pictures ? null : h('span', { class: 'row-values number', attributes: { 'aria-hidden': 'true' } }),
  );
}

/** Brings a card or row up to date. */
export function refreshCell(cell: HTMLElement, index: number, place: number, context: CellContext): void {
  const { store } = context;
  const wrong = store.isWrong(index) === true;
  const forgotten = store.forget.has(index);
  const selected = store.selection.selected.has(index);
  cell.classList.toggle('selected', selected);
  cell.classList.toggle('focused', store.selection.focus === index);
  cell.classList.toggle('wrong', wrong);
  cell.classList.toggle('forgotten', forgotten);
  setAttribute(cell, 'aria-selected', String(selected));
  setAttribute(cell, 'aria-posinset', String(place + 1));
  setAttribute(cell, 'aria-setsize', String(store.list.order.length));
  const description = describeSample(store, index);
  setAttribute(cell, 'aria-label', description);
  setAttribute(cell, 'title', description);
  const card = context.card(index);
  const picture = cell.querySelector<HTMLElement>('.picture');
  if (picture) refreshPicture(picture, card, store.overview.kind);
  if (cell.classList.contains('card')) refreshCaption(cell, index, wrong, forgotten, store);
  else refreshRow(cell, index, wrong, forgotten, card, context);
}

function refreshCaption(
  cell: HTMLElement,
  index: number,
  wrong: boolean,
  forgotten: boolean,
  store: SampleStore,
): void {
  setText(cell, '.caption-label', store.fields.labels === null ? '' : labelText(store, index));
  const says = store.predictions === null ? '' : `says ${predictionText(store, index)}`;
  setText(cell, '.caption-says', wrong || store.fields.labelKind !== 'classes' ? says : '');
  setText(cell, '.caption-index', `#${index}`);
  setText(cell, '.caption-loss', store.predictions?.loss ? shortLoss(store, index) : '');
  const picture = cell.querySelector('.picture')!;
  const mark = picture.querySelector(':scope > .forget-mark');
  if (forgotten && mark === null) picture.append(forgetMark());
  else if (!forgotten) mark?.remove();
}

function refreshRow(
  cell: HTMLElement,
  index: number,
  wrong: boolean,
  forgotten: boolean,
  card: CardState,
  context: CellContext,
): void {
  const marks = cell.querySelector<HTMLElement>('.row-marks')!;
  if ((marks.firstChild !== null) !== forgotten) marks.replaceChildren(...(forgotten ? [forgetMark()] : []));
  const entries = cell.querySelectorAll<HTMLElement>('.row-entry');
  context.columns.forEach((column, at) => {
    const isSaying = column.title === 'prediction' && wrong;
    const text = isSaying ? `${column.text(index)} ≠ label` : column.text(index);
    const entry = entries[at];
    if (entry && entry.textContent !== text) entry.textContent = text;
    entry?.classList.toggle('row-wrong', isSaying);
  });
  const values = cell.querySelector('.row-values');
  if (values === null) return;
  const text = typeof card === 'string' ? '' : valuesText(card.values ?? []);
  if (values.textContent !== text) values.textContent = text;
}

/** Values in columns of the same width, as long as they are not very long. */
function valuesText(values: readonly number[]): string {
  return values.map(value => numberText(value).padStart(7)).join(' ');
}

function refreshPicture(picture: HTMLElement, card: CardState, kind: 'images' | 'rows'): void {
  const state = typeof card === 'string' ? card : card.problem === null ? 'there' : 'failed';
  if (picture.dataset['state'] === state) return;
  picture.dataset['state'] = state;
  if (typeof card === 'string' || card.problem !== null) {
    picture.replaceChildren(...(state === 'failed' ? [icon('warning')] : []));
    return;
  }
  if (card.thumbnail !== null) {
    picture.replaceChildren(drawing(card.thumbnail));
  } else {
    const values = (card.values ?? []).slice(0, 4).map(value => h('div', null, numberText(value)));
    picture.classList.add('picture-values', 'number');
    picture.replaceChildren(...(kind === 'rows' ? values : [icon('file-media')]));
  }
}

/** An image of a sample; small ones keep their pixels, so that 28 × 28 digits are not blurred. */
export function drawing(source: string): HTMLImageElement {
  const image = h('img', { attributes: { alt: '', draggable: 'false' } });
  image.addEventListener('load', () => {
    image.classList.toggle('pixels', image.naturalWidth <= 64 && image.naturalHeight <= 64);
  });
  // Only images that travel inside the message are shown: nothing is ever fetched.
  if (source.startsWith('data:image/')) image.src = source;
  return image;
}

/** In the forget set: a shape, so that it can be told without colours. */
export function forgetMark(): HTMLElement {
  return h('span', { class: 'forget-mark' }, icon('circle-slash'));
}

function setText(cell: HTMLElement, selector: string, text: string): void {
  const element = cell.querySelector(selector)!;
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
