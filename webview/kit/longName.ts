// Names that are cut in the middle where there is no room: tensors differ at their ends.
import { h } from './dom';
import './longName.css';

/** A name whose beginning gives way first; the last parts stay. Its text is the whole name. */
export function longName(name: string, keep = 16): HTMLElement {
  const cut = cutOf(name, keep);
  return h(
    'span',
    { class: 'long-name' },
    h('span', { class: 'long-name-head' }, name.slice(0, cut)),
    h('span', { class: 'long-name-tail' }, name.slice(cut)),
  );
}

/** Where the tail begins: before the first separator within the last `keep` characters; 0 when all may stay. */
function cutOf(name: string, keep: number): number {
  if (name.length <= keep) return 0;
  const least = name.length - keep;
  const found = name.slice(least).search(/[./:]/);
  return found === -1 ? least : least + found;
}
