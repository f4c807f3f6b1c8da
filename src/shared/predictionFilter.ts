// The filter language over predictions before and after: `label:3 before:4 set:held-out loss>2`.
import type { FilterNode } from './filter';
import { parseFilter } from './filter';
import type { FilterColumn, FilterFields } from './filterMatch';
import { bindFilter } from './filterMatch';
import type { PredictionRow } from './modelViewProtocol';

/** What a filter can ask about rows of predictions. `pred`, `loss` and `wrong` mean the model after unlearning. */
export function predictionFields(rows: readonly PredictionRow[], labels: 'classes' | 'values'): FilterFields {
  const names = [...new Set(rows.flatMap(row => [row.label, row.before, row.after]))].filter(Boolean);
  const classes = labels === 'classes' ? names.sort(natural.compare) : null;
  const numbers = new Map(classes?.map((name, index) => [name, index] as const));
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
    labelKind: labels,
    labels: rows.map(row => code(row.label)),
    predictions: {
      predicted: rows.map(row => code(row.after)),
      loss: rows.map(row => row.lossAfter),
      confidence: null,
    },
    forget: { has: position => rows[position]?.set === 'forgotten' },
    columns: new Map([
      ['before', labels === 'classes' ? text(row => row.before) : number(row => Number(row.before))],
      ['set', text(row => row.set)],
      ['lossBefore', number(row => row.lossBefore)],
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
  const passes = bindFilter(withSampleIndex(tree), fields);
  return rows.filter((_, position) => passes(position));
}

/** `index` means the number of the sample in its data, not the place of the row: it becomes a column. */
function withSampleIndex(node: FilterNode): FilterNode {
  switch (node.kind) {
    case 'all':
    case 'any':
      return { ...node, parts: node.parts.map(withSampleIndex) };
    case 'not':
      return { ...node, part: withSampleIndex(node.part) };
    case 'test':
      return node.name.text.toLowerCase() === 'index'
        ? { ...node, name: { ...node.name, text: 'index', quoted: true } }
        : node;
    case 'word':
      return node;
  }
}

const natural = new Intl.Collator('en', { numeric: true });
