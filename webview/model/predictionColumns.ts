// The columns of the table of predictions.
import type { PredictionRow } from '../../src/shared/modelViewProtocol';
import { count, significant } from '../../src/shared/numbers';
import { h, icon } from '../kit/dom';
import type { TableColumn } from '../kit/tableOptions';

/** Columns for classes, or for values: those are numbers, and do not flip. */
export function predictionColumns(values: boolean): readonly TableColumn<PredictionRow>[] {
  const word = (
    key: 'label' | 'before' | 'after',
    title: string,
    tip: string,
  ): TableColumn<PredictionRow> => ({
    key,
    title,
    tip,
    width: 'minmax(56px, 0.8fr)',
    look: values ? 'number' : 'name',
    align: values ? 'end' : 'start',
    text: row => (row[key] === null ? '–' : values ? significant(Number(row[key]), 4) : row[key]),
    value: row => (row[key] === null ? null : values ? Number(row[key]) : row[key]),
  });
  const loss = (
    key: 'lossBefore' | 'lossAfter',
    title: string,
    from: number,
  ): TableColumn<PredictionRow> => ({
    key,
    title,
    tip: `Loss of this one sample ${key === 'lossBefore' ? 'before' : 'after'} unlearning`,
    width: 'minmax(84px, 0.9fr)',
    align: 'end',
    look: 'number',
    largestFirst: true,
    from,
    text: row => (row[key] === null || Number.isNaN(row[key]) ? '–' : significant(row[key])),
    value: row => row[key],
  });
  const columns: TableColumn<PredictionRow>[] = [
    {
      key: 'index',
      title: 'sample',
      tip: 'Counted from 0 in its data',
      width: '64px',
      align: 'end',
      look: 'number',
      text: row => `#${count(row.index)}`,
      value: row => row.index,
    },
    {
      key: 'set',
      title: 'set',
      width: 'minmax(88px, 0.8fr)',
      text: row => row.set,
      value: row => row.set,
      draw: row => h('span', { class: 'set-name' }, h('span', { class: `set-dot set-${row.set}` }), row.set),
    },
    word('label', 'label', 'The given label'),
    word('before', 'before', 'What the original model says'),
    {
      ...word('after', 'after', 'What the model says after unlearning'),
      ...(values
        ? {}
        : {
            draw: (row: PredictionRow) =>
              h(
                'span',
                { class: `vtable-text ${row.flipped ? 'flipped' : ''}` },
                row.after,
                row.flipped ? icon('arrow-swap') : null,
              ),
            tipOf: (row: PredictionRow) =>
              row.flipped ? `Flipped from ${row.before} to ${row.after}` : `${row.after}, as before`,
          }),
    },
    loss('lossBefore', 'loss before', 420),
    loss('lossAfter', 'loss after', 320),
  ];
  return columns;
}
