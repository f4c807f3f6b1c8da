// The columns of the list of rows: what a row shows, and what its head sorts by.
import type { SortField } from '../../src/shared/sampleOrder';
import type { SampleStore } from './store';
import { columnText, confidenceText, labelText, lossText, predictionText } from './words';

/** One column. `width` in pixels; the last text column takes what is left. */
export interface RowColumn {
  readonly title: string;
  readonly sort: SortField;
  readonly width: number;
  readonly numeric: boolean;
  text(index: number): string;
}

/** Columns of the data beyond these are shown in the details only. */
const mostOwnColumns = 8;

/** The columns that say something about these samples. */
export function rowColumns(store: SampleStore): RowColumn[] {
  const { fields } = store;
  const isClass = fields.labelKind === 'classes';
  const columns: RowColumn[] = [
    { title: 'index', sort: field('index'), width: 72, numeric: true, text: index => String(index) },
  ];
  if (fields.labels !== null) {
    columns.push({
      title: 'label',
      sort: field('label'),
      width: 112,
      numeric: !isClass,
      text: index => labelText(store, index),
    });
  }
  if (fields.predictions !== null) {
    columns.push({
      title: 'prediction',
      sort: field('pred'),
      width: 136,
      numeric: !isClass,
      text: index => predictionText(store, index),
    });
    if (isClass) {
      columns.push({
        title: 'confidence',
        sort: field('confidence'),
        width: 104,
        numeric: true,
        text: index => confidenceText(store, index),
      });
    }
    if (fields.predictions === 'coming' || fields.predictions.loss !== null) {
      columns.push({
        title: 'loss',
        sort: field('loss'),
        width: 88,
        numeric: true,
        text: index => lossText(store, index),
      });
    }
  }
  for (const [name, column] of [...fields.columns].slice(0, mostOwnColumns)) {
    columns.push({
      title: name,
      sort: { kind: 'column', name },
      width: column.kind === 'number' ? 104 : 152,
      numeric: column.kind === 'number',
      text: index => columnText(store, name, index),
    });
  }
  return columns;
}

function field(name: Extract<SortField, { kind: 'field' }>['name']): SortField {
  return { kind: 'field', name };
}
