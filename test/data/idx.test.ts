// IDX files: types, pairs of images and labels, gzip, and what is wrong with damaged ones.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { DataError } from '../../src/data/errors';
import { readIdx } from '../../src/data/idxDataset';
import { openDataset } from '../../src/data/open';
import { temporaryFolder } from './fixtures';

const folder = temporaryFolder();

/** An IDX file of big-endian elements. */
function idx(type: number, dims: readonly number[], elements: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + elements.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, type, dims.length]);
  dims.forEach((dim, axis) => view.setUint32(4 + 4 * axis, dim));
  bytes.set(elements, 4 + 4 * dims.length);
  return bytes;
}

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

const images = idx(8, [3, 2, 2], Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]));
const labels = idx(8, [3], Uint8Array.from([7, 0, 9]));

describe('IDX datasets', () => {
  it('find the labels beside the images, gzipped or not', async () => {
    const path = file('train-images-idx3-ubyte', images);
    file('train-labels-idx1-ubyte.gz', gzipSync(labels));
    const data = await openDataset(path);
    assert.deepEqual([data.size, data.columns, data.column('labels')], [3, ['labels'], [7, 0, 9]]);
    assert.deepEqual(data.inputs, [{ name: 'images', dtype: 'uint8', dims: [2, 2] }]);
    const batch = await data.read([2, 0]);
    assert.deepEqual([...batch.inputs[0]!.data], [8, 9, 10, 255, 0, 1, 2, 3]);
    assert.deepEqual([...batch.labels[0]!.data], [9, 7]);
    const bare = await openDataset({ path, labels: [] });
    assert.deepEqual(bare.labels, []);
  });

  it('are recognised by their first bytes, and take labels by name', async () => {
    const path = file('digits', images);
    file('truth', labels);
    assert.deepEqual((await openDataset(path)).labels, []);
    assert.deepEqual((await openDataset({ path, labels: 'truth' })).column('labels'), [7, 0, 9]);
    assert.equal((await openDataset(file('packed.idx3-ubyte.gz', gzipSync(images)))).size, 3);
  });

  it('hold every element type, big-endian', () => {
    const of = (type: number, ...bytes: number[]): unknown => {
      const { dtype, data } = readIdx(file('typed', idx(type, [1], Uint8Array.from(bytes))));
      return [dtype, Number(data[0])];
    };
    assert.deepEqual(of(0x09, 0xfe), ['int8', -2]);
    assert.deepEqual(of(0x0b, 0xff, 0x00), ['int16', -256]);
    assert.deepEqual(of(0x0c, 0, 1, 0, 2), ['int32', 65538]);
    assert.deepEqual(of(0x0d, 0xbf, 0x80, 0, 0), ['float32', -1]);
    assert.deepEqual(of(0x0e, 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18), ['float64', Math.PI]);
  });

  it('say what is wrong with a file', async () => {
    const says = (sentence: RegExp) => (error: unknown) =>
      error instanceof DataError && sentence.test(error.message);
    const at = (name: string, bytes: Uint8Array) => openDataset({ path: file(name, bytes), format: 'idx' });
    await assert.rejects(
      at('short', images.slice(0, -1)),
      says(/should be 28 bytes long .* \[3, 2, 2\], but has 27/),
    );
    await assert.rejects(at('long', Buffer.concat([images, labels])), says(/should be 28 bytes long/));
    await assert.rejects(at('text', Buffer.from('label,x\n1,2\n')), says(/is no IDX file/));
    await assert.rejects(at('head', images.slice(0, 9)), says(/ends within its header/));
    await assert.rejects(at('none', idx(8, [0, 2], new Uint8Array(0))), says(/holds no samples/));
    await assert.rejects(at('gz', Uint8Array.from([0x1f, 0x8b, 8, 0, 1])), says(/cannot be unpacked/));
    const path = file('x-images-idx3-ubyte', images);
    file('x-labels-idx1-ubyte', idx(8, [2], Uint8Array.from([1, 2])));
    await assert.rejects(openDataset(path), says(/has 3 samples, but x-labels-idx1-ubyte has 2 labels/));
  });

  it('are read or refused with a sentence, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.nat(images.length - 1), fc.nat(255), (position, byte) => {
        const damaged = images.slice();
        damaged[position] = byte;
        try {
          const { dims, data } = readIdx(file('damaged', damaged));
          assert.equal(
            data.length,
            dims.reduce((product, dim) => product * dim, 1),
          );
        } catch (error) {
          assert.ok(error instanceof DataError, String(error));
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
