import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { bindDataset } from '../../src/data/bind';
import { checkLabels } from '../../src/data/checkLabels';
import { ImageCache } from '../../src/data/decodeImage';
import type { InputSignature } from '../../src/data/dataset';
import { DataError } from '../../src/data/errors';
import { resolveForget } from '../../src/data/forget';
import { openDataset } from '../../src/data/open';
import { int64 } from '../../src/tensor/tensor';
import { temporaryFolder } from './fixtures';

const folder = temporaryFolder();

function at(...parts: string[]): string {
  const path = join(folder, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Pixel (row, column, channel) of the test pictures. */
function pixel(row: number, column: number, channel: number): number {
  return (row * 40 + column * 17 + channel * 90) % 256;
}

function pixels(height: number, width: number, channels: number): Buffer {
  return Buffer.from(
    Array.from({ length: height * width * channels }, (_, index) =>
      pixel(Math.floor(index / (width * channels)), Math.floor(index / channels) % width, index % channels),
    ),
  );
}

async function png(path: string, height: number, width: number, channels: 1 | 3 | 4 = 3): Promise<void> {
  await sharp(pixels(height, width, channels), { raw: { width, height, channels } })
    .png()
    .toFile(path);
}

function input(...dims: (number | null)[]): InputSignature {
  return { name: 'image', dtype: 'float32', dims: [null, ...dims] };
}

function fails(pattern: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

describe('folders of class folders', () => {
  const top = join(folder, 'train');

  before(async () => {
    await png(at('train', 'zebra', 'b.png'), 4, 6);
    await png(at('train', 'zebra', 'a.PNG'), 4, 6);
    await png(at('train', 'Zoo', 'z.png'), 5, 3);
    // Sorted by whole paths, as torchvision does: 'x-y/' comes between 'x/' and 'x/w/'.
    await png(at('train', 'cat', 'x', 'w', '1.png'), 4, 6);
    await png(at('train', 'cat', 'x-y', '2.png'), 4, 6);
    await png(at('train', 'cat', 'x', '3.png'), 4, 6);
    await png(at('train', 'cat', 'own.png'), 4, 6);
    writeFileSync(at('train', 'cat', 'notes.txt'), 'no image');
    writeFileSync(at('train', 'readme.txt'), 'not a class');
  });

  it('numbers classes and files as torchvision does', async () => {
    const data = await openDataset(top);
    assert.deepEqual(data.classes, ['Zoo', 'cat', 'zebra']);
    assert.deepEqual(data.column('path'), [
      'Zoo/z.png',
      'cat/own.png',
      'cat/x/3.png',
      'cat/x-y/2.png',
      'cat/x/w/1.png',
      'zebra/a.PNG',
      'zebra/b.png',
    ]);
    assert.deepEqual(data.labels, [{ name: 'label', dtype: 'int64', dims: [] }]);
    assert.deepEqual((await data.read([6, 1])).labels, [int64([2], [2, 1])]);
    assert.deepEqual(resolveForget({ where: { label: 'zebra' } }, data), [5, 6]);
    await checkLabels(data, 3);
    await assert.rejects(
      checkLabels(data, 2),
      fails(
        /^train: sample 5 has the label 2 \(zebra\), but the model has 2 classes, numbered 0 to 1\. Correct/,
      ),
    );
  });

  it('has no labels where nothing or the recipe says so, in the same order', async () => {
    const unlabelled = await openDataset({ path: top, labels: [] });
    const labelled = await openDataset(top);
    assert.deepEqual([unlabelled.labels, unlabelled.classes, unlabelled.columns], [[], null, ['path']]);
    assert.deepEqual(unlabelled.column('path'), labelled.column('path'));
    await png(at('flat', 'b.png'), 2, 2);
    await png(at('flat', 'a.png'), 2, 2);
    const flat = await openDataset(join(folder, 'flat'));
    assert.deepEqual([flat.size, flat.labels], [2, []]);
    assert.deepEqual(flat.column('path'), ['a.png', 'b.png']);
    assert.deepEqual((await flat.read([1, 0])).labels, []);
  });

  it('gives the stored pixels, and says so when sizes differ', async () => {
    const data = await openDataset(top);
    assert.deepEqual(data.inputs, [{ name: 'image', dtype: 'uint8', dims: null }]);
    const [tensor] = (await data.read([1, 2])).inputs;
    assert.deepEqual([tensor!.dtype, ...tensor!.dims], ['uint8', 2, 4, 6, 3]);
    assert.deepEqual([...tensor!.data.slice(0, 72)].map(Number), [...pixels(4, 6, 3)]);
    await assert.rejects(
      data.read([1, 0]),
      fails(
        /z\.png has the size 5 × 3, another image read with it 4 × 6 \(height × width\)\. Set preprocess\.resize/,
      ),
    );
  });

  it('resizes each image to what the model wants, in either layout', async () => {
    const data = await openDataset(top);
    const front = bindDataset(data, [input(3, 4, 6)], { resize: [4, 6], scale: 1 });
    const back = bindDataset(data, [input(4, 6, 3)], { resize: [4, 6], scale: 1 });
    const [first] = (await front.read([0, 1])).inputs;
    const [last] = (await back.read([0, 1])).inputs;
    assert.deepEqual([first!.dtype, ...first!.dims], ['float32', 2, 3, 4, 6]);
    assert.deepEqual(last!.dims, [2, 4, 6, 3]);
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 6; column++) {
        for (let channel = 0; channel < 3; channel++) {
          assert.equal(first!.data[72 + channel * 24 + row * 6 + column], pixel(row, column, channel));
          assert.equal(last!.data[72 + (row * 6 + column) * 3 + channel], pixel(row, column, channel));
        }
      }
    }
    assert.deepEqual((await front.read([0, 1])).labels, [int64([2], [0, 1])]);
  });

  it('says which image has the wrong size', async () => {
    const data = await openDataset(top);
    const bound = bindDataset(data, [input(3, 4, 6)], { scale: 1 });
    assert.deepEqual((await bound.read([1])).inputs[0]!.dims, [1, 3, 4, 6]);
    await assert.rejects(
      bound.read([1, 0]),
      fails(
        /^train, sample 0 \(Zoo\/z\.png\) is 5 × 3 pixels \(height × width\); the model's input image expects 3 × 4 × 6\. Set preprocess\.resize to \[4, 6\]\.$/,
      ),
    );
    const free = bindDataset(data, [input(3, null, null)], { scale: 1 });
    await assert.rejects(
      free.read([1, 0]),
      fails(/^train: sample 1 has the shape 3 × 4 × 6, but sample 0 has 3 × 5 × 3\. Set preprocess\.resize/),
    );
    const odd = bindDataset(data, [input(2, 4, 6)], null);
    await assert.rejects(
      odd.read([1]),
      fails(/is an image, which has 1 or 3 channels; the model's input image expects 2\./),
    );
    assert.match(odd.warnings[0]!, /^train: image holds bytes \(0 to 255\)/);
  });

  it('says what is wrong with a folder', async () => {
    mkdirSync(at('empty', 'x'), { recursive: true });
    await assert.rejects(
      openDataset(join(folder, 'empty')),
      fails(/^The class folder empty\/x holds no image .* Add images or remove the folder\.$/),
    );
    await assert.rejects(
      openDataset(join(folder, 'empty', 'x')),
      fails(/x has no class folders\. Lethe expects one folder per class/),
    );
    writeFileSync(at('old', 'x', 'a.bmp'), '');
    await assert.rejects(
      openDataset(join(folder, 'old')),
      fails(/a\.bmp is in an image format Lethe does not read\. Convert it to PNG\.$/),
    );
    await assert.rejects(
      openDataset({ path: top, format: 'csv' }),
      fails(/train is a folder, which cannot have the format csv\.$/),
    );
  });
});

describe('image files', () => {
  it('make grey of colours by ITU-R 601, repeat grey, and drop alpha', async () => {
    await png(at('kinds', 'a', 'colour.png'), 3, 4);
    await png(at('kinds', 'a', 'grey.png'), 3, 4, 1);
    await png(at('kinds', 'a', 'opaque.png'), 3, 4, 4);
    const data = await openDataset(join(folder, 'kinds'));
    const stored = (await data.read([0, 1, 2])).inputs[0]!;
    assert.deepEqual(
      [...stored.data.slice(36, 72)],
      [...pixels(3, 4, 1)].flatMap(value => [value, value, value]),
    );
    assert.deepEqual(
      [...stored.data.slice(72)],
      [...pixels(3, 4, 4)].filter((_, index) => index % 4 !== 3),
    );

    for (const target of [input(1, 3, 4), input(3, 4, 1), input(3, 4), input(12)]) {
      const bound = bindDataset(data, [target], { scale: 1 });
      const grey = (await bound.read([0, 1])).inputs[0]!;
      assert.deepEqual(grey.dims, [2, ...target.dims!.slice(1)]);
      for (let index = 0; index < 12; index++) {
        const [r, g, b] = [0, 1, 2].map(channel => pixel(Math.floor(index / 4), index % 4, channel)) as [
          number,
          number,
          number,
        ];
        assert.ok(Math.abs(Number(grey.data[index]) - (0.299 * r + 0.587 * g + 0.114 * b)) <= 0.51);
        assert.equal(grey.data[12 + index], pixel(Math.floor(index / 4), index % 4, 0));
      }
    }
  });

  it('may be JPEG', async () => {
    const flat = { width: 16, height: 8, channels: 3 as const, background: { r: 200, g: 100, b: 50 } };
    await sharp({ create: flat })
      .jpeg({ quality: 95 })
      .toFile(at('photos', 'a', '1.jpeg'));
    const tensor = (await (await openDataset(join(folder, 'photos'))).read([0])).inputs[0]!;
    assert.deepEqual(tensor.dims, [1, 8, 16, 3]);
    tensor.data.forEach((value, index) =>
      assert.ok(Math.abs(Number(value) - [200, 100, 50][index % 3]!) <= 3),
    );
  });

  it('are named when they cannot be decoded', async () => {
    writeFileSync(at('broken', 'a', '1.png'), 'this is no picture');
    await png(at('broken', 'a', '2.png'), 30, 30);
    const data = await openDataset(join(folder, 'broken'));
    await assert.rejects(
      data.read([0]),
      fails(/1\.png cannot be decoded as an image \(.+\)\. Replace or remove the file\.$/),
    );
    assert.equal((await data.read([1])).inputs[0]!.dims[1], 30);
  });

  it('stay in the cache until it is full', async () => {
    const paths = [1, 2, 3].map(number => at('cache', `${number}.png`));
    for (const path of paths) await png(path, 10, 10);
    const cache = new ImageCache(700);
    const [a, b, c] = paths as [string, string, string];
    const first = await cache.get(a);
    await cache.get(b);
    assert.equal(await cache.get(a), first);
    await cache.get(c);
    assert.equal(await cache.get(a), first, 'used more recently than b');
    const second = await cache.get(b);
    assert.equal(await cache.get(b), second);
  });
});

describe('manifests', () => {
  before(async () => {
    await png(at('manifest', 'images', 'a.png'), 4, 6);
    await png(at('manifest', 'images', 'b.png'), 4, 6, 1);
  });

  it('name images and labels in CSV', async () => {
    writeFileSync(
      at('manifest', 'm.csv'),
      'Filename,person,label\nimages/a.png,ann,dog\nimages/b.png,bob,cat\n',
    );
    const data = await openDataset(join(folder, 'manifest', 'm.csv'));
    assert.deepEqual(data.classes, ['cat', 'dog']);
    const batch = await data.read([0, 1]);
    assert.deepEqual(batch.labels, [int64([2], [1, 0])]);
    assert.deepEqual(batch.inputs[0]!.dims, [2, 4, 6, 3]);
    assert.deepEqual(resolveForget({ where: { person: 'bob' } }, data), [1]);
  });

  it('name images and labels in JSON Lines', async () => {
    writeFileSync(
      at('manifest', 'm.jsonl'),
      '{"image": "images/a.png", "target": 3}\n\n{"image": "images/b.png", "target": 1}\n',
    );
    const data = await openDataset(join(folder, 'manifest', 'm.jsonl'));
    assert.equal(data.classes, null);
    assert.deepEqual((await data.read([0, 1])).labels, [int64([2], [3, 1])]);
    await assert.rejects(
      checkLabels(data, 3),
      fails(/^m\.jsonl: sample 0 has the label 3, but the model has 3 classes/),
    );
  });

  it('may have no labels', async () => {
    writeFileSync(at('manifest', 'bare.csv'), 'path\nimages/a.png\n');
    const data = await openDataset(join(folder, 'manifest', 'bare.csv'));
    assert.deepEqual([data.size, data.labels.length], [1, 0]);
    await assert.rejects(
      checkLabels(data, 3),
      fails(/^bare\.csv has no labels for output 1 of the model\. Name them with data\.labels\.$/),
    );
  });

  it('say which line is wrong', async () => {
    const cases: [string, string, RegExp][] = [
      [
        '1.csv',
        'image,label\nimages/a.png,0\nimages/b.png,1\nx.doc,1\n',
        /^1\.csv, line 4, column image: expected the path of an image \(.*\), found 'x\.doc'\.$/,
      ],
      [
        '2.jsonl',
        '{"image": "a.png", "label": 1}\n{"image": "a.png"}\n',
        /^2\.jsonl, line 2: label is missing\. Every line needs the same keys\.$/,
      ],
      ['3.jsonl', '{"image": "a.png", "label": 1}\n{oops\n', /^3\.jsonl, line 2 is not JSON\./],
      ['4.jsonl', '[1]\n', /^4\.jsonl, line 1 is not a JSON object\./],
      ['5.jsonl', '\n', /^5\.jsonl is empty\./],
    ];
    for (const [name, text, message] of cases) {
      writeFileSync(at('wrong', name), text);
      await assert.rejects(openDataset(join(folder, 'wrong', name)), fails(message));
    }
    writeFileSync(at('wrong', 'gone.csv'), 'image,label\nnowhere.png,1\n');
    const data = await openDataset(join(folder, 'wrong', 'gone.csv'));
    await assert.rejects(data.read([0]), fails(/nowhere\.png does not exist\. Check the path/));
    writeFileSync(at('wrong', 'none.csv'), 'a,b\n1,2\n');
    await assert.rejects(
      openDataset({ path: join(folder, 'wrong', 'none.csv'), format: 'manifest' }),
      fails(
        /^none\.csv has no column of image paths\. Name it image, path, file or filename; its columns are: a, b\.$/,
      ),
    );
  });
});
