import assert from 'node:assert/strict';
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../src/data/errors';
import { resolveForget, splitSamples, type ForgetSpec } from '../../src/data/forget';
import { openDataset } from '../../src/data/open';
import { hashSample } from '../../src/data/sampleHash';
import { parseTable } from '../../src/data/table';
import { datasetOfTable } from '../../src/data/tableDataset';
import { float32, int64 } from '../../src/tensor/tensor';
import { sample, temporaryFolder } from './fixtures';

const folder = temporaryFolder();
const text = 'x,person,age,label\n0,ann,30,0\n1,bob,40,1\n2,ann,40,1\n3,cleo,30,0\n';
const data = datasetOfTable('/data/train.csv', parseTable(text, 'train.csv'), {});

function file(name: string, content: string): ForgetSpec {
  writeFileSync(join(folder, name), content);
  return { file: name };
}

describe('resolveForget', () => {
  it('reads the samples', async () => {
    const mnist = await openDataset('train.npz', sample('mnist-mislabelled'));
    const indices = resolveForget({ file: 'forget.csv' }, mnist, sample('mnist-mislabelled'));
    assert.equal(indices.length, 100);
    assert.deepEqual(indices.slice(0, 4), [17, 18, 27, 47]);
    assert.equal(splitSamples(mnist.size, indices).retained.length, 1900);
    const sine = await openDataset('train.csv', sample('sine-poisoned'));
    assert.deepEqual(
      resolveForget({ file: 'forget.csv' }, sine, sample('sine-poisoned')),
      [50, 51, 52, 53, 54],
    );
  });

  it('gives ascending indices from a list, a file or conditions', () => {
    assert.deepEqual(resolveForget({ indices: [3, 0] }, data), [0, 3]);
    assert.deepEqual(resolveForget(file('a.csv', 'why,index\nx, 2\ny,1\n'), data, folder), [1, 2]);
    assert.deepEqual(resolveForget({ where: { person: 'ann' } }, data), [0, 2]);
    assert.deepEqual(resolveForget({ where: { person: 'ann', age: 40 } }, data), [2]);
    assert.deepEqual(resolveForget({ where: { age: '40' } }, data), [1, 2]);
    assert.deepEqual(resolveForget({ where: { label: 0 } }, data), [0, 3]);
  });

  const wrong: [string, () => ForgetSpec, string][] = [
    [
      'an index out of range in a list',
      () => ({ indices: [1, 4] }),
      'forget.indices, position 1: there is no sample 4 in train.csv, whose 4 samples are numbered 0 to 3. Correct or remove the index.',
    ],
    [
      'a negative index',
      () => ({ indices: [-1] }),
      'forget.indices, position 0: there is no sample -1 in train.csv, whose 4 samples are numbered 0 to 3. Correct or remove the index.',
    ],
    [
      'a fraction',
      () => ({ indices: [0.5] }),
      "forget.indices, position 0: '0.5' is not a whole number. Give the positions of samples in train.csv, counted from 0.",
    ],
    [
      'an index given twice',
      () => ({ indices: [2, 1, 2] }),
      'forget.indices, position 2: sample 2 was already given at forget.indices, position 0. Remove one of the two.',
    ],
    [
      'an empty list',
      () => ({ indices: [] }),
      'forget.indices names no sample to forget. Give at least one index.',
    ],
    [
      'an index out of range in a file',
      () => file('range.csv', 'index\n1\n9\n'),
      'range.csv, line 3: there is no sample 9 in train.csv, whose 4 samples are numbered 0 to 3. Correct or remove the index.',
    ],
    [
      'an index given twice in a file',
      () => file('twice.csv', 'index\n1\n2\n1\n'),
      'twice.csv, line 4: sample 1 was already given at twice.csv, line 2. Remove one of the two.',
    ],
    [
      'text for an index',
      () => file('words.csv', 'index\none\n'),
      "words.csv, line 2: 'one' is not a whole number. Give the positions of samples in train.csv, counted from 0.",
    ],
    [
      'a missing index',
      () => file('gap.csv', 'index,why\n,x\n'),
      'gap.csv, line 2: the index is missing. Give the positions of samples in train.csv, counted from 0.',
    ],
    [
      'a file without rows',
      () => file('none.csv', 'index\n'),
      'none.csv names no sample to forget. Give at least one index.',
    ],
    [
      'a file without the column',
      () => file('columns.csv', 'id,why\n1,x\n'),
      'columns.csv has no column index. Its columns are: id, why.',
    ],
    [
      'an unknown column',
      () => ({ where: { colour: 'red' } }),
      'forget.where: train.csv has no column colour. Its columns are: x, person, age, label.',
    ],
    [
      'a value that is not there',
      () => ({ where: { person: 'dave' } }),
      'forget.where matches no sample of train.csv: person = dave. Column person holds: ann, bob, cleo.',
    ],
    [
      'values that never meet',
      () => ({ where: { person: 'bob', age: 30 } }),
      'forget.where matches no sample of train.csv: person = bob and age = 30. Each may hold alone, but no sample has them all.',
    ],
    [
      'no condition',
      () => ({ where: {} }),
      'forget.where names no column. Give at least one, such as { "label": 3 }.',
    ],
  ];
  for (const [what, spec, message] of wrong) {
    it(`says what is wrong with ${what}`, () => {
      assert.throws(
        () => resolveForget(spec(), data, folder),
        error => {
          assert.ok(error instanceof DataError, String(error));
          assert.equal(error.message, message);
          return true;
        },
      );
    });
  }

  it('names a missing file', () => {
    assert.throws(
      () => resolveForget({ file: 'gone.csv' }, data, folder),
      /gone\.csv does not exist\. Check the path/,
    );
  });
});

