// Models whose tensors lie in other files: reading, saving under another name and in place, and what is refused.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { readModel } from '../../src/onnx/reader';
import { saveModel } from '../../src/onnx/writer';
import {
  copyTo,
  expected,
  field,
  fixture,
  image,
  inFolder,
  modelAround,
  runOrt,
  text,
  valuesOf,
  varint,
} from './support';

const weights = expected['cnn-external']!;

/** New values for the two tensors in the data file and one inside the model. */
function changes(): Map<string, Float32Array> {
  const names = ['conv.weight', 'fc.weight', 'fc.bias'];
  return new Map(names.map(name => [name, Float32Array.from(weights[name]!, value => value * 2 + 1)]));
}

function checkChanged(path: string): void {
  const model = readModel(path);
  for (const name of Object.keys(weights)) {
    const wanted = changes().get(name) ?? Float32Array.from(weights[name]!);
    assert.deepEqual(Float32Array.from(valuesOf(model, name)), wanted, name);
  }
}

/** A model with one float32 tensor of two elements in an external file. */
function external(entries: Record<string, string>, ...more: Uint8Array[]): Buffer {
  const fields = Object.entries(entries).map(([key, value]) =>
    field(13, 2, Buffer.concat([text(1, key), text(2, value)])),
  );
  return modelAround(
    [field(1, 0, [2]), field(2, 0, [1]), text(8, 'w'), ...fields, field(14, 0, [1])],
    ...more,
  );
}

