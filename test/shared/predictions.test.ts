import assert from 'node:assert/strict';
import { FilterProblem } from '../../src/shared/filter';
import type { PredictionRow } from '../../src/shared/modelViewProtocol';
import { filterPredictions, predictionFields } from '../../src/shared/predictionFilter';
import { summarizePredictions } from '../../src/shared/predictionSummary';

function row(
  index: number,
  set: PredictionRow['set'],
  label: string,
  before: string,
  after: string,
  losses: readonly [number, number] = [0.1, 0.2],
): PredictionRow {
  return {
    index,
    set,
    label,
    before,
    after,
    lossBefore: losses[0],
    lossAfter: losses[1],
    flipped: before !== after,
  };
}

/** The same index twice: once in the training data, once in the held-out data. */
const rows = [
  row(17, 'forgotten', '4', '4', '9', [0.05, 5]),
  row(3, 'retained', '10', '10', '10'),
  row(8, 'retained', '9', '4', '4', [3, Number.NaN]),
  row(17, 'held-out', '9', '4', '9', [2, 0.5]),
];

describe('filtering predictions', () => {
  const fields = predictionFields(rows, 'classes');
  const passing = (text: string): number[] =>
    filterPredictions(text, rows, fields).map(each => rows.indexOf(each));

  it('asks about the model after unlearning, and about before by name', () => {
    assert.deepEqual(passing(''), [0, 1, 2, 3]);
    assert.deepEqual(passing('wrong'), [0, 2]);
    assert.deepEqual(passing('label:9 pred:9'), [3]);
    assert.deepEqual(passing('before:4 set:retained'), [2]);
    assert.deepEqual(passing('loss>1'), [0]);
    assert.deepEqual(passing('lossBefore>1'), [2, 3]);
    assert.deepEqual(passing('forget'), [0]);
  });

  it('means the number of the sample by index, not the place of the row', () => {
    assert.deepEqual(passing('index:17'), [0, 3]);
    assert.deepEqual(passing('-index:17'), [1, 2]);
    assert.deepEqual(passing('index:3 or (index:8 wrong)'), [1, 2]);
  });

  it('tells one class from another whose name begins alike, and orders classes that are numbers', () => {
    assert.deepEqual(passing('label:10'), [1]);
    assert.deepEqual(passing('label:1'), []);
    assert.deepEqual(passing('label>4'), [1, 2, 3]);
  });

  it('takes classes with names by name only: their numbers are not known here', () => {
    const named = [row(0, 'retained', 'dog', 'cat', 'dog'), row(1, 'retained', 'cat', 'cat', 'dog')];
    const among = predictionFields(named, 'classes');
    const found = (text: string): number[] => filterPredictions(text, named, among).map(each => each.index);
    assert.deepEqual(found('label:dog'), [0]);
    assert.deepEqual(found('wrong pred:dog'), [1]);
    assert.throws(() => found('label:1'), FilterProblem);
  });

  it('compares values as numbers where there are no classes', () => {
    const values = [row(0, 'retained', '1.5', '1.4', '-0.25'), row(1, 'retained', '2', '2', '2.125')];
    const among = predictionFields(values, 'values');
    const found = (text: string): number[] => filterPredictions(text, values, among).map(each => each.index);
    assert.deepEqual(found('pred<0'), [0]);
    assert.deepEqual(found('before>=2'), [1]);
    assert.deepEqual(found('label>1'), [0, 1]);
  });
});

describe('predictions added up', () => {
  it('counts what fits and what flipped, and averages the losses there are', () => {
    assert.deepEqual(summarizePredictions(rows), [
      {
        set: 'forgotten',
        count: 1,
        fittedBefore: 1,
        fittedAfter: 0,
        flipped: 1,
        lossBefore: 0.05,
        lossAfter: 5,
      },
      {
        set: 'retained',
        count: 2,
        fittedBefore: 1,
        fittedAfter: 1,
        flipped: 0,
        lossBefore: 1.55,
        lossAfter: 0.2,
      },
      {
        set: 'held-out',
        count: 1,
        fittedBefore: 0,
        fittedAfter: 1,
        flipped: 1,
        lossBefore: 2,
        lossAfter: 0.5,
      },
    ]);
  });
});
