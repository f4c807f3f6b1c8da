import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseFilter } from '../../src/shared/filter';
import { completeFilter } from '../../src/shared/filterComplete';
import type { FilterFields } from '../../src/shared/filterMatch';
import { bindFilter } from '../../src/shared/filterMatch';

const fields: FilterFields = {
  size: 4,
  classes: ['cat', 'dog', 'guinea pig'],
  labelKind: 'classes',
  labels: [0, 1, 2, 0],
  predictions: { predicted: [0, 1, 2, 0], loss: [1, 2, 3, 4], confidence: [1, 1, 1, 1] },
  forget: new Set(),
  columns: new Map([
    ['age', { kind: 'number', values: [1, 2, 3, 4] }],
    ['source page', { kind: 'text', values: ['web b', 'web a', 'web a', 'lab'] }],
    ['loss', { kind: 'text', values: ['x', 'y', 'x', 'y'] }],
  ]),
};

/** The suggestions where `|` stands, and the text with the first of them. */
function complete(text: string, among = fields): { readonly inserts: string[]; readonly first: string } {
  const caret = text.indexOf('|');
  const plain = text.replace('|', '');
  const { from, to, items } = completeFilter(plain, caret, among);
  return {
    inserts: items.map(item => item.insert),
    first: plain.slice(0, from) + (items[0]?.insert ?? '') + plain.slice(to),
  };
}

describe('completing a filter', () => {
  it('offers every condition and column to begin with', () => {
    assert.deepEqual(complete('|').inserts, [
      'wrong',
      'right',
      'forget',
      'label:',
      'pred:',
      'loss>',
      'confidence>',
      'index:',
      'age>',
      '"source page":',
      '"loss":',
    ]);
  });

  it('completes the word before the caret and keeps the rest', () => {
    assert.deepEqual(complete('label:3 wr| loss>2'), { inserts: ['wrong'], first: 'label:3 wrong loss>2' });
    assert.equal(complete('-(wrong or -la|)').first, '-(wrong or -label:)');
    assert.deepEqual(complete('"so|').inserts, ['"source page":']);
  });

  it('offers classes and texts as values, quoted where they must be', () => {
    assert.deepEqual(complete('label:|').inserts, ['cat', 'dog', '"guinea pig"']);
    assert.equal(complete('pred:gu|').first, 'pred:"guinea pig"');
    assert.equal(complete('label:cat,do|').first, 'label:cat,dog');
    assert.deepEqual(complete('"source page":|').inserts, ['"web a"', '"web b"', 'lab']);
    assert.deepEqual(complete('"source page":"web a|').inserts, ['"web a"']);
    assert.deepEqual(complete('age:|').inserts, []);
  });

  it('offers nothing that the data cannot answer', () => {
    const bare = {
      ...fields,
      predictions: null,
      labelKind: 'none' as const,
      labels: null,
      columns: new Map(),
    };
    assert.deepEqual(complete('|', bare).inserts, ['forget', 'index:']);
  });

  it('offers only what is a filter once a name has its value', () => {
    const start = fc.constantFrom(
      '',
      '-',
      '(',
      'wrong or ',
      'label:',
      'label:dog,',
      'pred:c',
      '"source page":',
      'l',
      '"',
    );
    fc.assert(
      fc.property(start, text => {
        const { from, items } = completeFilter(text, text.length, fields);
        for (const { insert } of items) {
          const value = /[:>]$/.exec(insert) ? (/age|loss>|confidence|index/.test(insert) ? '1' : 'cat') : '';
          const whole = text.slice(0, from) + insert + value + (text.startsWith('(') ? ')' : '');
          assert.doesNotThrow(() => bindFilter(parseFilter(whole), fields), whole);
        }
      }),
      { seed: 17 },
    );
  });
});
