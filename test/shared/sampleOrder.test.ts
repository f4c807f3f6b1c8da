import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FilterFields } from '../../src/shared/filterMatch';
import type { SortField } from '../../src/shared/sampleOrder';
import { sortFields, sortSamples } from '../../src/shared/sampleOrder';

function fieldsWith(loss: readonly number[], words: readonly string[]): FilterFields {
  return {
    size: loss.length,
    classes: null,
    labelKind: 'values',
    labels: loss.map(() => 1),
    predictions: { predicted: loss, loss, confidence: null },
    forget: new Set(),
    columns: new Map([['word', { kind: 'text', values: words }]]),
  };
}

const byLoss: SortField = { kind: 'field', name: 'loss' };
const byWord: SortField = { kind: 'column', name: 'word' };

describe('sorting samples', () => {
  const fields = fieldsWith([3, NaN, 1, 3, 2], ['b', 'a', 'B', 'a', 'c']);
  const all = Uint32Array.of(0, 1, 2, 3, 4);
  const sorted = (field: SortField, descending: boolean, indices = all): number[] => [
    ...sortSamples(indices, { field, descending }, fields),
  ];

  it('sorts by numbers, with ties in the order of the data and missing ones last', () => {
    assert.deepEqual(sorted(byLoss, false), [2, 4, 0, 3, 1]);
    assert.deepEqual(sorted(byLoss, true), [0, 3, 4, 2, 1]);
  });

  it('sorts by texts and by index', () => {
    assert.deepEqual(sorted(byWord, false), [2, 1, 3, 0, 4]);
    assert.deepEqual(sorted({ kind: 'field', name: 'index' }, true, Uint32Array.of(2, 4, 1)), [4, 2, 1]);
    assert.deepEqual(sorted({ kind: 'field', name: 'confidence' }, true, Uint32Array.of(4, 0)), [0, 4]);
  });

  it('leaves the list it was given alone', () => {
    const indices = Uint32Array.of(4, 0, 2);
    sortSamples(indices, { field: byLoss, descending: false }, fields);
    assert.deepEqual([...indices], [4, 0, 2]);
  });

  it('offers the fields that are there', () => {
    const names = (among: FilterFields): string[] => sortFields(among).map(field => field.name);
    assert.deepEqual(names(fields), ['index', 'label', 'pred', 'loss', 'word']);
    assert.deepEqual(names({ ...fields, predictions: 'coming' }), ['index', 'label', 'word']);
  });

  it('gives a permutation in which neighbours are in order', () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(0, 1, NaN, -Infinity));
    fc.assert(
      fc.property(fc.array(number, { maxLength: 40 }), fc.boolean(), (loss, descending) => {
        const random = fieldsWith(loss, loss.map(String));
        const indices = Uint32Array.from(loss.keys());
        const order = [...sortSamples(indices, { field: byLoss, descending }, random)];
        assert.deepEqual(
          [...order].sort((a, b) => a - b),
          [...indices],
        );
        for (let place = 1; place < order.length; place++) {
          const [before, after] = [loss[order[place - 1]!]!, loss[order[place]!]!];
          if (Number.isNaN(after)) continue;
          assert.ok(descending ? before >= after : before <= after, `${before}, ${after}`);
        }
      }),
      { seed: 19, numRuns: 500 },
    );
  });
});
