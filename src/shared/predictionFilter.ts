// The filter language over predictions before and after: `label:3 before:4 set:held-out loss>2`.
import type { FilterNode } from './filter';
import { parseFilter } from './filter';
import type { FilterColumn, FilterFields } from './filterMatch';
import { bindFilter } from './filterMatch';
import type { PredictionRow } from './modelViewProtocol';

/** What a filter can ask about rows of predictions. `pred`, `loss` and `wrong` mean the model after unlearning. */
export function predictionFields(rows: readonly PredictionRow[], labels: 'classes' | 'values'): FilterFields {
  const names = [...new Set(rows.flatMap(row => [row.label ?? '', row.before, row.after]))].filter(Boolean);
  // Names that are the classes' numbers stay numbers; others get a place of their own, which no filter may ask for.
  const named = labels === 'classes' && names.some(name => !/^\d+$/.test(name));
  const classes = named ? names.sort(natural.compare) : null;
  const numbers = new Map(classes?.map((name, index) => [name, index] as const));
  const labelled = rows.some(row => row.label !== null);
  const code = (text: string): number => (text === '' ? -1 : (numbers.get(text) ?? Number(text)));
  const text = (read: (row: PredictionRow) => string): FilterColumn => ({
    kind: 'text',
    values: rows.map(read),
  });
  const number = (read: (row: PredictionRow) => number): FilterColumn => ({
    kind: 'number',
    values: rows.map(read),
  });
  return {
    size: rows.length,
    classes,
    labelKind: labelled ? labels : 'none',
    labels: labelled ? rows.map(row => code(row.label ?? '')) : null,
    predictions: {
      predicted: rows.map(row => code(row.after)),
      loss: labelled ? rows.map(row => row.lossAfter ?? NaN) : null,
      confidence: null,
    },
    forget: { has: position => rows[position]?.set === 'forgotten' },
    columns: new Map([
      ['before', labels === 'classes' ? text(row => row.before) : number(row => Number(row.before))],
      ['set', text(row => row.set)],
      ['lossBefore', number(row => row.lossBefore ?? NaN)],
      ['index', number(row => row.index)],
    ]),
  };
}

/** The rows that pass a filter. Throws a FilterProblem. */
export function filterPredictions(
  text: string,
  rows: readonly PredictionRow[],
  fields: FilterFields,
): readonly PredictionRow[] {
  const tree = parseFilter(text);
  if (tree === null) return rows;
  const passes = bindFilter(adapted(tree, fields.classes !== null), fields);
  return rows.filter((_, position) => passes(position));
}

/**
 * The same filter for rows: `index` means the number of the sample in its data, not the place of the row, and so becomes
 * a column; classes with names are asked for by name only, because rows do not tell the classes' numbers.
 */
function adapted(node: FilterNode, named: boolean): FilterNode {
  switch (node.kind) {
    case 'all':
    case 'any':
      return { ...node, parts: node.parts.map(part => adapted(part, named)) };
    case 'not':
      return { ...node, part: adapted(node.part, named) };
    case 'test': {
      const name = node.name.quoted ? '' : node.name.text.toLowerCase();
      if (name === 'index') return { ...node, name: { ...node.name, text: 'index', quoted: true } };
      if (named && ['label', 'pred', 'prediction'].includes(name)) {
        return { ...node, values: node.values.map(value => ({ ...value, quoted: true })) };
      }
      return node;
    }
    case 'word':
      return node;
  }
}

const natural = new Intl.Collator('en', { numeric: true });