describe('splitSamples', () => {
  it('divides all samples between retained and forgotten', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.array(fc.nat()), (size, list) => {
        const forgotten = [...new Set(list.map(value => value % size))].slice(0, size - 1);
        const split = splitSamples(size, forgotten);
        const all = [...split.retained, ...split.forgotten].sort((a, b) => a - b);
        assert.deepEqual(
          all,
          Array.from({ length: size }, (_, index) => index),
        );
        assert.deepEqual(new Set(split.forgotten), new Set(forgotten));
      }),
      { seed: 9 },
    );
  });

  it('refuses to leave nothing', () => {
    assert.throws(
      () => splitSamples(2, [0, 1]),
      /^DataError: All 2 training samples are to be forgotten, so nothing is left to retain\. Name fewer samples in forget\.$/,
    );
  });
});

describe('hashSample', () => {
  const salt = Uint8Array.of(1, 2, 3, 4);
  const batch = { inputs: [float32([2, 2], [1, 2, 3, 4])], labels: [int64([2], [0, 1])] };

  it('is the SHA-256 of salt, types, dims and bytes', () => {
    // From Python: hashlib.sha256 over each part, preceded by its length as a little-endian 64-bit integer.
    assert.equal(
      hashSample(batch, 1, salt),
      '91db31c41ddcaf2719ec133eb7266183ae8269797b75a9725b606e09723e0fb1',
    );
  });

  it('depends on the sample, not on the batch it is read in', () => {
    const alone = { inputs: [float32([1, 2], [3, 4])], labels: [int64([1], [1])] };
    assert.equal(hashSample(alone, 0, salt), hashSample(batch, 1, salt));
  });

  it('changes with salt, value, dims, type, label, and the place of an array', () => {
    const x = float32([1, 2], [3, 4]);
    const label = int64([1], [1]);
    const variants = [
      hashSample({ inputs: [x], labels: [label] }, 0, salt),
      hashSample({ inputs: [x], labels: [label] }, 0, Uint8Array.of(1, 2, 3, 5)),
      hashSample({ inputs: [float32([1, 2], [3, 5])], labels: [label] }, 0, salt),
      hashSample({ inputs: [float32([1, 2, 1], [3, 4])], labels: [label] }, 0, salt),
      hashSample(
        { inputs: [{ ...x, dtype: 'int32', data: new Int32Array(x.data.buffer) }], labels: [label] },
        0,
        salt,
      ),
      hashSample({ inputs: [x], labels: [int64([1], [2])] }, 0, salt),
      hashSample({ inputs: [x, label], labels: [] }, 0, salt),
    ];
    assert.equal(new Set(variants).size, variants.length);
  });

  it('refuses a position outside the batch', () => {
    assert.throws(() => hashSample(batch, 2, salt), RangeError);
  });
});
