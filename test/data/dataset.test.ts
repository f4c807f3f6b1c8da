import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLabels } from '../../src/data/checkLabels';
import { DataError } from '../../src/data/errors';
import { openDataset } from '../../src/data/open';
import type { DatasetSpec } from '../../src/data/spec';
import { parseTable } from '../../src/data/table';
import { datasetOfTable } from '../../src/data/tableDataset';
import { LetheError } from '../../src/shared/errors';
import { encodeNpy } from '../../src/tensor/npy';
import { encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import { float32, int64, zeros, type Tensor } from '../../src/tensor/tensor';
import { expected, fixture, sample, temporaryFolder } from './fixtures';

const folder = temporaryFolder();

function npz(name: string, arrays: Record<string, Tensor>): string {
  const path = join(folder, name);
  writeFileSync(path, encodeNpz(new Map(Object.entries(arrays))));
  return path;
}

function table(text: string, spec: Omit<DatasetSpec, 'path'> = {}) {
  return datasetOfTable('/data/train.csv', parseTable(text, 'train.csv'), spec);
}

function says(message: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof LetheError, String(error));
    assert.equal(error.message, message);
    return true;
  };
}

describe('npz datasets', () => {
  it('read the sample', async () => {
    const data = await openDataset('train.npz', sample('mnist-mislabelled'));
    assert.deepEqual([data.size, data.classes, data.columns], [2000, null, ['labels']]);
    assert.deepEqual(data.inputs, [{ name: 'images', dtype: 'uint8', dims: [28, 28] }]);
    assert.deepEqual(data.labels, [{ name: 'labels', dtype: 'int64', dims: [] }]);
    assert.deepEqual(data.column('labels').slice(0, 5), [5, 0, 4, 1, 9]);
    await checkLabels(data, 10);
    await assert.rejects(
      checkLabels(data, 9),
      says(
        'train.npz: sample 4 has the label 9, but the model has 9 classes, numbered 0 to 8. Correct the label or remove the sample.',
      ),
    );
  });

  it('keep text columns and give rows in the order asked for', async () => {
    const data = await openDataset(fixture('stored.npz'));
    assert.deepEqual(data.columns, ['labels', 'group']);
    assert.deepEqual(data.column('group'), ['a', 'a', 'b', 'b', 'c', 'c']);
    const images = expected<number[]>('images');
    const batch = await data.read([5, 0]);
    assert.deepEqual([...batch.inputs[0]!.data], [...images.slice(525), ...images.slice(0, 105)]);
    assert.deepEqual(batch.labels[0], int64([2], [2, 0]));
  });

  it('find the labels by name, else as the only one-dimensional array', async () => {
    const x = zeros('float32', [3, 2]);
    const ids = int64([3], [7, 8, 9]);
    const named = await openDataset(npz('a.npz', { ids, x, y: int64([3], [0, 1, 2]) }));
    assert.deepEqual(
      [named.labels[0]!.name, named.inputs.map(array => array.name), named.columns],
      ['y', ['x'], ['ids', 'y']],
    );
    const only = await openDataset(npz('b.npz', { x, ids }));
    assert.deepEqual([only.labels[0]!.name, only.inputs[0]!.name], ['ids', 'x']);
    const flat = await openDataset(
      npz('c.npz', { x: float32([3], [1, 2, 3]), targets: float32([3], [2, 4, 6]) }),
    );
    assert.deepEqual(
      [flat.inputs[0]!.name, flat.labels[0]!.name, flat.labels[0]!.dtype],
      ['x', 'targets', 'float32'],
    );
    const wide = await openDataset(npz('d.npz', { x, y: zeros('float32', [3, 4]) }));
    assert.deepEqual(wide.labels, [{ name: 'y', dtype: 'float32', dims: [4] }]);
  });

  it('follow the recipe where it names arrays', async () => {
    const path = npz('e.npz', {
      a: zeros('float32', [3, 2]),
      b: zeros('float32', [3, 5]),
      age: float32([3], [30, 40, 50]),
      labels: int64([3], [0, 0, 1]),
      other: zeros('float32', [9, 2]),
    });
    const all = await openDataset(path);
    assert.deepEqual(
      all.inputs.map(array => array.name),
      ['a', 'b'],
    );
    const some = await openDataset({ path: 'e.npz', inputs: ['age', 'b'], labels: 'labels' }, folder);
    assert.deepEqual(some.inputs, [
      { name: 'age', dtype: 'float32', dims: [] },
      { name: 'b', dtype: 'float32', dims: [5] },
    ]);
    assert.deepEqual((await openDataset({ path, labels: [] })).labels, []);
    await assert.rejects(
      openDataset({ path, inputs: 'c' }),
      says(
        'e.npz has no array c. Its arrays are: a (float32, 3 × 2), b (float32, 3 × 5), age (float32, 3), labels (int64, 3), other (float32, 9 × 2).',
      ),
    );
    await assert.rejects(
      openDataset({ path, inputs: 'other' }),
      says(
        'e.npz: array other has 9 samples, but array labels has 3. Inputs and labels need the same first axis.',
      ),
    );
  });

  it('number text labels by code point', async () => {
    const data = await openDataset({ path: fixture('stored.npz'), labels: 'group', inputs: 'images' });
    assert.deepEqual(data.classes, ['a', 'b', 'c']);
    assert.deepEqual((await data.read([0, 2, 4])).labels[0], int64([3], [0, 1, 2]));
  });

  it('have no labels where a single array has nothing that could be one', async () => {
    const data = await openDataset(npz('bare.npz', { x: zeros('float32', [3, 2]) }));
    assert.deepEqual([data.size, data.labels, data.inputs.map(({ name }) => name)], [3, [], ['x']]);
  });

  it('list the arrays when the labels are unclear', async () => {
    const path = npz('f.npz', {
      x: zeros('float32', [3, 2]),
      a: int64([3], [0, 1, 2]),
      b: int64([3], [0, 1, 2]),
    });
    await assert.rejects(
      openDataset(path),
      says(
        'f.npz: which array holds the labels is unclear: none is named labels, y or targets, and 2 of its arrays have one axis. ' +
          'Its arrays are: x (float32, 3 × 2), a (int64, 3), b (int64, 3). Name the labels with data.labels ([] for data without labels).',
      ),
    );
    await assert.rejects(
      openDataset(npz('g.npz', { labels: int64([2], [0, 1]) })),
      /^DataError: g\.npz has no array of 2 samples to use as input/,
    );
    await assert.rejects(
      openDataset(npz('h.npz', { labels: int64([0], []) })),
      /^DataError: h\.npz holds no samples/,
    );
  });

  it('check labels by position', async () => {
    const masks: Tensor = { dtype: 'int64', dims: [2, 2], data: BigInt64Array.of(0n, -100n, 1n, 3n) };
    const data = await openDataset(npz('masks.npz', { x: zeros('float32', [2, 2, 2]), labels: masks }));
    await checkLabels(data, 4);
    await assert.rejects(
      checkLabels(data, 3),
      /^DataError: masks\.npz: sample 1 has the label 3, but the model has 3 classes/,
    );
    const negative = await openDataset(
      npz('negative.npz', { x: zeros('float32', [2, 2]), labels: int64([2], [0, -1]) }),
    );
    await assert.rejects(checkLabels(negative, 3), /^DataError: negative\.npz: sample 1 has the label -1,/);
    const values = await openDataset(
      npz('values.npz', { x: zeros('float32', [2, 2]), y: float32([2], [1, 0.5]) }),
    );
    await assert.rejects(
      checkLabels(values, 3),
      /sample 1 has the label 0\.5, .*set the recipe's loss to mse if these are values and not classes\.$/,
    );
  });
});

