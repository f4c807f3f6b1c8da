// What may be written next in a filter: names before an operator, values behind one.
import { writeFilterText } from './filter';
import type { FilterFields } from './filterMatch';
import { fieldNames, wordNames } from './filterMatch';

/** One suggestion: `insert` replaces the text from `from` to `to` of the answer. */
export interface FilterCompletion {
  readonly insert: string;
  /** What it is, in a few words. */
  readonly detail: string;
}

/** Suggestions for the place of the caret, and the stretch that they replace. */
export interface FilterCompletions {
  readonly from: number;
  readonly to: number;
  readonly items: readonly FilterCompletion[];
}

const most = 50;

/** Columns with these names must be written in quotes, or they would mean something else. */
const reserved = new Set<string>([
  ...wordNames,
  ...fieldNames,
  'prediction',
  'true',
  'correct',
  'or',
  'and',
  'not',
]);

const details: Readonly<Record<string, string>> = {
  wrong: 'the prediction is not the label',
  right: 'the prediction is the label',
  forget: 'in the forget set',
  label: 'the given label',
  pred: 'what the model says',
  loss: 'loss of the sample, for example loss>2',
  confidence: 'largest probability, from 0 to 1',
  index: 'place in the data, from 0',
};

/** Completes the word that ends at `caret`; text behind the caret stays. */
export function completeFilter(text: string, caret: number, fields: FilterFields): FilterCompletions {
  const start = wordStart(text, caret);
  const word = text.slice(start, caret);
  const sign = /^-+/.exec(word)?.[0].length ?? 0;
  const operator = /^("(?:[^"\\]|\\.)*"|[^":=<>!]*)(:|!=|=)/.exec(word.slice(sign));
  if (operator) {
    const name = operator[1]!;
    const listed = sign + operator[0].length;
    const from = start + Math.max(listed, lastComma(word) + 1);
    return {
      from,
      to: caret,
      items: suggest(text.slice(from, caret), values(name, fields), value => writeFilterText(value)),
    };
  }
  const from = start + sign;
  return { from, to: caret, items: suggestNames(text.slice(from, caret), fields) };
}

/** Where the word before the caret begins: behind a space or parenthesis that no quotation marks enclose. */
function wordStart(text: string, caret: number): number {
  let start = 0;
  let quoted = false;
  for (let at = 0; at < caret; at++) {
    const char = text[at]!;
    if (quoted && char === '\\') at++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && /[\s()]/.test(char)) start = at + 1;
  }
  return start;
}

function lastComma(word: string): number {
  let last = -1;
  let quoted = false;
  for (let at = 0; at < word.length; at++) {
    if (quoted && word[at] === '\\') at++;
    else if (word[at] === '"') quoted = !quoted;
    else if (!quoted && word[at] === ',') last = at;
  }
  return last;
}

function suggestNames(typed: string, fields: FilterFields): FilterCompletion[] {
  const prefix = typed.replace(/^"/, '').toLowerCase();
  const { labelKind, predictions } = fields;
  const predicted = predictions !== null;
  const possible = new Set<string>(['index', 'forget']);
  if (labelKind !== 'none') possible.add('label');
  if (predicted) possible.add('pred');
  if (predicted && (predictions === 'coming' ? labelKind !== 'none' : predictions.loss)) possible.add('loss');
  if (predicted && (predictions === 'coming' || predictions.confidence)) possible.add('confidence');
  if (predicted && labelKind === 'classes') for (const name of ['wrong', 'right']) possible.add(name);
  const own = [...wordNames, ...fieldNames].filter(name => possible.has(name) && !typed.startsWith('"'));
  const known = own.map((name): { name: string } & FilterCompletion => ({
    name,
    insert: nameInsert(name),
    detail: details[name] ?? '',
  }));
  for (const [name, column] of fields.columns) {
    const hidden = reserved.has(name.toLowerCase());
    known.push({
      name,
      insert: `${writeFilterText(name, hidden)}${column.kind === 'number' ? '>' : ':'}`,
      detail: column.kind === 'number' ? 'column of numbers' : 'column of texts',
    });
  }
  return known
    .filter(({ name, insert }) => name.toLowerCase().startsWith(prefix) && insert !== typed)
    .slice(0, most)
    .map(({ insert, detail }) => ({ insert, detail }));
}

function nameInsert(name: string): string {
  if (name === 'loss' || name === 'confidence') return `${name}>`;
  return (wordNames as readonly string[]).includes(name) ? name : `${name}:`;
}

/** The values that a field can have, with what each is; none for numbers. */
function values(written: string, fields: FilterFields): ReadonlyMap<string, string> {
  const quoted = written.startsWith('"');
  const name = quoted ? written.slice(1, -1).replace(/\\(.)/g, '$1') : written;
  const lower = name.toLowerCase();
  const found = new Map<string, string>();
  if (!quoted && (lower === 'label' || lower === 'pred' || lower === 'prediction')) {
    fields.classes?.forEach((known, number) =>
      found.set(known, known === String(number) ? 'class' : `class ${number}`),
    );
    return found;
  }
  const column =
    fields.columns.get(name) ?? [...fields.columns].find(([known]) => known.toLowerCase() === lower)?.[1];
  if (column?.kind !== 'text') return found;
  const counts = new Map<string, number>();
  for (let index = 0; index < column.values.length; index++) {
    const value = column.values[index]!;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    found.set(value, count === 1 ? '1 sample' : `${count} samples`);
  }
  return found;
}

function suggest(
  typed: string,
  known: ReadonlyMap<string, string>,
  write: (value: string) => string,
): FilterCompletion[] {
  const prefix = typed.replace(/^"/, '').toLowerCase();
  const items: FilterCompletion[] = [];
  for (const [value, detail] of known) {
    if (items.length === most) break;
    const insert = write(value);
    if (value !== '' && value.toLowerCase().startsWith(prefix) && insert !== typed)
      items.push({ insert, detail });
  }
  return items;
}
