import assert from 'node:assert/strict';
import type { RegionMap } from '../../src/shared/evaluation';
import { classesOn, keptShare, mapSentence, regionOf } from '../../src/shared/regionMaps';

// A 5 × 5 map: the original has class 0 above class 7; the other model gives the lower right corner to class 3.
const before = ['0 0 0 0 0', '0 0 0 0 0', '7 7 7 7 7', '7 7 7 7 7', '7 7 7 7 7'].join(' ');
const after = ['0 0 0 0 0', '0 0 0 0 0', '7 7 7 3 3', '7 7 7 3 3', '7 7 7 7 3'].join(' ');
const map: RegionMap = {
  kind: 'forgotten',
  sample: 17,
  toward: [2, 5],
  output: 'y',
  side: 5,
  labels: [before, after],
};

describe('maps of decision regions', () => {
  it('borders lie between points of different classes and nowhere else', () => {
    assert.deepEqual(
      regionOf(map, 0).borders,
      [0, 1, 2, 3, 4].map(column => [column, 2, column + 1, 2]),
    );
    const { borders } = regionOf(map, 1);
    // Below class 0, left of class 3 (two points and one), and above the 7 that reaches under it.
    assert.equal(borders.length, 5 + 2 + 1 + 1);
    assert.ok(borders.some(line => line.join() === '3,2,3,3'));
    assert.ok(borders.some(line => line.join() === '3,4,4,4'));
  });

  it('each region of some size is named once, within itself', () => {
    const { names, cells } = regionOf(map, 1);
    assert.deepEqual(names.map(({ label }) => label).sort(), [0, 3, 7]);
    for (const { label, x, y } of names) assert.equal(cells[Math.floor(y) * 5 + Math.floor(x)], label);
    const speck = { ...map, side: 3, labels: ['1 1 1 1 2 1 1 1 1'] };
    assert.deepEqual(
      regionOf(speck, 0).names.map(({ label }) => label),
      [1],
    );
  });

  it('says what each model gives at the sample and how much was kept', () => {
    assert.equal(keptShare(map, 0), 1);
    assert.equal(keptShare(map, 1), 20 / 25);
    assert.deepEqual(classesOn([map]), [7, 0, 3]);
    const models = [{ name: 'original' }, { name: 'unlearned' }];
    assert.equal(
      mapSentence(map, models, label => `class ${label}`),
      'Through forgotten sample 17: original says class 7, unlearned says class 7, 80.0 % of the plane has the same label in unlearned.',
    );
  });
});
