// What a filter means on a dataset: names become columns, values become classes and numbers, the tree a test of one
// sample. A missing number (NaN) passes no comparison, so that "-loss>2" does find samples without a loss.
import type { FilterNode, FilterOperator, FilterText } from './filter';
import { FilterProblem } from './filter';
import { nearestName } from './nearest';

/** One number a sample, and how to name it in sentences. */
interface NumberField {
  readonly kind: 'number';
  readonly values: ArrayLike<number>;
}

/** A column of the data: numbers (NaN where missing) or texts, one a sample. */
export type FilterColumn = NumberField | { readonly kind: 'text'; readonly values: ArrayLike<string> };

/** What a model says, one entry a sample; `loss` is null without labels, `confidence` for regression. */
export interface FilterPredictions {
  readonly predicted: ArrayLike<number>;
  readonly loss: ArrayLike<number> | null;
  readonly confidence: ArrayLike<number> | null;
}

/** Everything a filter can ask about. */
export interface FilterFields {
  readonly size: number;
  /** Names of the classes by number; null where only numbers are known, and for regression. */
  readonly classes: readonly string[] | null;
  readonly labelKind: 'classes' | 'values' | 'none';
  readonly labels: ArrayLike<number> | null;
  /** `coming` while they are computed, null where no model is open. */
  readonly predictions: FilterPredictions | 'coming' | null;
  readonly forget: { has(index: number): boolean };
  readonly columns: ReadonlyMap<string, FilterColumn>;
}

/** Whether the sample with this index passes. */
export type SampleTest = (index: number) => boolean;

/** Names that need no column of the data. */
export const fieldNames = ['label', 'pred', 'loss', 'confidence', 'index'] as const;
/** Conditions of one word. */
export const wordNames = ['wrong', 'right', 'forget'] as const;

const synonyms: Readonly<Record<string, string>> = { prediction: 'pred', true: 'right', correct: 'right' };

/** The test that a filter stands for; null lets every sample pass. Throws a FilterProblem. */
export function bindFilter(node: FilterNode | null, fields: FilterFields): SampleTest {
  if (node === null) return () => true;
  switch (node.kind) {
    case 'all':
    case 'any': {
      const tests = node.parts.map(part => bindFilter(part, fields));
      return node.kind === 'all'
        ? index => tests.every(test => test(index))
        : index => tests.some(test => test(index));
    }
    case 'not': {
      const test = bindFilter(node.part, fields);
      return index => !test(index);
    }
    case 'word':
      return bindWord(node.word, fields);
    case 'test': {
      const test = bindTest(node.name, node.operator === '!=' ? '=' : node.operator, node.values, fields);
      return node.operator === '!=' ? index => !test(index) : test;
    }
  }
}

/** The indices that pass, ascending. */
export function matchingIndices(test: SampleTest, size: number): Uint32Array {
  const found = new Uint32Array(size);
  let count = 0;
  for (let index = 0; index < size; index++) if (test(index)) found[count++] = index;
  return found.slice(0, count);
}

/** The class of a label or prediction as people know it; the number where it has no name. */
export function className(value: number, classes: readonly string[] | null): string {
  return classes?.[value] ?? String(value);
}

function bindWord(word: FilterText, fields: FilterFields): SampleTest {
  const written = word.text.toLowerCase();
  const known = synonyms[written] ?? written;
  if (known === 'forget') return index => fields.forget.has(index);
  if (known === 'wrong' || known === 'right') {
    const { predicted } = predictionsFor(word, fields);
    const { labels } = fields;
    if (labels === null || fields.labelKind !== 'classes') {
      throw new FilterProblem(
        `${word.text} needs labels that are classes; the labels here are ${fields.labelKind === 'none' ? 'missing' : 'values'}. Ask for the loss instead, for example loss>2.`,
        word,
      );
    }
    // A label that is missing is neither: a prediction of it can be judged no more than a prediction that is missing.
    const differ = known === 'wrong';
    return index => {
      const label = labels[index]!;
      const says = predicted[index]!;
      return label >= 0 && says >= 0 && (label !== says) === differ;
    };
  }
  throw new FilterProblem(unknownWord(word, fields), word);
}

