// What the panel says about samples.
import { className } from '../../src/shared/filterMatch';
import { count, significant, things } from '../../src/shared/numbers';
import type { SortField } from '../../src/shared/sampleOrder';
import type { SampleStore } from './store';

/** The given label: a class's name or a value; a dash where there is none. */
export function labelText(store: SampleStore, index: number): string {
  return outputText(store.fields.labels?.[index], store.fields.labelKind === 'classes', store);
}

/** What the model says; a dash where it says nothing. */
export function predictionText(store: SampleStore, index: number): string {
  const predictions = store.predictions;
  return outputText(
    predictions?.predicted[index],
    predictions !== null && predictions.confidence !== null,
    store,
  );
}

function outputText(value: number | undefined, isClass: boolean, store: SampleStore): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return isClass ? className(value, store.fields.classes) : significant(value);
}

export function lossText(store: SampleStore, index: number): string {
  return numberText(store.predictions?.loss?.[index]);
}

/** A loss as short as a card has room for; the exact one is in the tooltip. */
export function shortLoss(store: SampleStore, index: number): string {
  const loss = store.predictions?.loss?.[index];
  if (loss === undefined || Number.isNaN(loss)) return '–';
  return loss < 10 ? loss.toFixed(2) : loss < 100 ? loss.toFixed(1) : significant(loss);
}

/** As a share, which is how the filter takes it. */
export function confidenceText(store: SampleStore, index: number): string {
  return numberText(store.predictions?.confidence?.[index]);
}

/** Three significant digits; a dash for what is missing. */
export function numberText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '–' : significant(value);
}

/** A column's entry of one sample. */
export function columnText(store: SampleStore, name: string, index: number): string {
  const column = store.fields.columns.get(name);
  if (column === undefined) return '–';
  if (column.kind === 'text') return column.values[index] ?? '–';
  const value = column.values[index];
  return value !== undefined && Number.isSafeInteger(value) ? count(value) : numberText(value);
}

/** One sample in a sentence, for screen readers. */
export function describeSample(store: SampleStore, index: number): string {
  const parts = [`Sample ${index}`];
  if (store.fields.labels !== null) parts.push(`label ${labelText(store, index)}`);
  if (store.predictions !== null) {
    parts.push(`prediction ${predictionText(store, index)}`);
    if (store.predictions.loss !== null) parts.push(`loss ${lossText(store, index)}`);
  }
  if (store.isWrong(index) === true) parts.push('wrong');
  if (store.forget.has(index)) parts.push('in the forget set');
  return parts.join(', ');
}

/** What is shown, selected and to be forgotten. */
export function statusText(store: SampleStore): string {
  const { size } = store.overview;
  const shown = store.list.order.length;
  const parts = [];
  if (shown < size) parts.push(`${count(shown)} of ${things(size, 'sample')} shown`);
  const { size: selected } = store.selection.selected;
  if (selected > 0) parts.push(`${count(selected)} selected`);
  parts.push(store.forget.size === 0 ? 'forget set empty' : `${count(store.forget.size)} in the forget set`);
  return parts.join(' · ');
}

/** A name to sort by. */
export function sortName(field: SortField): string {
  return field.kind === 'field' && field.name === 'pred' ? 'prediction' : field.name;
}

/** The last part of a path, of either kind of system. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast(part => part !== '') ?? path;
}
