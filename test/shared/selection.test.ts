import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SampleSelection } from '../../src/shared/selection';
import {
  clearSelected,
  extend,
  keepShown,
  moveFocus,
  noSelection,
  sampleList,
  selectAll,
  selectOne,
  selectPlaces,
  selectedIndices,
  toggle,
  withIndices,
  withoutIndices,
} from '../../src/shared/selection';

/** Ten samples of which seven are shown, sorted by something else than their index. */
const list = sampleList(Uint32Array.of(8, 3, 5, 0, 9, 2, 4), 10);

describe('selecting samples', () => {
  it('selects what a rectangle touches, alone or beside what was selected', () => {
    const before = selectOne(8);
    const alone = selectPlaces(before, [1, 2, 99], list);
    assert.deepEqual(selectedIndices(alone), [3, 5]);
    assert.equal(alone.focus, 5);
    assert.deepEqual(selectedIndices(selectPlaces(before, [1, 2], list, true)), [3, 5, 8]);
    assert.deepEqual(selectedIndices(selectPlaces(before, [], list)), []);
    assert.equal(selectPlaces(before, [], list).focus, 8);
  });

  it('selects one, and adds and takes away by toggling', () => {
    let selection = selectOne(5);
    selection = toggle(selection, 9);
    selection = toggle(selection, 3);
    assert.deepEqual(selectedIndices(selection), [3, 5, 9]);
    selection = toggle(selection, 5);
    assert.deepEqual(selectedIndices(selection), [3, 9]);
    assert.equal(selection.focus, 5);
  });

  it('reaches from the anchor in the order shown, in either direction, and lets go of what it leaves', () => {
    let selection = extend(selectOne(5), 9, list);
    assert.deepEqual([...selection.selected], [5, 0, 9]);
    selection = extend(selection, 8, list);
    assert.deepEqual(selectedIndices(selection), [3, 5, 8]);
    assert.equal(selection.anchor, 5);
    assert.equal(selection.focus, 8);
  });

  it('joins a range to what is selected where asked to', () => {
    const selection = extend(toggle(selectOne(8), 9), 4, list, true);
    assert.deepEqual(selectedIndices(selection), [2, 4, 8, 9]);
  });

  it('begins a range at the focus after it moved, and at the sample itself where nothing is shown of the anchor', () => {
    const moved = moveFocus(selectOne(8), 0);
    assert.deepEqual(selectedIndices(moved), [8]);
    assert.deepEqual(selectedIndices(extend(moved, 2, list)), [0, 2, 9]);
    assert.deepEqual(selectedIndices(extend(selectOne(7), 2, list)), [2]);
    assert.deepEqual(selectedIndices(extend(noSelection, 2, list)), [2]);
  });

  it('selects everything that is shown, and nothing', () => {
    const all = selectAll(selectOne(5), list);
    assert.deepEqual(selectedIndices(all), [0, 2, 3, 4, 5, 8, 9]);
    assert.equal(all.focus, 5);
    const none = clearSelected(all);
    assert.equal(none.selected.size, 0);
    assert.equal(none.focus, 5);
  });

  it('keeps only what another filter shows', () => {
    const narrower = sampleList(Uint32Array.of(3, 9), 10);
    const kept = keepShown({ selected: new Set([8, 3, 5]), focus: 5, anchor: 3 }, narrower);
    assert.deepEqual(selectedIndices(kept), [3]);
    assert.equal(kept.focus, null);
    assert.equal(kept.anchor, 3);
  });

  it('adds to and removes from a forget set in ascending order', () => {
    assert.deepEqual(withIndices([2, 9, 100], new Set([10, 2])), [2, 9, 10, 100]);
    assert.deepEqual(withoutIndices([2, 9, 10, 100], new Set([9, 7, 100])), [2, 10]);
  });

  it('never changes a selection in place, and after any gestures holds only samples that are shown', () => {
    const shown = fc.constantFrom(...list.order);
    const gesture = fc.oneof(
      shown.map(index => () => selectOne(index)),
      shown.map(index => (before: SampleSelection) => toggle(before, index)),
      fc.tuple(shown, fc.boolean()).map(
        ([index, keep]) =>
          (before: SampleSelection) =>
            extend(before, index, list, keep),
      ),
      shown.map(index => (before: SampleSelection) => moveFocus(before, index)),
      fc.constant((before: SampleSelection) => selectAll(before, list)),
      fc.constant(clearSelected),
    );
    fc.assert(
      fc.property(fc.array(gesture, { maxLength: 12 }), gestures => {
        let selection = noSelection;
        for (const next of gestures) {
          const frozen = selectedIndices(selection);
          const after = next(selection);
          assert.deepEqual(selectedIndices(selection), frozen);
          for (const index of after.selected) assert.ok(list.placeOf(index) >= 0);
          selection = after;
        }
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('makes a range that is exactly the stretch between anchor and sample', () => {
    const shown = fc.constantFrom(...list.order);
    fc.assert(
      fc.property(shown, shown, (anchor, index) => {
        const places = [...extend(selectOne(anchor), index, list).selected].map(list.placeOf);
        const [a, b] = [list.placeOf(anchor), list.placeOf(index)];
        assert.equal(places.length, Math.abs(a - b) + 1);
        assert.equal(Math.min(...places), Math.min(a, b));
        assert.equal(Math.max(...places), Math.max(a, b));
      }),
      { seed: 13 },
    );
  });
});
