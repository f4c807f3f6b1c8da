import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { LetheError } from '../../src/shared/errors';
import { allocate, elementCount, elementReader, float32, int64, type Tensor } from '../../src/tensor/tensor';
import { decodeNpy, decodeNpyArray, encodeNpy, isStringArray, NpyError } from '../../src/tensor/npy';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import type { DType } from '../../src/tensor/dtype';
import { expected, expectedKeys, fixture } from '../data/fixtures';

interface Expectation {
  dims: number[];
  values: (string | number)[];
}

const numericTypes: DType[] = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
];

const tensors = fc
  .record({
    dtype: fc.constantFrom(...numericTypes),
    dims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }),
    seed: fc.integer(),
  })
  .map(({ dtype, dims, seed }): Tensor => {
    const random = new Random(seed);
    const data = allocate(dtype, elementCount(dims));
    const bytes = new Uint8Array(data.buffer);
    for (let index = 0; index < bytes.length; index++)
      bytes[index] = random.integer(dtype === 'bool' ? 2 : 256);
    return { dtype, dims, data };
  });

function bytesOf(tensor: Tensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

function withHeader(header: string, payload = new Uint8Array(), version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const size = version === 1 ? 2 : 4;
  const result = new Uint8Array(8 + size + text.length + payload.length);
  result.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  new DataView(result.buffer).setUint16(8, text.length, true);
  result.set(text, 8 + size);
  result.set(payload, 8 + size + text.length);
  return result;
}

describe('npy', () => {
  for (const name of expectedKeys().filter(key => key.endsWith('.npy'))) {
    it(`reads ${name} as NumPy does`, () => {
      const array = decodeNpyArray(readFileSync(fixture(name)), name);
      const { dims, values } = expected<Expectation>(name);
      assert.deepEqual(array.dims, dims);
      if (isStringArray(array))
        assert.deepEqual(
          array.values,
          values.map(value => String(value).replace(/^b'(.*)'$/, '$1')),
        );
      else if (typeof values[0] === 'string') assert.deepEqual([...array.data].map(String), values);
      else
        assert.deepEqual(
          [...array.data].map((_, index) => elementReader(array)(index)),
          values,
        );
    });
  }

  it('gives back what it wrote, bit by bit', () => {
    fc.assert(
      fc.property(tensors, tensor => {
        const back = decodeNpy(encodeNpy(tensor));
        assert.equal(back.dtype, tensor.dtype);
        assert.deepEqual(back.dims, tensor.dims);
        assert.deepEqual(bytesOf(back), bytesOf(tensor));
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('aligns the elements to 64 bytes and writes bfloat16 as float32', () => {
    const encoded = encodeNpy({ dtype: 'bfloat16', dims: [2], data: Uint16Array.of(0x3f80, 0xc000) });
    assert.equal((encoded.length - 8) % 64, 0);
    assert.deepEqual(decodeNpy(encoded), float32([2], [1, -2]));
  });

  it('does not share memory with the bytes it read', () => {
    const bytes = Buffer.from(encodeNpy(float32([2], [1, 2])));
    const tensor = decodeNpy(bytes);
    bytes.fill(0);
    assert.deepEqual([...tensor.data], [1, 2]);
  });

  const whole = encodeNpy(float32([2, 3], [1, 2, 3, 4, 5, 6]));
  const cases: [string, Uint8Array, RegExp][] = [
    [
      'no bytes',
      new Uint8Array(),
      /^x\.npy ends inside its header, after 0 bytes\. The file is damaged; write it again/,
    ],
    [
      'another format',
      new TextEncoder().encode('hello world, hello'),
      /^x\.npy is not in NumPy's \.npy format/,
    ],
    ['a cut header', whole.subarray(0, 40), /^x\.npy ends inside its header, after 40 bytes/],
    [
      'cut elements',
      whole.subarray(0, 140),
      /^x\.npy should hold 24 bytes of elements \(float32, shape 2 × 3\), but only 12 are there\. .*numpy\.save/,
    ],
    [
      'version 9',
      withHeader('', new Uint8Array(20), 9),
      /^x\.npy is in version 9 of the \.npy format\. Lethe reads versions 1 to 3/,
    ],
    [
      'a broken literal',
      withHeader("{'descr': '<f4', 'shape': (1,"),
      /^x\.npy has a header that cannot be understood/,
    ],
    [
      'a missing shape',
      withHeader("{'descr': '<f4', 'fortran_order': False}"),
      /^x\.npy has a header that cannot be understood/,
    ],
    [
      'a negative dim',
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
      /header that cannot be understood/,
    ],
    [
      'a huge shape',
      withHeader("{'descr': '<f8', 'fortran_order': False, 'shape': (9007199254740991, 9)}"),
      /^x\.npy declares more elements than can be counted exactly/,
    ],
    [
      'too many axes',
      withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (${'1,'.repeat(65)})}`),
      /^x\.npy has 65 axes; Lethe reads arrays of up to 64/,
    ],
    [
      'float128',
      withHeader("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}"),
      /^x\.npy has elements of type '<f16'\. .*astype/,
    ],
    [
      'dates',
      withHeader("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}"),
      /^x\.npy has elements of type '<M8\[ns\]'/,
    ],
    [
      'a structured array',
      readFileSync(fixture('structured.npy')),
      /^x\.npy is a structured array\. .*each field as its own array/,
    ],
    [
      'Python objects',
      readFileSync(fixture('objects.npy')),
      /^x\.npy holds Python objects, which only Python can load safely/,
    ],
    ['complex numbers', readFileSync(fixture('complex.npy')), /^x\.npy has elements of type '<c8'/],
    ['text', readFileSync(fixture('bytes.npy')), /^x\.npy holds text where numbers are needed/],
  ];
  for (const [what, bytes, message] of cases) {
    it(`says what is wrong with ${what}`, () => {
      assert.throws(
        () => decodeNpy(bytes, 'x.npy'),
        error => error instanceof NpyError && message.test(error.message),
      );
    });
  }

  it('gives a typed error or an array for any mutation', () => {
    const random = new Random(5);
    const files = ['le-f4.npy', 'unicode.npy', 'fortran.npy', 'version3.npy'].map(name =>
      readFileSync(fixture(name)),
    );
    for (let round = 0; round < 4000; round++) {
      const bytes = mutate(files[round % files.length]!, random);
      try {
        const array = decodeNpyArray(bytes);
        assert.equal(
          isStringArray(array) ? array.values.length : array.data.length,
          elementCount(array.dims),
        );
      } catch (error) {
        assert.ok(error instanceof LetheError, `round ${round}: ${String(error)}`);
      }
    }
  });
});

describe('npz', () => {
  for (const name of ['stored.npz', 'deflated.npz']) {
    it(`reads ${name} as NumPy wrote it`, () => {
      const arrays = decodeNpz(readFileSync(fixture(name)), name);
      assert.deepEqual([...arrays.keys()], ['images', 'labels', name === 'stored.npz' ? 'group' : 'weight']);
      const images = arrays.get('images') as Tensor;
      assert.deepEqual([images.dtype, ...images.dims], ['uint8', 6, 5, 7, 3]);
      assert.deepEqual([...images.data], expected<number[]>('images'));
      assert.deepEqual(arrays.get('labels'), int64([6], [0, 1, 2, 0, 1, 2]));
      const group = arrays.get('group');
      if (group !== undefined)
        assert.deepEqual(isStringArray(group) && group.values, ['a', 'a', 'b', 'b', 'c', 'c']);
    });
  }

  it('gives back what it wrote, compressed or not, in the same bytes each time', () => {
    fc.assert(
      fc.property(fc.array(tensors, { maxLength: 4 }), fc.boolean(), (list, compress) => {
        const arrays = new Map(list.map((tensor, index) => [`layer.${index}/weight`, tensor]));
        const encoded = encodeNpz(arrays, { compress });
        assert.deepEqual(encodeNpz(arrays, { compress }), encoded);
        const back = decodeNpz(encoded);
        assert.deepEqual([...back.keys()], [...arrays.keys()]);
        for (const [name, tensor] of arrays)
          assert.deepEqual(bytesOf(back.get(name) as Tensor), bytesOf(tensor));
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it('reads zip64 sizes and offsets', () => {
    const tensor = float32([3], [1, 2, 3]);
    assert.deepEqual(decodeNpz(zip64(encodeNpy(tensor), 'a.npy')).get('a'), tensor);
  });

  it('passes over entries that are no arrays', () => {
    const zip = zipSync({ 'readme.txt': new Uint8Array(3), 'a.npy': encodeNpy(float32([], [4])) });
    assert.deepEqual([...decodeNpz(zip).keys()], ['a']);
  });

  const small = encodeNpz(new Map([['a', float32([100], new Float32Array(100))]]));
  const broken = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = small.slice();
    change(bytes);
    return bytes;
  };
  const directory = small.length - 22 - (46 + 'a.npy'.length);
  const bomb = encodeNpy(float32([8], new Float32Array(8)));
  const cases: [string, Uint8Array, RegExp][] = [
    [
      'a cut file',
      small.subarray(0, small.length - 10),
      /^x\.npz is not a whole ZIP file: its directory is missing\. .*numpy\.savez/,
    ],
    ['no bytes', new Uint8Array(), /^x\.npz is not a whole ZIP file/],
    [
      'a wrong checksum',
      broken(bytes => (bytes[directory + 16]! ^= 1)),
      /^x\.npz, array a is damaged: what it unpacks to/,
    ],
    [
      'an encrypted entry',
      broken(bytes => (bytes[directory + 8]! |= 1)),
      /^x\.npz: the entry a\.npy is encrypted/,
    ],
    [
      'an unknown method',
      broken(bytes => (bytes[directory + 10] = 14)),
      /^x\.npz, array a is compressed with method 14/,
    ],
    [
      'a size that disagrees with the header',
      broken(bytes => (bytes[directory + 24]! += 4)),
      /^x\.npz, array a declares 532 bytes, but its header describes 528/,
    ],
    [
      'an offset outside',
      broken(bytes => (bytes[directory + 45] = 0x40)),
      /^x\.npz is not a whole ZIP file: it ends after/,
    ],
    [
      'an entry cut inside',
      zipSync({ 'a.npy': bomb.subarray(0, 130) }),
      /^x\.npz, array a declares 130 bytes, but its header describes 160/,
    ],
  ];
  for (const [what, bytes, message] of cases) {
    it(`says what is wrong with ${what}`, () => {
      assert.throws(
        () => decodeNpz(bytes, 'x.npz'),
        error => error instanceof NpyError && message.test(error.message),
      );
    });
  }

  it('refuses to unpack more than the limit before unpacking anything', () => {
    const zeros = encodeNpz(new Map([['a', float32([250_000], new Float32Array(250_000))]]));
    assert.ok(zeros.length < 5000);
    assert.throws(
      () => decodeNpz(zeros, 'x.npz', { totalBytes: 1000 }),
      /^NpyError: x\.npz would unpack to 1000128 bytes, more than the 1000 allowed/,
    );
  });

  it('gives a typed error or arrays for any mutation', () => {
    const random = new Random(6);
    const files = [
      readFileSync(fixture('deflated.npz')),
      readFileSync(fixture('stored.npz')),
      Buffer.from(small),
    ];
    for (let round = 0; round < 1500; round++) {
      const bytes = mutate(files[round % files.length]!, random);
      try {
        for (const array of decodeNpz(bytes).values()) {
          assert.equal(
            isStringArray(array) ? array.values.length : array.data.length,
            elementCount(array.dims),
          );
        }
      } catch (error) {
        assert.ok(error instanceof LetheError, `round ${round}: ${String(error)}`);
      }
    }
  });
});

/** Changes, removes, repeats or cuts some bytes; half of the changes hit the first or last 200 bytes. */
function mutate(source: Uint8Array, random: Random): Uint8Array {
  let bytes = [...source];
  for (let change = 0; change <= random.integer(3); change++) {
    const range = Math.min(200, bytes.length);
    const near = random.integer(range);
    const at = [near, bytes.length - 1 - near, random.integer(bytes.length)][random.integer(3)]!;
    switch (random.integer(5)) {
      case 0:
        bytes[at] = random.integer(256);
        break;
      case 1:
        bytes[at]! ^= 1 << random.integer(8);
        break;
      case 2:
        bytes.splice(at, 1 + random.integer(8));
        break;
      case 3:
        bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.integer(8)));
        break;
      case 4:
        if (random.integer(4) === 0) bytes = bytes.slice(0, at);
        else bytes[at] = 0xff;
    }
    if (bytes.length === 0) break;
  }
  return Uint8Array.from(bytes);
}

/** A stored ZIP file with one entry whose sizes and offset are all in zip64 fields. */
function zip64(content: Uint8Array, name: string): Uint8Array {
  const plain = zipSync({ [name]: content }, { level: 0 });
  const plainDirectory = plain.length - 22 - 46 - name.length;
  const local = plain.subarray(0, plainDirectory);
  const entry = new Uint8Array(46 + name.length + 28);
  entry.set(plain.subarray(plainDirectory, plainDirectory + 46 + name.length));
  const view = new DataView(entry.buffer);
  for (const offset of [20, 24, 42]) view.setUint32(offset, 0xffffffff, true);
  view.setUint16(30, 28, true);
  const extra = 46 + name.length;
  view.setUint16(extra, 1, true);
  view.setUint16(extra + 2, 24, true);
  view.setBigUint64(extra + 4, BigInt(content.length), true);
  view.setBigUint64(extra + 12, BigInt(content.length), true);
  view.setBigUint64(extra + 20, 0n, true);

  const record = new Uint8Array(56 + 20 + 22);
  const end = new DataView(record.buffer);
  end.setUint32(0, 0x06064b50, true);
  end.setBigUint64(32, 1n, true);
  end.setBigUint64(48, BigInt(local.length), true);
  end.setUint32(56, 0x07064b50, true);
  end.setBigUint64(64, BigInt(local.length + entry.length), true);
  end.setUint32(76, 0x06054b50, true);
  end.setUint16(86, 0xffff, true);
  end.setUint32(92, 0xffffffff, true);
  return Uint8Array.from([...local, ...entry, ...record]);
}
