// A CSV or TSV file as a dataset: numeric columns stacked to one input, one label column.
import type { FloatType } from '../tensor/dtype';
import { allocateFloats, floats, int64, type Tensor } from '../tensor/tensor';
import { ArrayDataset, type Column, type NamedArray } from './arrayDataset';
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { encodeClasses } from './npzDataset';
import { namesOf, type DatasetSpec } from './spec';
import { columnIndex, isNumber, isNumericColumn, numbersOf, type Table } from './table';
import { listNames } from './text';

/**
 * The dataset of a table. The label is the column the spec names, else the one named label, y or target, else the
 * last of several. Inputs are the columns the spec names, else all other numeric ones (a column is numeric when at
 * least half of its cells are; one without a name is passed over), stacked in file order to one floating array
 * `features`. All columns can be asked for by name. Throws a DataError that names line and column.
 */
export function datasetOfTable(path: string, table: Table, spec: Omit<DatasetSpec, 'path'>): Dataset {
  const { file, header, rows } = table;
  if (rows.length === 0) throw new DataError(`${file} holds no samples: there is nothing below its header.`);
  const named = namesOf(spec.inputs);
  const labelColumns = (namesOf(spec.labels) ?? guessLabel(header, named ?? [])).map(name =>
    columnIndex(table, name),
  );

  const free = (column: number): boolean => header[column] !== '' && !labelColumns.includes(column);
  const inputColumns =
    named?.map(name => columnIndex(table, name)) ??
    header.map((_, column) => column).filter(column => free(column) && isNumericColumn(table, column));
  if (inputColumns.length === 0) {
    throw new DataError(
      `${file} has no column of numbers to use as input beside its label. Its columns are: ${listNames(header)}. Name them with data.inputs.`,
    );
  }
  const inputs: NamedArray[] = [{ name: 'features', tensor: stackColumns(table, inputColumns) }];

  let classes: readonly string[] | null = null;
  const labels = labelColumns.map((column): NamedArray => {
    const label = labelsOfColumn(table, column);
    if (label.classes !== null) classes = label.classes;
    return { name: header[column]!, tensor: label.tensor };
  });
  if (labels.length > 1 && classes !== null) {
    throw new DataError(
      `${file} has several labels, and one of them is text. Number its classes, or name one label.`,
    );
  }
  const passedOver = named
    ? []
    : header
        .map((_, column) => column)
        .filter(column => free(column) && !inputColumns.includes(column))
        .map(column => firstText(table, column));
  return new ArrayDataset(path, rows.length, inputs, labels, classes, tableColumns(table), passedOver);
}

/** A column of text, with its first cell that is no number. */
function firstText(table: Table, column: number): string {
  const row = table.rows.findIndex(cells => !isNumber(cells[column]!));
  const cell = table.rows[row]![column]!.trim();
  return `${table.header[column]} (line ${table.lines[row]}: ${cell === '' ? 'nothing' : `'${cell}'`})`;
}

/** A column as labels: whole numbers as int64, others as floats, text as class numbers by code point. */
export function labelsOfColumn(
  table: Table,
  column: number,
): { tensor: Tensor; classes: readonly string[] | null } {
  if (isNumericColumn(table, column)) {
    const numbers = numbersOf(table, column);
    const whole = numbers.every(Number.isSafeInteger);
    return {
      tensor: whole
        ? int64([numbers.length], [...numbers])
        : floats(narrowest(numbers), [numbers.length], numbers),
      classes: null,
    };
  }
  table.rows.forEach((row, index) => {
    if (row[column]!.trim() !== '') return;
    throw new DataError(
      `${table.file}, line ${table.lines[index]}, column ${table.header[column]}: the label is missing. Give one or remove the line.`,
    );
  });
  return encodeClasses(table.rows.map(row => row[column]!));
}

/** The named columns of a table: numbers where every cell is one, else text. */
export function tableColumns(table: Table): Map<string, Column> {
  const columns = new Map<string, Column>();
  table.header.forEach((name, column) => {
    if (name === '') return;
    columns.set(name, () => {
      const cells = table.rows.map(row => row[column]!);
      return cells.every(isNumber) ? [...numbersOf(table, column)] : cells;
    });
  });
  return columns;
}

/** The label column by its usual names, exact spelling first; the last column otherwise; none if there is only one. */
export function guessLabel(header: readonly string[], inputs: readonly string[]): string[] {
  const free = header.filter(name => name !== '' && !inputs.includes(name));
  for (const name of ['label', 'y', 'target']) if (free.includes(name)) return [name];
  for (const wanted of ['label', 'y', 'target']) {
    const found = free.find(name => name.toLowerCase() === wanted);
    if (found !== undefined) return [found];
  }
  const last = header.at(-1);
  return last !== undefined && free.includes(last) && header.filter(name => name !== '').length > 1
    ? [last]
    : [];
}

/** float64 where float32 would lose digits. */
function narrowest(numbers: ArrayLike<number>): FloatType {
  for (let index = 0; index < numbers.length; index++)
    if (Math.fround(numbers[index]!) !== numbers[index]) return 'float64';
  return 'float32';
}

/** Columns side by side, [rows, columns]. */
function stackColumns(table: Table, columns: readonly number[]): Tensor {
  const values = columns.map(column => numbersOf(table, column));
  const type = values.some(column => narrowest(column) === 'float64') ? 'float64' : 'float32';
  const data = allocateFloats(type, table.rows.length * columns.length);
  values.forEach((column, position) => {
    for (let row = 0; row < column.length; row++) data[row * columns.length + position] = column[row]!;
  });
  return { dtype: type, dims: [table.rows.length, columns.length], data };
}