describe('npy datasets', () => {
  it('read only the rows asked for, in any order', async () => {
    const path = join(folder, 'rows.npy');
    writeFileSync(
      path,
      encodeNpy(
        float32(
          [50, 3],
          Array.from({ length: 150 }, (_, index) => index),
        ),
      ),
    );
    const data = await openDataset(path);
    assert.deepEqual(
      [data.size, data.inputs, data.labels],
      [50, [{ name: 'rows', dtype: 'float32', dims: [3] }], []],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 49 })), async indices => {
        const [tensor] = (await data.read(indices)).inputs;
        assert.deepEqual(tensor!.dims, [indices.length, 3]);
        assert.deepEqual(
          [...tensor!.data],
          indices.flatMap(index => [3 * index, 3 * index + 1, 3 * index + 2]),
        );
      }),
      { seed: 5 },
    );
    await assert.rejects(
      data.read([50]),
      /Sample 50 is not in .*rows\.npy, whose 50 samples are numbered 0 to 49\./,
    );
    assert.throws(() => data.column('a'), /rows\.npy has no column a: a \.npy file holds a single array\./);
  });

  it('read other byte and axis orders', async () => {
    const fortran = await openDataset(fixture('fortran.npy'));
    assert.deepEqual(
      [...(await fortran.read([1])).inputs[0]!.data],
      [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
    );
    const big = await openDataset(fixture('be-i4.npy'));
    assert.deepEqual([...(await big.read([1])).inputs[0]!.data], [100, -128, 127]);
  });

  it('say what is wrong', async () => {
    const path = join(folder, 'short.npy');
    writeFileSync(path, encodeNpy(float32([50, 3], new Float32Array(150))).subarray(0, 600));
    await assert.rejects(
      openDataset(path),
      says(
        'short.npy should be 728 bytes long, but has only 600. It was cut off; write it again with numpy.save.',
      ),
    );
    await assert.rejects(
      openDataset(fixture('scalar.npy')),
      says('scalar.npy holds no samples: its first axis is missing or empty.'),
    );
    await assert.rejects(
      openDataset(fixture('bytes.npy')),
      says('bytes.npy holds text. Lethe needs an array of numbers as input.'),
    );
  });
});

