// A table with the details of its active row beside it, or below it where there is no room: the frame of most tabs.
import { shape } from '../../src/shared/numbers';
import { h, replaceContent } from '../kit/dom';
import type { Child } from '../kit/dom';
import './splitPane.css';

/** A term and what stands beside it. */
export type Fact = readonly [term: string, text: Child];

/** What a pane of details says at its top. */
export interface DetailsHead {
  readonly title: string;
  /** Beside the title, in grey: the shape of a tensor, say. */
  readonly note?: Child;
  readonly buttons?: readonly HTMLElement[];
  readonly facts: readonly Fact[];
}

/** The two halves. */
export class SplitPane {
  readonly element: HTMLElement;
  readonly details = h('div', { class: 'split-details' });

  constructor(table: HTMLElement) {
    this.element = h('div', { class: 'split' }, table, this.details);
  }

  /** Shows details in place of others, from their beginning. */
  show(head: DetailsHead, ...content: readonly Child[]): void {
    replaceContent(
      this.details,
      h(
        'div',
        { class: 'details' },
        h(
          'div',
          { class: 'details-head' },
          h('h2', { class: 'name' }, head.title),
          head.note ? h('span', { class: 'muted number' }, head.note) : null,
          ...(head.buttons ?? []),
        ),
        factList(head.facts),
        ...content,
      ),
    );
    this.details.scrollTop = 0;
  }

  /** Shows something else in their place: that nothing is chosen. */
  blank(content: HTMLElement): void {
    replaceContent(this.details, content);
  }
}

/** The head of a tensor's details. */
export function tensorHead(
  { name, dims }: { readonly name: string; readonly dims: readonly number[] },
  facts: readonly Fact[],
): DetailsHead {
  return { title: name, note: shape(dims), facts };
}

/** Terms and texts in two columns; the texts in the editor's font where they are numbers and names. */
export function factList(facts: readonly Fact[], look: 'number' | 'text' = 'number'): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    ...facts.flatMap(([term, text]) => [h('dt', null, term), h('dd', { class: look }, text)]),
  );
}
