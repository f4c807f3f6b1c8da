// The pane beside the samples: one of them at full size, with everything that is known of it.
import { h, replaceContent } from '../kit/dom';
import { markRegion } from '../kit/regions';
import { button } from '../kit/toolkit';
import type { CardState } from './cards';
import { drawing, forgetMark } from './cell';
import type { SampleStore } from './store';
import { columnText, confidenceText, labelText, lossText, numberText, predictionText } from './words';

/** The pixels that the image in the pane has at most. */
export const detailSize = 512;

/** What the pane's buttons do. */
export interface DetailActions {
  close(): void;
  /** Puts the sample into the forget set, or takes it out. */
  setForgotten(index: number, forgotten: boolean): void;
  retry(): void;
}

/** The details pane. */
export class Details {
  private readonly heading = h('h2', { class: 'details-heading' });
  private readonly picture = h('div', { class: 'details-picture' });
  private readonly facts = h('dl', { class: 'details-facts' });
  private readonly actions = h('div', { class: 'details-actions' });
  readonly element: HTMLElement;
  private drawn: { readonly index: number; readonly card: CardState } | null = null;
  private drawnForget: { readonly index: number; readonly forgotten: boolean } | null = null;

  constructor(private readonly can: DetailActions) {
    this.element = h(
      'aside',
      { class: 'details', attributes: { hidden: true } },
      h(
        'div',
        { class: 'details-head' },
        this.heading,
        button({
          label: 'Close Details',
          icon: 'close',
          iconOnly: true,
          tip: 'Close details (Escape)',
          onPress: () => this.can.close(),
        }),
      ),
      h(
        'div',
        { class: 'details-body' },
        this.picture,
        h('div', { class: 'details-side' }, this.facts, this.actions),
      ),
    );
    markRegion(this.element, 'Details');
  }

  /** Shows one sample; null hides the pane. */
  update(store: SampleStore, index: number | null, card: CardState): void {
    this.element.hidden = index === null;
    if (index === null) return;
    this.heading.textContent = `Sample ${index}`;
    if (this.drawn?.index !== index || this.drawn.card !== card) {
      this.drawn = { index, card };
      this.drawPicture(card);
    }
    this.drawFacts(store, index);
    this.drawActions(index, store.forget.has(index));
  }

  private drawPicture(card: CardState): void {
    this.picture.className = 'details-picture';
    if (card === 'coming') {
      this.picture.classList.add('picture-coming');
      this.picture.setAttribute('aria-busy', 'true');
      this.picture.replaceChildren();
      return;
    }
    this.picture.removeAttribute('aria-busy');
    if (card === 'failed') {
      replaceContent(
        this.picture,
        h('p', null, 'This sample could not be drawn.'),
        button({ label: 'Try Again', onPress: () => this.can.retry() }),
      );
      return;
    }
    if (card.problem !== null) {
      replaceContent(this.picture, h('p', null, card.problem));
      return;
    }
    if (card.thumbnail !== null) {
      const image = drawing(card.thumbnail);
      image.alt = `Sample ${card.index}`;
      this.picture.replaceChildren(image);
      return;
    }
    this.picture.classList.add('details-values');
    const values = card.values ?? [];
    replaceContent(
      this.picture,
      h(
        'table',
        null,
        h('caption', { class: 'muted' }, values.length === 1 ? 'The input' : `First ${values.length} inputs`),
        h(
          'tbody',
          null,
          ...values.map((value, at) =>
            h(
              'tr',
              null,
              h('th', { class: 'number muted', attributes: { scope: 'row' } }, `[${at}]`),
              h('td', { class: 'number' }, numberText(value)),
            ),
          ),
        ),
      ),
    );
  }

  private drawFacts(store: SampleStore, index: number): void {
    const facts: (readonly [string, string | HTMLElement])[] = [];
    const { fields } = store;
    if (fields.labels !== null) facts.push(['label', labelText(store, index)]);
    if (store.predictions !== null) {
      const wrong = store.isWrong(index) === true;
      const says = predictionText(store, index);
      facts.push(['prediction', wrong ? h('span', { class: 'row-wrong' }, `${says} ≠ label`) : says]);
      if (store.predictions.confidence !== null) facts.push(['confidence', confidenceText(store, index)]);
      if (fields.labelKind === 'values') facts.push(['error', errorText(store, index)]);
      if (store.predictions.loss !== null) facts.push(['loss', lossText(store, index)]);
    } else if (store.predictionPhase.kind === 'coming') {
      facts.push(['prediction', h('span', { class: 'muted' }, 'coming')]);
    }
    for (const name of fields.columns.keys()) facts.push([name, columnText(store, name, index)]);
    if (store.forget.has(index)) {
      facts.push(['forget set', h('span', { class: 'details-forgotten' }, forgetMark(), ' yes')]);
    }
    replaceContent(
      this.facts,
      ...facts.flatMap(([name, value]) => [h('dt', { class: 'muted' }, name), h('dd', null, value)]),
    );
  }

  private drawActions(index: number, forgotten: boolean): void {
    // A button that is made anew loses the focus, so it is made anew only when it says something else.
    if (this.drawnForget?.index === index && this.drawnForget.forgotten === forgotten) return;
    const focused = this.actions.contains(document.activeElement);
    this.drawnForget = { index, forgotten };
    const action = button({
      label: forgotten ? 'Remove from Forget Set' : 'Add to Forget Set',
      onPress: () => this.can.setForgotten(index, !forgotten),
    });
    this.actions.replaceChildren(action);
    if (focused) action.focus();
  }
}

function errorText(store: SampleStore, index: number): string {
  const label = store.fields.labels?.[index];
  const says = store.predictions?.predicted[index];
  if (label === undefined || says === undefined) return '–';
  const text = numberText(says - label);
  return says > label ? `+${text}` : text;
}
