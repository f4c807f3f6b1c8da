import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bindDataset } from '../../src/data/bind';
import type { InputSignature } from '../../src/data/dataset';
import { DataError } from '../../src/data/errors';
import { datasetOfArrays } from '../../src/data/npzDataset';
import { openDataset } from '../../src/data/open';
import { resizeBatch } from '../../src/data/resize';
import type { DType } from '../../src/tensor/dtype';
import { allocate, elementCount, float32, int64, type Tensor } from '../../src/tensor/tensor';
import { expected, fixture, sample } from './fixtures';

function input(dims: InputSignature['dims'], dtype: DType = 'float32', name = 'image'): InputSignature {
  return { name, dtype, dims };
}

/** Arrays whose elements count upwards from 0, as a dataset. */
function counting(arrays: Record<string, [DType, ...number[]]>, path = '/data/train.npz') {
  const entries = Object.entries(arrays).map(([name, [dtype, ...dims]]): [string, Tensor] => {
    const data = allocate(dtype, elementCount(dims));
    for (let index = 0; index < data.length; index++) {
      data[index] =
        data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(index) : index % 200;
    }
    return [name, { dtype, dims, data }];
  });
  return datasetOfArrays(path, new Map(entries), 'labels' in arrays ? {} : { labels: [] });
}

function rejects(message: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof DataError, String(error));
    assert.equal(error.message, message);
    return true;
  };
}

