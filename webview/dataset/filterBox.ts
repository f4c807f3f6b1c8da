// The filter's text field: underlines what is wrong, says why, and completes names. It is a native input because the
// toolkit has no combo box, and an option list must share a tree with the field that points at it.
import { writeFilterText } from '../../src/shared/filter';
import type { FilterCompletion } from '../../src/shared/filterComplete';
import { completeFilter } from '../../src/shared/filterComplete';
import { h, icon, setTip, uniqueId } from '../kit/dom';
import type { SampleStore } from './store';

/** A filter box; `update` shows what the store knows of the filter. */
export interface FilterBox {
  readonly element: HTMLElement;
  /** What is wrong with the filter, in words; stands wherever there is room for a sentence. */
  readonly sentence: HTMLElement;
  focus(): void;
  update(store: SampleStore): void;
}

/** The time a person pauses when a word is finished. */
const pause = 120;

/** Creates the box. `leave` moves the focus to the samples. */
export function createFilterBox(onFilter: (text: string) => void, leave: () => void): FilterBox {
  return new Box(onFilter, leave);
}

/** A filter that works on these samples. */
function exampleFilter(store: SampleStore): string {
  const { labelKind, labels, classes } = store.fields;
  if (labels === null) return 'index:0..99';
  if (labelKind === 'values') return 'label>1 loss>2';
  const known = classes === null ? '3' : (classes[3] ?? classes[0] ?? '3');
  return `label:${writeFilterText(known)} wrong loss>2`;
}

/** The language in short, for a tooltip. */
const help = [
  'label:3  pred:cat  label:cat,dog  the class, by name or number',
  'wrong  right  forget  the prediction is not the label, is the label; in the forget set',
  'loss>2  confidence<0.5  index:0..99  numbers and ranges, also of columns',
  'column:part  column=whole  texts; quote what has spaces: "my column":"a b"',
  '-wrong  not wrong  wrong or loss>2  ( )  everything else must hold together',
].join('\n');

