// What a view shows when it has nothing to show: empty, loading, error; and banners above content.
import { h, icon } from './dom';
import type { Child } from './dom';
import { button } from './toolkit';
import type { ButtonProps } from './toolkit';
import './states.css';

/** One sentence and at most one button: the next step. */
export function emptyState(sentence: string, next?: ButtonProps, mark = 'inbox'): HTMLElement {
  return h(
    'div',
    { class: 'state' },
    icon(mark),
    h('p', { class: 'state-sentence' }, sentence),
    next ? button(next) : null,
  );
}

/** What, where, and what to do; buttons where there is a remedy. */
export function errorState(title: string, message: string, remedies: readonly ButtonProps[]): HTMLElement {
  return h(
    'div',
    { class: 'state state-error', attributes: { role: 'alert' } },
    icon('error'),
    h('h2', { class: 'state-title' }, title),
    h('p', { class: 'state-sentence' }, message),
    remedies.length > 0 ? h('div', { class: 'state-buttons' }, ...remedies.map(button)) : null,
  );
}

/** Grey lines in the place of what is coming; `lines` are widths in percent. */
export function skeleton(label: string, lines: readonly number[] = [40, 90, 75, 82, 60]): HTMLElement {
  return h(
    'div',
    { class: 'skeleton', attributes: { role: 'status', 'aria-busy': 'true', 'aria-label': label } },
    ...lines.map(width =>
      h('div', {
        class: 'skeleton-line',
        style: { width: `${width}%` },
        attributes: { 'aria-hidden': 'true' },
      }),
    ),
  );
}

/** What is shown of too much, and the way to the rest. */
export function tooLarge(sentence: string, rest: ButtonProps): HTMLElement {
  return h(
    'div',
    { class: 'too-large', attributes: { role: 'status' } },
    icon('info'),
    h('span', { class: 'banner-text' }, sentence),
    button(rest),
  );
}

/** A line above the content: a fact about the whole view, and what can be done about it. */
export function banner(
  kind: 'info' | 'warning' | 'progress',
  content: readonly Child[],
  ...actions: readonly ButtonProps[]
): HTMLElement {
  const mark = kind === 'progress' ? 'loading codicon-modifier-spin' : kind;
  return h(
    'div',
    { class: `banner banner-${kind}`, attributes: { role: 'status' } },
    icon(mark),
    h('span', { class: 'banner-text' }, ...content),
    actions.length > 0 ? h('span', { class: 'banner-actions' }, ...actions.map(button)) : null,
  );
}