describe('bindDataset', () => {
  it('scales and normalises as NumPy does in float32, and turns channels to the front', async () => {
    const data = await openDataset(fixture('deflated.npz'));
    const indices = [0, 1, 2, 3, 4, 5];
    const close = (actual: Tensor, key: string): void => {
      const wanted = expected<number[]>(key);
      assert.equal(actual.data.length, wanted.length);
      actual.data.forEach((value, index) => {
        // One rounding here; in NumPy's float32 up to four, the first of which the division by std enlarges.
        assert.ok(
          Math.abs(Number(value) - wanted[index]!) <= 14 * 2 ** -24 * Math.max(1, Math.abs(wanted[index]!)),
          `${key}[${index}]`,
        );
      });
    };
    const asStored = bindDataset(data, [input(['N', 5, 7, 3])], { scale: 1 / 255 });
    const scaled = (await asStored.read(indices)).inputs[0]!;
    assert.deepEqual([scaled.dtype, ...scaled.dims], ['float32', 6, 5, 7, 3]);
    close(scaled, 'scaled');

    const turned = bindDataset(data, [input(['N', 3, 5, 7])], {
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    });
    const batch = await turned.read(indices);
    assert.deepEqual(batch.inputs[0]!.dims, [6, 3, 5, 7]);
    close(batch.inputs[0]!, 'normalizedChw');
    assert.deepEqual(batch.labels, [int64([6], [0, 1, 2, 0, 1, 2])]);
    assert.deepEqual(turned.warnings, []);
  });

  it('gives the same numbers for any choice of samples', async () => {
    const data = await openDataset(fixture('deflated.npz'));
    const bound = bindDataset(data, [input(['N', 3, 5, 7])], { scale: 0.5, mean: [1, 2, 3] });
    const all = (await bound.read([0, 1, 2, 3, 4, 5])).inputs[0]!;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1 }), async indices => {
        const some = (await bound.read(indices)).inputs[0]!;
        indices.forEach((index, position) => {
          assert.deepEqual(
            some.data.slice(position * 105, (position + 1) * 105),
            all.data.slice(index * 105, (index + 1) * 105),
          );
        });
      }),
      { seed: 4, numRuns: 30 },
    );
  });

  it('resizes as PyTorch does with antialiasing', async () => {
    const data = await openDataset(fixture('deflated.npz'));
    const stored = (await data.read([0, 1, 2, 3, 4, 5])).inputs[0]!;
    const floats = float32(stored.dims, Float32Array.from(stored.data, Number));
    for (const [height, width] of [
      [3, 4],
      [9, 8],
      [5, 3],
    ] as const) {
      const wanted = expected<number[]>(`resized-${height}x${width}`);
      const bound = bindDataset(data, [input(['N', 3, height, width])], {
        resize: [height, width],
        scale: 1,
      });
      const bytes = (await bound.read([0, 1, 2, 3, 4, 5])).inputs[0]!;
      const exact = resizeBatch(floats, 'hwc', height, width);
      assert.deepEqual(exact.dims, [6, height, width, 3]);
      wanted.forEach((value, index) => {
        // Each of the two passes rounds bytes to the nearest whole number.
        assert.ok(Math.abs(Number(bytes.data[index]) - value) <= 1.001, `${height}x${width} byte ${index}`);
        const [n, c, rest] = [
          Math.floor(index / (3 * height * width)),
          Math.floor(index / (height * width)) % 3,
          index % (height * width),
        ];
        const place = (n * height * width + rest) * 3 + c;
        assert.ok(Math.abs(Number(exact.data[place]) - value) <= 2e-3, `${height}x${width} float ${index}`);
      });
    }
    const square = bindDataset(data, [input(['N', 3, 4, 4])], { resize: 4 });
    assert.deepEqual((await square.read([0])).inputs[0]!.dims, [1, 3, 4, 4]);
  });

  const shapes: [string, number[], InputSignature['dims'], number[]][] = [
    ['keeps what fits', [3, 8, 9], ['N', 3, 8, 9], [3, 8, 9]],
    ['adds a channel axis in front', [28, 28], ['N', 1, 28, 28], [1, 28, 28]],
    ['adds a channel axis at the end', [28, 28], ['N', 28, 28, 1], [28, 28, 1]],
    ['adds a channel axis where sizes are free', [28, 28], [null, 1, 'h', 'w'], [1, 28, 28]],
    ['adds a feature axis', [], ['N', 1], [1]],
    ['drops an axis of size 1', [1, 28, 28], ['N', 28, 28], [28, 28]],
    ['moves an axis of size 1', [28, 28, 1], ['N', 1, 28, 28], [1, 28, 28]],
    ['flattens', [28, 28], ['N', 784], [784]],
    ['restores a flat image', [784], ['N', 1, 28, 28], [1, 28, 28]],
    ['turns channels to the end', [3, 8, 9], ['N', 8, 9, 3], [8, 9, 3]],
    ['takes what it is given where nothing is declared', [3, 8], null, [3, 8]],
  ];
  for (const [what, stored, declared, wanted] of shapes) {
    it(`${what}: ${stored.join(' × ')} for ${declared === null ? 'any' : declared.join(' × ')}`, async () => {
      const data = counting({ x: ['float32', 3, ...stored] });
      const bound = bindDataset(data, [input(declared)], { scale: 1 });
      assert.deepEqual((await bound.read([2, 0])).inputs[0]!.dims, [2, ...wanted]);
      assert.deepEqual(bound.warnings, []);
    });
  }

  it('turns pixels, not only dims', async () => {
    const data = counting({ x: ['int32', 1, 2, 5, 3] });
    const front = (await bindDataset(data, [input(['N', 3, 2, 5])], null).read([0])).inputs[0]!;
    assert.deepEqual([...front.data.slice(0, 4)], [0, 3, 6, 9]);
    const back = counting({ x: ['int32', 1, 3, 2, 5] });
    const last = (await bindDataset(back, [input(['N', 2, 5, 3])], null).read([0])).inputs[0]!;
    assert.deepEqual([...last.data.slice(0, 4)], [0, 10, 20, 1]);
    const forced = (await bindDataset(data, [input([null, null, null, null])], { layout: 'nchw' }).read([0]))
      .inputs[0]!;
    assert.deepEqual(forced.dims, [1, 3, 2, 5]);
  });

  it('says so when it had to guess where an axis belongs', async () => {
    const data = counting({ x: ['float32', 2, 5, 7] });
    const bound = bindDataset(data, [input([null, null, null, null])], { scale: 1 });
    assert.deepEqual((await bound.read([0])).inputs[0]!.dims, [1, 1, 5, 7]);
    assert.deepEqual(bound.warnings, [
      'train.npz: array x: an axis of size 1 was added, 5 × 7 became 1 × 5 × 7; the model does not say where its channels are.',
    ]);
  });

  it('warns when values look unscaled, once, and not when they are scaled', async () => {
    const bytes = counting({ x: ['uint8', 2, 30] });
    assert.deepEqual(bindDataset(bytes, [input(['N', 30])], null).warnings, [
      "train.npz: x holds bytes (0 to 255), which go to the model's input image unscaled. If the model was trained on scaled values, set preprocess.scale (0.00392156862745098 for 0 to 1).",
    ]);
    assert.deepEqual(bindDataset(bytes, [input(['N', 30], 'uint8')], null).warnings, []);
    const floats = bindDataset(counting({ x: ['float32', 2, 30] }), [input(['N', 30])], null);
    assert.deepEqual(floats.warnings, []);
    await floats.read([0]);
    await floats.read([1]);
    assert.deepEqual(floats.warnings, [
      "train.npz: x holds values up to 29, which go to the model's input image unscaled. If the model was trained on scaled values, set preprocess.scale, mean or std.",
    ]);
  });

  it('feeds several inputs by name whatever their order, else by order', async () => {
    const data = counting({ ids: ['int32', 2, 4], pixels: ['uint8', 2, 5, 7] });
    const ids = input(['N', 4], 'int64', 'ids');
    const pixels = input(['N', 1, 5, 7], 'float32', 'pixels');
    const bound = bindDataset(data, [pixels, ids], { scale: 2 });
    const batch = await bound.read([1]);
    assert.deepEqual(
      batch.inputs.map(tensor => [tensor.dtype, ...tensor.dims]),
      [
        ['float32', 1, 1, 5, 7],
        ['int64', 1, 4],
      ],
    );
    assert.deepEqual([...batch.inputs[1]!.data], [4n, 5n, 6n, 7n]);
    assert.equal(batch.inputs[0]!.data[0], 70);
    const ordered = bindDataset(
      data,
      [input(['N', 4], 'int64', 'a'), input(['N', 1, 5, 7], 'float32', 'b')],
      { scale: 1 },
    );
    assert.deepEqual((await ordered.read([0])).inputs[0]!.dims, [1, 4]);
  });

  it('feeds columns of a table to inputs of their names', async () => {
    const data = await openDataset(sample('sine-poisoned', 'train.csv'));
    const one = await bindDataset(data, [input(['batch', 1])], null).read([0, 54]);
    assert.deepEqual(one.inputs[0]!.dims, [2, 1]);
    const two = await bindDataset(
      data,
      [input([null, 1], 'float32', 'y'), input([null], 'float64', 'x')],
      null,
    ).read([0]);
    assert.deepEqual(
      two.inputs.map(tensor => [...tensor.dims]),
      [[1, 1], [1]],
    );
    assert.equal(two.inputs[1]!.data[0], 8.093753814697266);
  });

  it('casts to the element type of the input', async () => {
    const data = counting({ x: ['uint8', 1, 3] });
    const half = (await bindDataset(data, [input(['N', 3], 'float16')], { scale: 0.5 }).read([0])).inputs[0]!;
    assert.deepEqual([...half.data], [0, 0x3800, 0x3c00]);
    const double = (await bindDataset(data, [input(['N', 3], 'float64')], { scale: 0.1 }).read([0]))
      .inputs[0]!;
    assert.deepEqual([...double.data], [0, 0.1, 0.2]);
  });

  it('gives MNIST as the sample model wants it', async () => {
    const data = await openDataset('train.npz', sample('mnist-mislabelled'));
    const bound = bindDataset(data, [input(['batch', 1, 28, 28])], { scale: 1 / 255 });
    const batch = await bound.read([3, 17]);
    const stored = await data.read([3, 17]);
    assert.deepEqual(batch.inputs[0]!.dims, [2, 1, 28, 28]);
    assert.deepEqual(
      [...batch.inputs[0]!.data],
      [...stored.inputs[0]!.data].map(value => Math.fround(Number(value) / 255)),
    );
    assert.deepEqual(batch.labels[0], int64([2], [1, 2]));
  });

  describe('says what does not fit', () => {
    const train = counting({ images: ['uint8', 4, 28, 28], labels: ['int64', 4] });
    const cases: [string, () => unknown, string][] = [
      [
        'a shape',
        () => bindDataset(train, [input(['N', 3, 32, 32])], null),
        "train.npz: array images gives samples of shape 28 × 28; the model's input image expects 3 × 32 × 32. Check that this is the data the model was trained on, or set preprocess.resize or preprocess.layout.",
      ],
      [
        'the number of inputs',
        () => bindDataset(train, [input(['N', 4], 'float32', 'a'), input(['N', 4], 'float32', 'b')], null),
        'train.npz has 1 input array (images), but the model has 2 inputs (a, b). Name the arrays to feed, in order, with data.inputs.',
      ],
      [
        'a list of the wrong length',
        () => bindDataset(train, [input(['N', 1, 28, 28])], { mean: [1, 2, 3] }),
        'preprocess.mean has 3 values, but train.npz: array images has 1 channel. Give one number, or one per channel.',
      ],
      [
        'a division by 0',
        () => bindDataset(train, [input(null)], { std: 0 }),
        'preprocess.std holds 0, by which nothing can be divided.',
      ],
      [
        'a wrong size',
        () => bindDataset(train, [input(null)], { resize: 0.5 }),
        'preprocess.resize must be a whole number of pixels, or [height, width].',
      ],
      [
        'a text input',
        () => bindDataset(train, [input(['N'], 'string', 'words')], null),
        "The model's input words takes text, which Lethe cannot feed.",
      ],
      [
        'an input without a batch axis',
        () => bindDataset(train, [input([], 'float32', 'x')], null),
        "The model's input x is a single number without a batch axis, so samples cannot be fed to it.",
      ],
    ];
    for (const [what, act, message] of cases) {
      it(what, () => assert.throws(act, rejects(message)));
    }

    it('resizing of what is no picture', () => {
      assert.throws(
        () => bindDataset(counting({ x: ['float32', 2, 9] }), [input(null)], { resize: 3 }),
        rejects(
          'train.npz: array x gives samples of shape 9, in which height and width cannot be told apart from other axes. Leave out preprocess.resize, or store images as height × width × channels.',
        ),
      );
    });

    it('NaN', async () => {
      const data = datasetOfArrays('/data/train.npz', new Map([['x', float32([2, 2], [0, 1, NaN, 3])]]), {
        labels: [],
      });
      const bound = bindDataset(data, [input(['N', 2])], null);
      await bound.read([0]);
      await assert.rejects(
        bound.read([0, 1]),
        rejects('train.npz: array x: sample 1 holds NaN. Remove or correct it.'),
      );
    });

    it('fractions and large numbers for whole-number inputs', async () => {
      const data = datasetOfArrays('/data/train.npz', new Map([['x', float32([2, 1], [300, 2.5])]]), {
        labels: [],
      });
      const ids = bindDataset(data, [input(['N', 1], 'int64')], null);
      assert.deepEqual([...(await ids.read([0])).inputs[0]!.data], [300n]);
      await assert.rejects(
        ids.read([1]),
        rejects("train.npz: array x: sample 1 holds 2.5, which the model's element type int64 cannot hold."),
      );
      const bytes = bindDataset(data, [input(['N', 1], 'uint8')], null);
      await assert.rejects(
        bytes.read([0]),
        rejects("train.npz: array x: sample 0 holds 300, which the model's element type uint8 cannot hold."),
      );
    });

    it('samples that are not there', async () => {
      const bound = bindDataset(train, [input(['N', 1, 28, 28])], null);
      await assert.rejects(
        bound.read([4]),
        rejects('Sample 4 is not in /data/train.npz, whose 4 samples are numbered 0 to 3.'),
      );
    });

    it('columns of text', async () => {
      const data = counting({ x: ['float32', 2, 3], y: ['float32', 2, 3] });
      const named = datasetOfArrays(
        '/data/a.npz',
        new Map<string, never>([
          ['x', (await data.read([0, 1])).inputs[0] as never],
          ['colour', { dtype: 'string', dims: [2], values: ['red', 'blue'] } as never],
        ]),
        { labels: [] },
      );
      assert.throws(
        () => bindDataset(named, [input(['N', 3], 'float32', 'x'), input(['N'], 'float32', 'colour')], null),
        rejects(
          "a.npz: column colour holds text (sample 0: 'red'), but the model's input colour takes numbers.",
        ),
      );
    });
  });
});