describe('CSV datasets', () => {
  it('read the sample', async () => {
    const data = await openDataset(sample('sine-poisoned', 'train.csv'));
    assert.deepEqual([data.size, data.columns], [55, ['x', 'y']]);
    assert.deepEqual(data.inputs, [{ name: 'features', dtype: 'float32', dims: [1] }]);
    assert.deepEqual(data.labels, [{ name: 'y', dtype: 'float32', dims: [] }]);
    const batch = await data.read([0, 50]);
    assert.deepEqual(batch.inputs[0]!.data[0], 8.093753814697266);
    assert.deepEqual([...batch.labels[0]!.data], [0.9713920950889587, 1.5]);
  });

  it('handle quotes, byte order marks, CRLF, blank lines, tabs and semicolons', async () => {
    const data = table('\ufeff"a",b,"class, name",label\r\n1,2,"x, ""y""",3\r\n\r\n4,5,"two\r\nlines",6\r\n');
    assert.deepEqual(data.columns, ['a', 'b', 'class, name', 'label']);
    assert.deepEqual(data.column('class, name'), ['x, "y"', 'two\r\nlines']);
    assert.deepEqual((await data.read([1, 0])).inputs, [float32([2, 2], [4, 5, 1, 2])]);
    assert.deepEqual((await data.read([1, 0])).labels, [int64([2], [6, 3])]);
    writeFileSync(join(folder, 't.tsv'), 'a\tb\n1\t2\n');
    assert.deepEqual((await (await openDataset('t.tsv', folder)).read([0])).labels, [int64([1], [2])]);
    assert.deepEqual(table('a;b\n1.5;2\n3;4\n').column('a'), [1.5, 3]);
  });

  it('choose the label by name, exact spelling first, else the last column', () => {
    assert.equal(table('label,a,Y\n1,2,3\n').labels[0]!.name, 'label');
    assert.equal(table('a,Label,b\n1,2,3\n').labels[0]!.name, 'Label');
    assert.equal(table('TARGET,y,b\n1,2,3\n').labels[0]!.name, 'y');
    assert.equal(table('a,b\n1,2\n').labels[0]!.name, 'b');
    assert.deepEqual(table('a\n1\n').labels, []);
    assert.deepEqual(table('a,b\n1,2\n', { labels: [] }).inputs[0]!.dims, [2]);
  });

  it('number classes by code point, beyond U+FFFF too', async () => {
    const data = table('x,label\n1,\u{1f600}\n2,\uff5e\n3,b\n4,B\n');
    assert.deepEqual(data.classes, ['B', 'b', '\uff5e', '\u{1f600}']);
    assert.deepEqual((await data.read([0, 1, 2, 3])).labels[0], int64([4], [3, 2, 1, 0]));
    assert.deepEqual(data.column('label'), ['\u{1f600}', '\uff5e', 'b', 'B']);
  });

  it('keep whole numbers exact, in labels, columns and large features', async () => {
    const data = table('id,half,label\n123456789,0.5,9007199254740991\n2,1,0\n');
    assert.equal(data.inputs[0]!.dtype, 'float64');
    assert.deepEqual([...(await data.read([0])).inputs[0]!.data], [123456789, 0.5]);
    assert.equal((await data.read([0])).labels[0]!.data[0], 9007199254740991n);
    assert.deepEqual(data.column('id'), [123456789, 2]);
    assert.deepEqual((await table('x,y\n1,1.0\n2,3e0\n').read([0, 1])).labels, [int64([2], [1, 3])]);
  });

  it('leave text and unnamed columns out of the features, and take only the columns asked for', async () => {
    const data = table(',name,a,b,y\n0,ann,1,2,0\n1,bob,3,4,1\n');
    assert.deepEqual(data.columns, ['name', 'a', 'b', 'y']);
    assert.deepEqual((await data.read([0, 1])).inputs[0], float32([2, 2], [1, 2, 3, 4]));
    const some = table(',name,a,b,y\n0,ann,1,2,0\n1,bob,3,4,1\n', { inputs: ['b', 'a'], labels: 'name' });
    assert.deepEqual((await some.read([1])).inputs[0], float32([1, 2], [4, 3]));
    assert.deepEqual(some.classes, ['ann', 'bob']);
  });

  const wrong: [string, string, Omit<DatasetSpec, 'path'>, string][] = [
    [
      'a cell that is no number',
      `age,y\n${'1,2\n'.repeat(15)}n/a,2\n`,
      {},
      "train.csv, line 17, column age: expected a number, found 'n/a'. Correct the value or remove the line.",
    ],
    [
      'an empty cell',
      'age,y\n1,2\n,2\n',
      {},
      'train.csv, line 3, column age: expected a number, found nothing. Correct the value or remove the line.',
    ],
    [
      'NaN',
      'age,y\n1,2\nnan,2\n',
      {},
      "train.csv, line 3, column age: expected a number, found 'nan'. Correct the value or remove the line.",
    ],
    [
      'a label that is no number',
      'x,y\n1,2\n1,3\n1,?\n',
      {},
      "train.csv, line 4, column y: expected a number, found '?'. Correct the value or remove the line.",
    ],
    [
      'a missing class',
      'x,label\n1,a\n2,\n',
      {},
      'train.csv, line 3, column label: the label is missing. Give one or remove the line.',
    ],
    [
      'a short line',
      'a,b,c\n1,2,3\n1,2\n',
      {},
      'train.csv, line 3: 2 values, but the header names 3 columns. Quote values that contain the separator.',
    ],
    [
      'an open quote',
      'a,b\n1,"2\n3,4\n',
      {},
      'train.csv, line 3: a quote opened here or above is never closed. Close it, or double quotes inside values.',
    ],
    [
      'a quote inside a value',
      'a,b\n1,2"3\n',
      {},
      'train.csv, line 2: a quote stands in the middle of a value. Quote the whole value and double the quotes inside.',
    ],
    ['no text', '', {}, 'train.csv is empty. It needs a header line with the names of its columns.'],
    ['no rows', 'a,b\n', {}, 'train.csv holds no samples: there is nothing below its header.'],
    [
      'no header',
      '1,2\n3,4\n',
      {},
      'train.csv has no header: its first line holds 1, 2. Add a line with the names of the columns.',
    ],
    ['a column named twice', 'a,a\n1,2\n', {}, 'train.csv has two columns named a. Rename one of them.'],
    ['an unknown column', 'a,b\n1,2\n', { labels: 'c' }, 'train.csv has no column c. Its columns are: a, b.'],
    [
      'no numbers',
      'name,label\nann,1\n',
      {},
      'train.csv has no column of numbers to use as input beside its label. Its columns are: name, label. Name them with data.inputs.',
    ],
  ];
  for (const [what, text, spec, message] of wrong) {
    it(`say what is wrong with ${what}`, () => assert.throws(() => table(text, spec), says(message)));
  }

  it('give a typed error or a dataset for any mutation', async () => {
    const random = new Random(8);
    const source = 'name,a,b,label\n"x, y",1,2.5,cat\n"q""q",3,-4e2,dog\nplain,5,6,cat\n';
    const pieces = [
      '"',
      ',',
      '\n',
      '\r\n',
      '\0',
      'label',
      '1e999',
      'NaN',
      ' ',
      '\u{1f600}',
      ';',
      '0x10',
      '-',
    ];
    for (let round = 0; round < 1500; round++) {
      let text = source;
      for (let change = 0; change <= random.integer(4); change++) {
        const at = random.integer(text.length + 1);
        text =
          text.slice(0, at) + pieces[random.integer(pieces.length)]! + text.slice(at + random.integer(4));
      }
      try {
        const data = table(text);
        const batch = await data.read([data.size - 1]);
        assert.ok(batch.inputs[0]!.data.every(value => Number.isFinite(Number(value))));
        for (const column of data.columns) assert.equal(data.column(column).length, data.size);
      } catch (error) {
        assert.ok(
          error instanceof LetheError,
          `round ${round}: ${String(error)} for ${JSON.stringify(text)}`,
        );
      }
    }
  });
});

