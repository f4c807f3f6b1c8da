// What the dataset panel knows: data, filter, order, selection, forget set. No DOM; the views read it and call it.
import type { DatasetViewState } from '../../src/shared/datasetViewProtocol';
import { FilterProblem, parseFilter } from '../../src/shared/filter';
import type { FilterColumn, FilterFields, FilterPredictions } from '../../src/shared/filterMatch';
import { bindFilter, matchingIndices } from '../../src/shared/filterMatch';
import type { SampleSort, SortField } from '../../src/shared/sampleOrder';
import { sortFields, sortSamples } from '../../src/shared/sampleOrder';
import type { SampleList, SampleSelection } from '../../src/shared/selection';
import { keepShown, noSelection, sampleList, selectOne, selectedIndices } from '../../src/shared/selection';
import type { DatasetColumns, DatasetOverview, DatasetPredictions } from '../../src/shared/viewerProtocol';

/** The state of a dataset that is open. */
export type ReadyState = Extract<DatasetViewState, { kind: 'ready' }>;

/** How samples are laid out. */
export type Layout = 'grid' | 'rows';

/** Where the predictions stand. `stale`: those shown are of an earlier state of the model. */
export type PredictionPhase =
  | { readonly kind: 'none' | 'coming' | 'stale' | 'ready' }
  | { readonly kind: 'failed'; readonly message: string };

/** What a view keeps while it is hidden. */
export interface KeptView {
  readonly path: string;
  readonly filter: string;
  readonly sort: SampleSort;
  readonly layout: Layout;
}

const byIndex: SampleSort = { field: { kind: 'field', name: 'index' }, descending: false };

/** One open dataset and what the person does with it; `changed` is called after every change. */
export class SampleStore {
  readonly overview: DatasetOverview;
  fields: FilterFields;
  list: SampleList;
  selection: SampleSelection = noSelection;
  forget: ReadonlySet<number> = new Set();
  predictionPhase: PredictionPhase = { kind: 'none' };
  /** What is wrong with the filter; the list is then that of the last filter that was right. */
  problem: FilterProblem | null = null;
  filter: string;
  sort: SampleSort;
  layout: Layout;

  /** The samples that passed the last filter that was right. */
  private passed: Uint32Array;

  constructor(
    public state: ReadyState,
    columns: DatasetColumns,
    kept: KeptView | null,
    private readonly changed: () => void,
  ) {
    const { overview } = state;
    const own = kept?.path === overview.path ? kept : null;
    this.overview = overview;
    this.filter = own?.filter ?? '';
    this.sort = own?.sort ?? byIndex;
    this.layout = own?.layout ?? (overview.kind === 'images' ? 'grid' : 'rows');
    this.fields = {
      size: overview.size,
      classes: overview.classes,
      labelKind: columns.labels === null ? 'none' : overview.labels,
      labels: columns.labels && numbers(columns.labels),
      predictions: null,
      forget: this.forget,
      columns: new Map(
        overview.columns.flatMap(({ name, kind }): [string, FilterColumn][] => {
          const values = columns.columns[name];
          return values ? [[name, column(kind, values)]] : [];
        }),
      ),
    };
    this.passed = matchingIndices(() => true, overview.size);
    this.list = sampleList(this.passed, overview.size);
    this.relist();
  }

  /** What is worth keeping while the panel is hidden. */
  get kept(): KeptView {
    return { path: this.overview.path, filter: this.filter, sort: this.sort, layout: this.layout };
  }

  get predictions(): FilterPredictions | null {
    return this.fields.predictions === 'coming' ? null : this.fields.predictions;
  }

  /** The fields that can be sorted by now. */
  get sortable(): SortField[] {
    return sortFields(this.fields);
  }

  setState(state: ReadyState): void {
    this.state = state;
    this.changed();
  }

  setFilter(text: string): void {
    this.filter = text;
    this.update();
  }

  setSort(sort: SampleSort): void {
    this.sort = sort;
    this.update();
  }

  setLayout(layout: Layout): void {
    this.layout = layout;
    this.changed();
  }

  setSelection(selection: SampleSelection): void {
    this.selection = selection;
    this.changed();
  }

  setForget(indices: readonly number[]): void {
    this.forget = new Set(indices);
    this.fields = { ...this.fields, forget: this.forget };
    this.update();
  }

  /** Predictions were asked for: old ones stay, marked as stale. */
  expectPredictions(): void {
    this.predictionPhase = { kind: this.predictions === null ? 'coming' : 'stale' };
    if (this.predictions === null) this.fields = { ...this.fields, predictions: 'coming' };
    this.update();
  }

  /** Predictions came; null where no model is open. */
  setPredictions(predictions: DatasetPredictions | null): void {
    this.predictionPhase = { kind: predictions === null ? 'none' : 'ready' };
    this.fields = {
      ...this.fields,
      predictions: predictions && {
        predicted: numbers(predictions.predicted),
        loss: predictions.loss && numbers(predictions.loss),
        confidence: predictions.confidence && numbers(predictions.confidence),
      },
    };
    this.update();
  }

  failPredictions(message: string): void {
    this.predictionPhase = { kind: 'failed', message };
    this.fields = { ...this.fields, predictions: null };
    this.update();
  }

  /** Shows and selects one sample; a filter that hides it is cleared. */
  reveal(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.overview.size) return;
    if (this.list.placeOf(index) < 0) {
      this.filter = '';
      this.relist();
    }
    this.selection = selectOne(index);
    this.changed();
  }

  /** Whether the prediction differs from the label; null where that cannot be said. */
  isWrong(index: number): boolean | null {
    const { labels, labelKind } = this.fields;
    const predicted = this.predictions?.predicted[index];
    const label = labels?.[index];
    if (labelKind !== 'classes' || predicted === undefined || label === undefined) return null;
    return predicted >= 0 && label >= 0 ? predicted !== label : null;
  }

  /** The selected samples, ascending. */
  get selected(): number[] {
    return selectedIndices(this.selection);
  }

  private update(): void {
    this.relist();
    this.changed();
  }

  private relist(): void {
    const { size } = this.overview;
    try {
      this.passed = matchingIndices(bindFilter(parseFilter(this.filter), this.fields), size);
      this.problem = null;
    } catch (error) {
      if (!(error instanceof FilterProblem)) throw error;
      this.problem = error;
    }
    const shown = this.problem?.waiting === true ? new Uint32Array() : this.passed;
    this.list = sampleList(sortSamples(shown, this.sort, this.fields), size);
    // A filter that waits shows nothing for the moment; what was selected is decided when it is there.
    if (this.problem?.waiting !== true) this.selection = keepShown(this.selection, this.list);
  }
}

function column(kind: 'number' | 'text', values: readonly (number | string)[]): FilterColumn {
  return kind === 'number'
    ? { kind, values: numbers(values as readonly number[]) }
    : { kind, values: values.map(String) };
}

/** Numbers as they crossed the border: JSON has no NaN, it comes as null. */
function numbers(values: readonly (number | null)[]): Float64Array {
  return Float64Array.from(values, value => value ?? NaN);
}
