// CSV and TSV text as a table of cells that knows the line each row came from.
import { basename } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { DataError } from './errors';
import { readText } from './files';
import { listNames } from './text';

/** A table with a header. Every row has one cell per column. */
export interface Table {
  /** What errors call the file. */
  readonly file: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The line of the file on which each row ends, counted from 1. */
  readonly lines: readonly number[];
}

/**
 * Reads a CSV or TSV file with a header (quotes, byte order mark and CRLF as RFC 4180 has them). Without a delimiter
 * it is a tab for .tsv, else a semicolon where the header has semicolons and no comma, else a comma. Throws a
 * DataError that names the line.
 */
export function readTable(path: string, delimiter?: string): Table {
  return parseTable(readText(path), basename(path), delimiter ?? (/\.tsv$/i.test(path) ? '\t' : undefined));
}

/** The table in a text; see `readTable`. `file` is what errors call it. */
export function parseTable(text: string, file: string, delimiter?: string): Table {
  const firstLine = /^[^\r\n]*/.exec(text)?.[0] ?? '';
  const separator = delimiter ?? (firstLine.includes(';') && !firstLine.includes(',') ? ';' : ',');
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      delimiter: separator,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as typeof records;
  } catch (error) {
    throw syntaxError(file, error);
  }
  const [first, ...rest] = records;
  if (first === undefined)
    throw new DataError(`${file} is empty. It needs a header line with the names of its columns.`);
  const header = first.record.map(name => name.trim());
  const twice = header.find((name, index) => name !== '' && header.indexOf(name) !== index);
  if (twice !== undefined) throw new DataError(`${file} has two columns named ${twice}. Rename one of them.`);
  if (header.every(name => name === '' || isNumber(name))) {
    throw new DataError(
      `${file} has no header: its first line holds ${listNames(header)}. Add a line with the names of the columns.`,
    );
  }
  for (const { record, info } of rest) {
    if (record.length !== header.length) {
      throw new DataError(
        `${file}, line ${info.lines}: ${record.length} ${record.length === 1 ? 'value' : 'values'}, but the header names ${header.length} columns. ` +
          'Quote values that contain the separator.',
      );
    }
  }
  return { file, header, rows: rest.map(row => row.record), lines: rest.map(row => row.info.lines) };
}

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Whether a cell holds a finite decimal number. */
export function isNumber(cell: string): boolean {
  const trimmed = cell.trim();
  return numberPattern.test(trimmed) && Number.isFinite(Number(trimmed));
}

/** Whether a column is one of numbers: at least half of its cells are. */
export function isNumericColumn(table: Table, column: number): boolean {
  let numbers = 0;
  for (const row of table.rows) if (isNumber(row[column]!)) numbers++;
  return numbers > 0 && 2 * numbers >= table.rows.length;
}

/** A column as numbers. Throws a DataError that names line and column of the first cell that is none. */
export function numbersOf(table: Table, column: number): Float64Array {
  return Float64Array.from(table.rows, (row, index) => {
    const cell = row[column]!;
    if (isNumber(cell)) return Number(cell);
    throw new DataError(
      `${table.file}, line ${table.lines[index]}, column ${table.header[column]}: expected a number, found ` +
        `${cell.trim() === '' ? 'nothing' : `'${cell}'`}. Correct the value or remove the line.`,
    );
  });
}

/** The position of a column. Throws a DataError that lists the columns. */
export function columnIndex(table: Table, name: string): number {
  const index = table.header.indexOf(name);
  if (index >= 0) return index;
  throw new DataError(
    `${table.file} has no column ${name}. Its columns are: ${listNames(table.header.filter(column => column !== ''))}.`,
  );
}

function syntaxError(file: string, error: unknown): DataError {
  if (!(error instanceof CsvError)) {
    return new DataError(
      `${file} cannot be read as CSV: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  const lines: unknown = error['lines'];
  const line = typeof lines === 'number' ? `, line ${lines}` : '';
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return new DataError(
        `${file}${line}: a quote opened here or above is never closed. Close it, or double quotes inside values.`,
      );
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'INVALID_OPENING_QUOTE':
      return new DataError(
        `${file}${line}: a quote stands in the middle of a value. Quote the whole value and double the quotes inside.`,
      );
    default:
      return new DataError(
        `${file}${line} cannot be read as CSV (${error.code}). Write it again as RFC 4180 says.`,
      );
  }
}