describe('openDataset', () => {
  it('finds the format by the first bytes where the name does not tell', async () => {
    writeFileSync(join(folder, 'archive'), readFileSync(fixture('deflated.npz')));
    writeFileSync(join(folder, 'array'), readFileSync(fixture('le-f4.npy')));
    assert.equal((await openDataset('archive', folder)).size, 6);
    assert.equal((await openDataset('array', folder)).size, 2);
    writeFileSync(join(folder, 'table.txt'), 'a,b\n1,2\n');
    assert.equal((await openDataset({ path: 'table.txt', format: 'csv' }, folder)).size, 1);
  });

  it('says what is wrong with a path', async () => {
    const missing = join(folder, 'missing.npz');
    await assert.rejects(
      openDataset(missing),
      says(`${missing} does not exist. Check the path; relative paths start at the recipe's folder.`),
    );
    const odd = join(folder, 'odd.xyz');
    writeFileSync(odd, 'something');
    await assert.rejects(
      openDataset(odd),
      says(
        `${odd} is in no format Lethe knows by its name or first bytes. Name its format (npz, npy, csv, tsv, jsonl, folder, manifest, idx) in the recipe's data.`,
      ),
    );
    await assert.rejects(
      openDataset({ path: odd, format: 'parquet' }),
      says(
        `The format 'parquet' of ${odd} is none that Lethe reads. Use one of: npz, npy, csv, tsv, jsonl, folder, manifest, idx.`,
      ),
    );
    const latin = join(folder, 'latin.csv');
    writeFileSync(latin, Buffer.from([0x61, 0x2c, 0xe4, 0x0a]));
    await assert.rejects(
      openDataset(latin),
      says(`${latin} is not UTF-8 text. Save it again with the encoding UTF-8.`),
    );
  });

  it('lists the columns when one is asked for that is not there', async () => {
    const data = await openDataset(fixture('stored.npz'));
    assert.throws(
      () => data.column('age'),
      error =>
        error instanceof DataError &&
        /stored\.npz has no column age\. Its columns are: labels, group\.$/.test(error.message),
    );
  });
});
