import assert from 'node:assert/strict';
import { selectAll, toggle } from '../../src/shared/selection';
import type { DatasetColumns, DatasetOverview } from '../../src/shared/viewerProtocol';
import type { KeptView, ReadyState } from '../../webview/dataset/store';
import { SampleStore } from '../../webview/dataset/store';

const overview: DatasetOverview = {
  id: '1',
  path: '/data/train.npz',
  size: 6,
  kind: 'images',
  inputs: [],
  classes: ['a', 'b'],
  labels: 'classes',
  columns: [{ name: 'age', kind: 'number' }],
  warnings: [],
};
const state: ReadyState = { kind: 'ready', overview, model: 'model.onnx', restricted: false };
// As it crosses the border: a missing number is null in JSON.
const columns = JSON.parse(
  JSON.stringify({ labels: [0, 1, 0, 1, 0, 1], columns: { age: [5, NaN, 3, 2, 1, 0] } }),
) as DatasetColumns;
const predictions = {
  predicted: [0, 1, 1, 0, 0, 1],
  loss: [0, 1, 2, 3, 4, 5],
  confidence: [1, 1, 1, 1, 1, 1],
};

function open(kept: KeptView | null = null): { store: SampleStore; changes: () => number } {
  let changes = 0;
  const store = new SampleStore(state, columns, kept, () => changes++);
  return { store, changes: () => changes };
}

describe("the dataset panel's store", () => {
  it('shows everything, filters, sorts, and tells of each change', () => {
    const { store, changes } = open();
    assert.deepEqual([...store.list.order], [0, 1, 2, 3, 4, 5]);
    store.setFilter('label:b');
    assert.deepEqual([...store.list.order], [1, 3, 5]);
    store.setSort({ field: { kind: 'column', name: 'age' }, descending: false });
    assert.deepEqual([...store.list.order], [5, 3, 1]);
    assert.equal(changes(), 2);
  });

  it('keeps a number that is missing as missing', () => {
    const { store } = open();
    store.setFilter('age:0');
    assert.deepEqual([...store.list.order], [5]);
  });

  it('keeps the samples of the last filter that was right', () => {
    const { store } = open();
    store.setFilter('label:b');
    store.setFilter('label:');
    assert.deepEqual([...store.list.order], [1, 3, 5]);
    assert.equal(store.problem?.message, 'Write a value after label:.');
    store.setFilter('label:a');
    assert.equal(store.problem, null);
  });

  it('waits with a filter on predictions until they come, and keeps the selection meanwhile', () => {
    const { store } = open();
    store.setSelection(selectAll(store.selection, store.list));
    store.expectPredictions();
    store.setFilter('wrong');
    assert.equal(store.problem?.waiting, true);
    assert.equal(store.list.order.length, 0);
    store.setPredictions(predictions);
    assert.deepEqual([...store.list.order], [2, 3]);
    assert.deepEqual(store.selected, [2, 3]);
    assert.equal(store.isWrong(2), true);
    assert.equal(store.isWrong(0), false);
  });

  it('shows the old predictions as stale until new ones come', () => {
    const { store } = open();
    store.expectPredictions();
    assert.equal(store.predictionPhase.kind, 'coming');
    store.setPredictions(predictions);
    store.expectPredictions();
    assert.equal(store.predictionPhase.kind, 'stale');
    assert.equal(store.isWrong(2), true);
    store.failPredictions('The viewer ended.');
    assert.deepEqual(store.predictionPhase, { kind: 'failed', message: 'The viewer ended.' });
    assert.equal(store.isWrong(2), null);
  });

  it('shows all samples when a filter that waited cannot be answered', () => {
    const { store } = open();
    store.expectPredictions();
    store.setFilter('wrong');
    store.failPredictions('The viewer ended.');
    assert.equal(store.list.order.length, 6);
    assert.match(store.problem?.message ?? '', /needs predictions/);
  });

  it('follows the forget set', () => {
    const { store } = open();
    store.setFilter('forget');
    assert.equal(store.list.order.length, 0);
    store.setForget([4, 1]);
    assert.deepEqual([...store.list.order], [1, 4]);
  });

  it('lets go of selected samples that the filter hides', () => {
    const { store } = open();
    store.setSelection(toggle(toggle(store.selection, 0), 1));
    store.setFilter('label:b');
    assert.deepEqual(store.selected, [1]);
    store.setFilter('');
    assert.deepEqual(store.selected, [1]);
  });

  it('clears a filter that hides what is to be revealed, and reveals nothing that is not there', () => {
    const { store } = open();
    store.setFilter('label:b');
    store.reveal(3);
    assert.equal(store.filter, 'label:b');
    store.reveal(2);
    assert.equal(store.filter, '');
    assert.deepEqual(store.selected, [2]);
    for (const nowhere of [-1, 6, 1.5, NaN]) store.reveal(nowhere);
    assert.deepEqual(store.selected, [2]);
  });

  it('comes back as it was kept for this dataset, and for no other', () => {
    const { store } = open();
    store.setFilter('label:b');
    store.setLayout('rows');
    const { kept } = store;
    assert.deepEqual([...open(kept).store.list.order], [1, 3, 5]);
    assert.equal(open(kept).store.layout, 'rows');
    assert.equal(open({ ...kept, path: '/other.npz' }).store.filter, '');
  });
});