class Box implements FilterBox {
  private readonly listId = uniqueId('completions');
  private readonly sentenceId = uniqueId('problem');
  private readonly input = h('input', {
    class: 'filter-input',
    attributes: {
      type: 'text',
      role: 'combobox',
      spellcheck: 'false',
      autocomplete: 'off',
      'aria-label': 'Filter samples',
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': this.listId,
      'aria-describedby': this.sentenceId,
    },
  });
  private readonly mirror = h('div', { class: 'filter-mirror', attributes: { 'aria-hidden': 'true' } });
  private readonly clear = h(
    'button',
    {
      class: 'filter-clear',
      tip: 'Clear the filter',
      attributes: { type: 'button', 'aria-label': 'Clear the filter' },
    },
    icon('close'),
  );
  private readonly options = h('ul', {
    class: 'filter-options',
    attributes: { id: this.listId, role: 'listbox', 'aria-label': 'Completions', hidden: true },
  });
  readonly sentence = h('span', {
    class: 'filter-sentence',
    attributes: { id: this.sentenceId, role: 'status' },
  });
  readonly element = h(
    'div',
    { class: 'filter' },
    h(
      'div',
      { class: 'filter-field' },
      icon('filter'),
      h('div', { class: 'filter-text' }, this.mirror, this.input),
      this.clear,
    ),
    this.options,
  );
  private store: SampleStore | null = null;
  private items: readonly FilterCompletion[] = [];
  private replaced = { from: 0, to: 0 };
  private active = -1;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly onFilter: (text: string) => void,
    private readonly leave: () => void,
  ) {
    this.input.addEventListener('input', () => {
      // An empty place offers everything, which is in the way unless asked for (Ctrl+Space).
      if (/[^\s(]$/.test(this.input.value.slice(0, this.input.selectionStart ?? 0))) this.complete();
      else this.close();
      this.drawMirror();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.apply(), pause);
    });
    this.input.addEventListener('keydown', event => this.onKey(event));
    this.input.addEventListener('scroll', () => (this.mirror.scrollLeft = this.input.scrollLeft));
    this.input.addEventListener('blur', () => this.close());
    this.clear.addEventListener('click', () => {
      this.input.value = '';
      this.apply();
      this.input.focus();
    });
    setTip(this.element.querySelector<HTMLElement>('.codicon-filter')!, help);
    // The list must not take the focus from the field.
    this.options.addEventListener('mousedown', event => {
      event.preventDefault();
      const option = (event.target as Element).closest<HTMLElement>('[data-at]');
      if (option) this.accept(Number(option.dataset['at']));
    });
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  update(store: SampleStore): void {
    this.store = store;
    this.input.placeholder = `Filter, for example ${exampleFilter(store)}`;
    // What is being typed is not overwritten by an older state of the store.
    if (this.timer === undefined && this.input.value !== store.filter) this.input.value = store.filter;
    this.drawMirror();
  }

  private apply(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onFilter(this.input.value);
  }

  private drawMirror(): void {
    const text = this.input.value;
    this.clear.hidden = text === '';
    // While a word is being written and completed, it is not wrong yet.
    const writing = this.timer !== undefined || this.items.length > 0;
    const problem = writing ? null : (this.store?.problem ?? null);
    this.element.classList.toggle('filter-wrong', problem !== null && !problem.waiting);
    this.sentence.classList.toggle('filter-wrong', problem !== null && !problem.waiting);
    this.input.setAttribute('aria-invalid', String(problem !== null && !problem.waiting));
    const sentence = problem?.message ?? '';
    if (this.sentence.textContent !== sentence) this.sentence.textContent = sentence;
    if (problem === null || problem.waiting) {
      this.mirror.replaceChildren();
      return;
    }
    const { from, to } = problem.span;
    this.mirror.replaceChildren(
      text.slice(0, from),
      // A place behind the text still needs a width to be seen.
      h('span', { class: 'filter-underline' }, text.slice(from, to) || '\u00a0'),
      text.slice(to),
    );
    this.mirror.scrollLeft = this.input.scrollLeft;
  }

  private complete(): void {
    if (this.store === null) return;
    const caret = this.input.selectionStart ?? this.input.value.length;
    const { from, to, items } = completeFilter(this.input.value, caret, this.store.fields);
    this.items = items;
    this.replaced = { from, to };
    this.active = -1;
    this.drawOptions();
  }

  private drawOptions(): void {
    const open = this.items.length > 0;
    this.options.hidden = !open;
    this.input.setAttribute('aria-expanded', String(open));
    this.options.replaceChildren(
      ...this.items.map((item, at) =>
        h(
          'li',
          {
            class: at === this.active ? 'filter-option active' : 'filter-option',
            attributes: {
              role: 'option',
              id: `${this.listId}-${at}`,
              'data-at': at,
              'aria-selected': String(at === this.active),
            },
          },
          h('span', { class: 'name' }, item.insert),
          h('span', { class: 'muted' }, item.detail),
        ),
      ),
    );
    if (this.active >= 0) {
      this.input.setAttribute('aria-activedescendant', `${this.listId}-${this.active}`);
      this.options.children[this.active]?.scrollIntoView({ block: 'nearest' });
    } else this.input.removeAttribute('aria-activedescendant');
  }

  private close(): void {
    this.items = [];
    this.active = -1;
    this.drawOptions();
    this.drawMirror();
  }

  private accept(at: number): void {
    const item = this.items[at];
    if (item === undefined) return;
    const { value } = this.input;
    const { from, to } = this.replaced;
    this.input.value = value.slice(0, from) + item.insert + value.slice(to);
    this.input.setSelectionRange(from + item.insert.length, from + item.insert.length);
    this.close();
    if (/[:>]$/.test(item.insert)) this.complete();
    this.apply();
  }

  private onKey(event: KeyboardEvent): void {
    const { length } = this.items;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (length > 0) {
        const step = event.key === 'ArrowDown' ? 1 : -1;
        this.active = this.active < 0 && step < 0 ? length - 1 : (this.active + step + length) % length;
        this.drawOptions();
      } else if (event.key === 'ArrowDown' && event.altKey) this.complete();
      else if (event.key === 'ArrowDown') this.leave();
    } else if (event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) {
      if (this.active >= 0) {
        event.preventDefault();
        this.accept(this.active);
      } else if (event.key === 'Enter') {
        this.close();
        this.apply();
        this.leave();
      }
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (length > 0) this.close();
      else {
        this.apply();
        this.leave();
      }
    } else if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault();
      this.complete();
    }
  }
}
