// What a virtual table is told: its columns, its order, and whom to tell what happens in it.

/** A column. `Row` is whatever the table shows. */
export interface TableColumn<Row> {
  readonly key: string;
  /** The header, with the unit where there is one. */
  readonly title: string;
  /** What the column means, as a tooltip. */
  readonly tip?: string;
  /** A track of CSS grid: "96px", "minmax(120px, 2fr)". */
  readonly width: string;
  /** Numbers stand at the end, words at the start. */
  readonly align?: 'start' | 'end';
  /** Font: the editor's for names and numbers. */
  readonly look?: 'text' | 'name' | 'number';
  /** The cell as text: shown where there is no `draw`, copied, and read aloud. */
  text(row: Row): string;
  /** The cell as an element, where text is not enough. */
  draw?(row: Row): Node;
  tipOf?(row: Row): string;
  /** What to sort by; a column without it cannot be sorted. Nulls come last either way. */
  value?(row: Row): number | string | null;
  /** Sort from the largest first when its header is pressed for the first time. */
  readonly largestFirst?: boolean;
  /** The column is left out while the table is narrower than this, in pixels. */
  readonly from?: number;
}

/** How rows are sorted. */
export interface TableSort {
  readonly key: string;
  readonly descending: boolean;
}

/** What a table needs. */
export interface TableOptions<Row> {
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rowHeight?: number;
  /** Identity of a row through sorting and updates. */
  readonly key: (row: Row) => string | number;
  /** The sentence in place of rows when there are none. */
  readonly empty: string;
  readonly sort?: TableSort | null;
  /** Told when the active row changes, by arrow keys, click or `activate`. */
  readonly onActive?: (row: Row) => void;
  /** Enter or a double click. */
  readonly onOpen?: (row: Row) => void;
  readonly onSort?: (sort: TableSort | null) => void;
  /** Rows that count as selected; without it the active row is. */
  readonly isSelected?: (row: Row) => boolean;
  /** More classes and data attributes for a row, for colours and context menus. */
  readonly decorate?: (element: HTMLElement, row: Row) => void;
  /** A key that the table does not use itself; true when it was used. Called before the table's own keys. */
  readonly onKey?: (event: KeyboardEvent, active: Row | null) => boolean;
  /** A press with the main button, before the row becomes active. */
  readonly onPress?: (event: MouseEvent, row: Row) => void;
}