describe('external data', () => {
  it('is saved under another name as a file of its own', async () => {
    await inFolder(async folder => {
      const path = copyTo(folder, 'cnn-external.onnx', 'cnn-external.bin');
      const model = readModel(path);
      assert.deepEqual(model.externalFiles.length, 1);
      const other = join(folder, 'other');
      mkdirSync(other);
      const target = join(other, 'changed.onnx');
      saveModel(model, changes(), target);
      assert.deepEqual(readdirSync(other).sort(), ['changed.onnx', 'changed.onnx.data']);
      checkChanged(target);
      for (const name of ['cnn-external.onnx', 'cnn-external.bin']) {
        assert.deepEqual(readFileSync(join(folder, name)), readFileSync(fixture(name)));
      }
      // Padding between the tensors is kept, and so is their alignment.
      const [a, b] = [
        readFileSync(fixture('cnn-external.bin')),
        readFileSync(join(other, 'changed.onnx.data')),
      ];
      assert.deepEqual(b.subarray(144, 4096), a.subarray(144, 4096));
      assert.equal(a.length, b.length);
      const logits = await runOrt(target, { image });
      const inline = readModel(target);
      assert.deepEqual(await runOrt(emitModel(inline.graph, inline), { image }), logits);
      // Saved again over itself, and with nothing changed.
      saveModel(readModel(target), new Map(), target);
      checkChanged(target);
      saveModel(model, new Map(), target);
      assert.deepEqual(readFileSync(join(other, 'changed.onnx.data')), a);
    });
  });

  it('is replaced in place, and the model file only where it changed', async () => {
    await inFolder(folder => {
      const path = copyTo(folder, 'cnn-external.onnx', 'cnn-external.bin');
      const conv = new Map([['conv.weight', changes().get('conv.weight')!]]);
      saveModel(readModel(path), conv, path);
      assert.deepEqual(readFileSync(path), readFileSync(fixture('cnn-external.onnx')));
      saveModel(readModel(path), changes(), path);
      checkChanged(path);
      assert.deepEqual(readdirSync(folder).sort(), ['cnn-external.bin', 'cnn-external.onnx']);
    });
  });

  it('is not changed in place while another model uses it', async () => {
    await inFolder(folder => {
      const path = copyTo(folder, 'cnn-external.onnx', 'cnn-external.bin');
      const twin = join(folder, 'twin.onnx');
      const refused = (message: RegExp): void => {
        assert.throws(() => saveModel(readModel(path), changes(), path), { name: 'ModelError', message });
        assert.deepEqual(
          readFileSync(join(folder, 'cnn-external.bin')),
          readFileSync(fixture('cnn-external.bin')),
        );
      };
      copyFileSync(path, twin);
      refused(/twin\.onnx uses this data file too/);
      // A model that Lethe cannot read counts as well.
      writeFileSync(twin, readFileSync(path).subarray(0, -8));
      refused(/twin\.onnx uses this data file too/);
      writeFileSync(twin, 'nothing of interest');
      linkSync(join(folder, 'cnn-external.bin'), join(folder, 'second-name.bin'));
      assert.match(readModel(path).warnings.join(), /2 names on the disk/);
      refused(/2 names on the disk/);
      saveModel(readModel(path), changes(), join(folder, 'elsewhere.onnx'));
      checkChanged(join(folder, 'elsewhere.onnx'));
    });
  });

  it('of the model itself, or of another one, is never overwritten by a new name', async () => {
    await inFolder(folder => {
      writeFileSync(join(folder, 'a.onnx.data'), new Uint8Array(8));
      const path = join(folder, 'model.onnx');
      writeFileSync(path, external({ location: 'a.onnx.data' }));
      const changed = new Map([['w', Float32Array.of(1, 2)]]);
      const refused = (name: string, message: RegExp): void =>
        assert.throws(() => saveModel(readModel(path), changed, join(folder, name)), {
          name: 'ModelError',
          message,
        });
      refused('a.onnx', /data file of the model itself/);
      refused('a.onnx.data', /data file of the model itself/);
      writeFileSync(join(folder, 'b.onnx.data'), new Uint8Array(8));
      writeFileSync(join(folder, 'user.onnx'), external({ location: 'b.onnx.data' }));
      refused('b.onnx', /user\.onnx uses this data file too/);
      assert.deepEqual(readFileSync(join(folder, 'b.onnx.data')), Buffer.alloc(8));
    });
  });

  it('of several files is joined, with entries rewritten, added and removed', async () => {
    await inFolder(folder => {
      const path = join(folder, 'model.onnx');
      mkdirSync(join(folder, 'parts'));
      writeFileSync(join(folder, 'first.bin'), Buffer.from(Float32Array.of(0, 1, 2).buffer));
      writeFileSync(join(folder, 'parts', 'second.bin'), Buffer.from(Float32Array.of(3, 4).buffer));
      const entry = (key: string, value: string): Buffer =>
        field(13, 2, Buffer.concat([text(1, key), text(2, value)]));
      const second = [
        field(1, 0, [2]),
        field(2, 0, [1]),
        text(8, 'v'),
        entry('location', 'parts/second.bin'),
      ];
      const bytes = external(
        { location: 'first.bin', offset: '4', length: '8', checksum: 'a'.repeat(40) },
        field(5, 2, Buffer.concat([...second, field(14, 0, [1])])),
      );
      writeFileSync(path, bytes);
      assert.deepEqual([...valuesOf(readModel(path), 'w')], [1, 2]);
      const target = join(folder, 'joined-under-a-longer-name-than-before.onnx');
      saveModel(readModel(path), new Map([['v', Float32Array.of(5, 6)]]), target);
      const saved = readModel(target);
      assert.deepEqual(saved.externalFiles, [`${target}.data`]);
      assert.deepEqual([...valuesOf(saved, 'w'), ...valuesOf(saved, 'v')], [1, 2, 5, 6]);
      assert.ok(!readFileSync(target).includes('checksum'));
      assert.deepEqual([...valuesOf(readModel(path), 'v')], [3, 4]);
      saveModel(readModel(path), new Map([['w', Float32Array.of(8, 9)]]), path);
      assert.ok(!readFileSync(path).includes('checksum'));
      assert.deepEqual([...valuesOf(readModel(path), 'w'), ...valuesOf(readModel(path), 'v')], [8, 9, 3, 4]);
    });
  });

  it('that two tensors share is not changed', async () => {
    await inFolder(folder => {
      const path = join(folder, 'model.onnx');
      writeFileSync(join(folder, 'd.bin'), new Uint8Array(12));
      const entry = (key: string, value: string): Buffer =>
        field(13, 2, Buffer.concat([text(1, key), text(2, value)]));
      const other = [
        field(1, 0, [2]),
        field(2, 0, [1]),
        text(8, 'v'),
        entry('location', 'd.bin'),
        entry('offset', '4'),
      ];
      writeFileSync(
        path,
        external({ location: 'd.bin' }, field(5, 2, Buffer.concat([...other, field(14, 0, [1])]))),
      );
      for (const name of ['w', 'v']) {
        const changed = new Map([[name, Float32Array.of(1, 2)]]);
        assert.throws(() => saveModel(readModel(path), changed, path), {
          name: 'ModelError',
          message: /share bytes/,
        });
      }
    });
  });

  it('is refused outside the folder, and where the range makes no sense', async () => {
    await inFolder(folder => {
      const inside = join(folder, 'models');
      mkdirSync(inside);
      writeFileSync(join(folder, 'secret'), 'password');
      writeFileSync(join(inside, 'data'), new Uint8Array(16));
      mkdirSync(join(inside, 'sub'));
      symlinkSync(join(folder, 'secret'), join(inside, 'link'));
      symlinkSync(folder, join(inside, 'sub', 'up'));
      symlinkSync(join(inside, 'data'), join(inside, 'near'));
      const path = join(inside, 'model.onnx');
      const refused = (entries: Record<string, string>, message: RegExp): void => {
        writeFileSync(path, external(entries));
        assert.throws(() => readModel(path), { name: 'ModelError', message }, JSON.stringify(entries));
      };
      const places = [
        '../secret',
        'sub/../../secret',
        join(folder, 'secret'),
        '/dev/zero',
        'C:\\secret',
        '..\\secret',
      ];
      for (const location of [
        ...places,
        'file:///etc/passwd',
        'https://example.org/w',
        '',
        'a\0b',
        '\\\\host\\share',
      ]) {
        refused({ location }, /not a plain path inside/);
      }
      refused({ location: 'link' }, /leads out of the model's folder/);
      refused({ location: 'sub/up/secret' }, /leads out of the model's folder/);
      refused({ location: '.' }, /leads out|folder/);
      refused({ location: 'sub' }, /folder, not a file/);
      refused({ location: 'missing' }, /cannot be found/);
      refused({ location: 'data', offset: '-4' }, /no number of bytes/);
      refused({ location: 'data', offset: '9' }, /bytes 9 to 17 of "data", which has only 16/);
      refused({ location: 'data', offset: '9007199254740990' }, /which has only 16/);
      refused({ location: 'data', offset: '18446744073709551615' }, /no number of bytes/);
      refused({ location: 'data', length: '4' }, /4 bytes, but its dims need 8/);
      refused({ location: 'data', offset: '1e1' }, /no number of bytes/);
      for (const location of ['data', 'near', './data', 'sub/./../data'].slice(0, 3)) {
        writeFileSync(path, external({ location, offset: '8' }));
        assert.deepEqual([...valuesOf(readModel(path), 'w')], [0, 0]);
      }
    });
  });

  it('of more bytes than there are cannot be claimed', async () => {
    await inFolder(folder => {
      const path = join(folder, 'model.onnx');
      writeFileSync(join(folder, 'd'), new Uint8Array(8));
      const dims = Array.from({ length: 8 }, () => field(1, 0, varint(2 ** 31)));
      const entry = field(13, 2, Buffer.concat([text(1, 'location'), text(2, 'd')]));
      writeFileSync(path, modelAround([...dims, field(2, 0, [1]), text(8, 'w'), entry, field(14, 0, [1])]));
      assert.throws(() => readModel(path), { name: 'ModelError', message: /impossible dims/ });
    });
  });
});