function unknownWord(word: FilterText, fields: FilterFields): string {
  const { text } = word;
  const lower = text.toLowerCase();
  const field = [...fieldNames, ...fields.columns.keys()].find(name => name.toLowerCase() === lower);
  if (field) return `Write what ${field} must be, for example ${field}:${exampleValue(field, fields)}.`;
  const named = fields.classes?.find(name => name.toLowerCase() === lower);
  if (named) return `${text} is a class: write label:${named} or pred:${named}.`;
  const names = [...wordNames, ...fieldNames, ...fields.columns.keys()];
  const nearest = nearestName(text, names);
  return nearest
    ? `There is no condition ${text}; did you mean ${nearest}?`
    : `There is no condition ${text}; known are ${names.join(', ')}.`;
}

function exampleValue(field: string, fields: FilterFields): string {
  if (field === 'loss') return '1..2';
  if (field === 'confidence') return '0.9..1';
  if (field === 'label' || field === 'pred') return fields.classes?.[0] ?? '3';
  const column = fields.columns.get(field);
  return column?.kind === 'text' ? (column.values[0] ?? 'text') : '3';
}

function bindTest(
  name: FilterText,
  operator: Exclude<FilterOperator, '!='>,
  values: readonly FilterText[],
  fields: FilterFields,
): SampleTest {
  if (isOrder(operator) && values.length > 1) {
    throw new FilterProblem(`${operator} takes one value, not a list.`, join(values));
  }
  const lower = name.text.toLowerCase();
  const field = name.quoted ? null : (synonyms[lower] ?? lower);
  switch (field) {
    case 'label':
      if (fields.labels === null) throw new FilterProblem('This dataset has no labels.', name);
      return bindClasses(name, operator, values, fields.labels, fields);
    case 'pred':
      return bindClasses(name, operator, values, predictionsFor(name, fields).predicted, fields);
    case 'loss': {
      const { loss } = predictionsFor(name, fields);
      if (loss === null) throw new FilterProblem('loss needs labels; this dataset has none.', name);
      return bindNumbers(name, operator, values, loss);
    }
    case 'confidence': {
      const { confidence } = predictionsFor(name, fields);
      if (confidence === null) {
        throw new FilterProblem('confidence is there for classes only; this model predicts values.', name);
      }
      return bindNumbers(name, operator, values, confidence);
    }
    case 'index': {
      const test = numberTest(name, operator, values);
      return index => test(index);
    }
  }
  const column = findColumn(name, fields);
  return column.kind === 'text'
    ? bindTexts(name, operator, values, column.values)
    : bindNumbers(name, operator, values, column.values);
}

function predictionsFor(place: FilterText, fields: FilterFields): FilterPredictions {
  const { predictions } = fields;
  if (predictions === 'coming') {
    throw new FilterProblem(`${place.text} waits for the model's predictions.`, place, true);
  }
  if (predictions === null) {
    throw new FilterProblem(`${place.text} needs predictions: open the model beside this dataset.`, place);
  }
  return predictions;
}

function findColumn(name: FilterText, fields: FilterFields): FilterColumn {
  const exact = fields.columns.get(name.text);
  if (exact) return exact;
  const lower = name.text.toLowerCase();
  const similar = [...fields.columns].filter(([known]) => known.toLowerCase() === lower);
  if (similar.length === 1) return similar[0]![1];
  if (!name.quoted && (wordNames as readonly string[]).includes(synonyms[lower] ?? lower)) {
    throw new FilterProblem(`${name.text} stands alone: it takes no value.`, name);
  }
  const columns = [...fields.columns.keys()];
  const names = name.quoted ? columns : [...fieldNames, ...columns];
  const nearest = nearestName(name.text, names);
  const hint = nearest
    ? `; did you mean ${nearest}?`
    : names.length > 0
      ? `; known are ${names.join(', ')}.`
      : ' in this dataset.';
  throw new FilterProblem(`There is no column ${name.text}${hint}`, name);
}

/** Labels and predictions: classes by name or number where they have names, else plain numbers. */
function bindClasses(
  name: FilterText,
  operator: Exclude<FilterOperator, '!='>,
  values: readonly FilterText[],
  field: ArrayLike<number>,
  fields: FilterFields,
): SampleTest {
  const { classes } = fields;
  if (classes === null) return bindNumbers(name, operator, values, field);
  if (isOrder(operator)) {
    if (!classes.every((known, index) => known === String(index))) {
      throw new FilterProblem(`Classes with names have no order; write ${name.text}:${classes[0]}.`, name);
    }
    return bindNumbers(name, operator, values, field);
  }
  const wanted = new Set(values.flatMap(value => classNumbers(value, classes)));
  return index => wanted.has(field[index]!);
}

/** The classes that a value means: a name before a number, in this case before any case. */
function classNumbers(value: FilterText, classes: readonly string[]): number[] {
  const exact = classes.indexOf(value.text);
  if (exact >= 0) return [exact];
  const lower = value.text.toLowerCase();
  const similar = classes.flatMap((known, index) => (known.toLowerCase() === lower ? [index] : []));
  if (similar.length > 0) return similar;
  const number = value.quoted ? NaN : toNumber(value.text);
  if (Number.isInteger(number) && number >= 0 && number < classes.length) return [number];
  const nearest = nearestName(value.text, classes);
  const known = classes.length > 12 ? `${classes.slice(0, 12).join(', ')}, …` : classes.join(', ');
  throw new FilterProblem(
    nearest
      ? `No class is called ${value.text}; did you mean ${nearest}?`
      : `No class is called ${value.text}; the classes are ${known}.`,
    value,
  );
}

function bindNumbers(
  name: FilterText,
  operator: Exclude<FilterOperator, '!='>,
  values: readonly FilterText[],
  field: ArrayLike<number>,
): SampleTest {
  const test = numberTest(name, operator, values);
  return index => test(field[index]!);
}

function numberTest(
  name: FilterText,
  operator: Exclude<FilterOperator, '!='>,
  values: readonly FilterText[],
): (value: number) => boolean {
  if (!isOrder(operator)) {
    const ranges = values.map(value => rangeOf(name, value));
    return number => ranges.some(([least, most]) => number >= least && number <= most);
  }
  const limit = numberOf(name, values[0]!, values[0]!.text);
  switch (operator) {
    case '<':
      return number => number < limit;
    case '<=':
      return number => number <= limit;
    case '>':
      return number => number > limit;
    case '>=':
      return number => number >= limit;
  }
}

/** `2` is one number, `1..2` a closed range, `1..` and `..2` are open at one end. */
function rangeOf(name: FilterText, value: FilterText): readonly [number, number] {
  const dots = value.text.indexOf('..');
  if (dots < 0) {
    const number = numberOf(name, value, value.text);
    return [number, number];
  }
  const [from, to] = [value.text.slice(0, dots), value.text.slice(dots + 2)];
  if (from === '' && to === '') {
    throw new FilterProblem(`Write where the range begins or ends, for example ${name.text}:1..2.`, value);
  }
  const least = from === '' ? -Infinity : numberOf(name, value, from);
  const most = to === '' ? Infinity : numberOf(name, value, to);
  if (least > most) {
    throw new FilterProblem(`This range is empty: ${from} is more than ${to}.`, value);
  }
  return [least, most];
}

function numberOf(name: FilterText, value: FilterText, text: string): number {
  const number = toNumber(text);
  if (Number.isNaN(number)) {
    throw new FilterProblem(`${name.text} is a number, and ${text} is not.`, value);
  }
  return number;
}

/** Decimal numbers only: Number() would take "", "0x1f" and " 1 ". */
function toNumber(text: string): number {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** `:` finds texts that contain a value in any case, `=` those that are exactly it. */
function bindTexts(
  name: FilterText,
  operator: Exclude<FilterOperator, '!='>,
  values: readonly FilterText[],
  field: ArrayLike<string>,
): SampleTest {
  if (isOrder(operator)) {
    throw new FilterProblem(`${name.text} is text: write ${name.text}:part or ${name.text}=whole.`, name);
  }
  if (operator === '=') {
    const wanted = new Set(values.map(value => value.text));
    return index => wanted.has(field[index]!);
  }
  const parts = values.map(value => value.text.toLowerCase());
  return index => {
    const text = field[index]!.toLowerCase();
    return parts.some(part => text.includes(part));
  };
}

function isOrder(operator: FilterOperator): operator is '<' | '<=' | '>' | '>=' {
  return operator.startsWith('<') || operator.startsWith('>');
}

function join(values: readonly FilterText[]): { from: number; to: number } {
  return { from: values[0]!.from, to: values.at(-1)!.to };
}
