// Files made to break a reader: each ends in one sentence, soon, and without much memory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelError } from '../../src/onnx/errors';
import type { ReadLimits } from '../../src/onnx/limits';
import { readModel } from '../../src/onnx/reader';
import { readTensor, readTensorChunks } from '../../src/onnx/readTensor';
import { storedTensors } from '../../src/onnx/storedTensors';
import { saveModel } from '../../src/onnx/writer';
import { isFloating } from '../../src/tensor/dtype';
import { Random } from '../../src/tensor/random';
import { toFloat64 } from '../../src/tensor/tensor';
import { field, fixture, inFolder, modelAround, text, varint } from './support';

const two = field(1, 0, [2]);
const floatType = field(2, 0, [1]);
const name = text(8, 'w');
const raw = (bytes: number): Buffer => field(9, 2, new Uint8Array(bytes));
const good = [two, floatType, name, raw(8)];

/** Asserts that a file is refused with one message. */
function refuses(folder: string, bytes: Uint8Array, message: RegExp, limits: Partial<ReadLimits> = {}): void {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  assert.throws(
    () => readModel(path, limits),
    (error: Error) => {
      assert.equal(error.name, 'ModelError', error.stack);
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(path));
      return true;
    },
  );
}

describe('hostile models', () => {
  it('with tensors that do not add up are refused', async () => {
    await inFolder(folder => {
      const tensor = (message: RegExp, ...fields: Uint8Array[]): void =>
        refuses(folder, modelAround(fields), message);
      tensor(/holds 12 bytes, but its dims \[2\] need 8/, two, floatType, name, raw(12));
      tensor(/holds 0 bytes, but its dims \[2\] need 8/, two, floatType, name);
      tensor(
        /negative size/,
        field(1, 0, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        floatType,
        name,
        raw(8),
      );
      const large = field(1, 0, varint(2 ** 40));
      tensor(/impossible dims/, large, large, floatType, name, raw(8));
      tensor(/holds 8 bytes, but its dims \[1099511627776\]/, large, floatType, name, raw(8));
      tensor(
        /more than 64 dims/,
        ...Array.from({ length: 65 }, () => field(1, 0, [1])),
        floatType,
        name,
        raw(4),
      );
      tensor(/element type int4, which Lethe does not know/, two, field(2, 0, [22]), name, raw(1));
      tensor(/element type undefined/, two, name, raw(8));
      tensor(/element type number 99/, two, field(2, 0, [99]), name, raw(8));
      tensor(/holds its elements twice/, ...good, field(4, 2, new Uint8Array(8)));
      tensor(/fraction of an element/, two, floatType, name, field(4, 2, new Uint8Array(7)));
      tensor(/not in float_data, where ONNX puts/, two, floatType, name, field(5, 2, [1, 1]));
      tensor(/cannot be the 2 elements/, two, field(2, 0, [6]), name, field(5, 2, [1]));
      tensor(/holds 1 strings, but its dims \[2\] need 2/, two, field(2, 0, [8]), name, text(6, 'a'));
      tensor(/stored in segments/, ...good, field(3, 2, []));
      refuses(folder, modelAround(good, field(5, 2, Buffer.concat(good))), /two initializers named "w"/);
      refuses(folder, modelAround(good, field(15, 2, [])), /sparse tensor/);
      refuses(
        folder,
        modelAround(good).subarray(0, -8),
        /does not say which version of the ONNX operators|cut short/,
      );
    });
  });

  it('with varints of the wrong number are refused when they are read', async () => {
    await inFolder(folder => {
      const path = join(folder, 'm.onnx');
      const read = (payload: readonly number[], message: RegExp): void => {
        writeFileSync(path, modelAround([two, field(2, 0, [6]), name, field(5, 2, payload)]));
        const [named] = [...storedTensors(readModel(path))];
        assert.throws(() => readTensor(named!.tensor), { name: 'ModelError', message });
      };
      read([1, 2, 3], /more than the 2 elements/);
      read([129, 1], /holds 1 elements, but its dims need 2/);
      read([1, 129], /ends in the middle of a number/);
      read([128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1], /more than ten bytes/);
    });
  });

  it('with graphs inside graphs inside graphs are refused', async () => {
    await inFolder(folder => {
      const node = (graph: Uint8Array): Buffer => {
        const attribute = Buffer.concat([text(1, 'body'), field(6, 2, graph), field(20, 0, [5])]);
        return field(1, 2, Buffer.concat([text(4, 'Loop'), field(5, 2, attribute)]));
      };
      let graph: Buffer = Buffer.alloc(0);
      for (let depth = 0; depth < 500; depth++) graph = node(graph);
      refuses(folder, modelAround(good, graph), /nested more than 100 deep/);
      let shallow: Buffer = Buffer.alloc(0);
      for (let depth = 0; depth < 20; depth++) shallow = node(shallow);
      const path = join(folder, 'shallow.onnx');
      writeFileSync(path, modelAround(good, shallow));
      assert.equal(readModel(path).graph.nodes.length, 2);
      refuses(folder, modelAround(good, shallow), /nested more than 10 deep/, { depth: 10 });
    });
  });

  it('with more of anything than the limits allow are refused', async () => {
    await inFolder(folder => {
      const nodes = Array.from({ length: 500 }, () => field(1, 2, text(4, 'Relu')));
      refuses(folder, modelAround(good, ...nodes), /more than 300 nodes/, { items: 300 });
      refuses(folder, modelAround(good, text(2, 'n'.repeat(5000))), /more than 4000 bytes/, {
        headerBytes: 4000,
      });
      const ints = field(5, 2, Buffer.concat([text(1, 'a'), field(8, 2, new Uint8Array(1000))]));
      const node = field(1, 2, Buffer.concat([text(4, 'Relu'), ints]));
      refuses(folder, modelAround(good, node), /more than 4000 bytes/, { headerBytes: 4000 });
    });
  });

  it('with values that are no tensors are refused as inputs and left out as outputs', async () => {
    await inFolder(folder => {
      const sequence = field(2, 2, field(4, 2, []));
      const value = (label: string): Buffer => Buffer.concat([text(1, label), sequence]);
      refuses(folder, modelAround(good, field(11, 2, value('s'))), /input "s" is a sequence/);
      const path = join(folder, 'model.onnx');
      writeFileSync(path, modelAround(good, field(12, 2, value('zipmap'))));
      const model = readModel(path);
      assert.deepEqual(
        model.graph.outputs.map(output => output.name),
        ['y'],
      );
      assert.match(model.warnings.join(), /output "zipmap" is a sequence/);
    });
  });

  it('that are pipes or devices are not opened', async () => {
    await inFolder(folder => {
      const pipe = join(folder, 'pipe.onnx');
      if (process.platform === 'win32') return;
      assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
      for (const path of [pipe, '/dev/zero']) {
        assert.throws(() => readModel(path), { name: 'ModelError', message: /not a regular file/ });
      }
    });
  });

  it('made by chance give a typed error or a model, soon', async () => {
    const random = new Random(20250522);
    const fixtures = readdirSync(fixture('.')).filter(file => file.endsWith('.onnx'));
    const originals = fixtures.map(file => readFileSync(fixture(file)));
    const counts = { refused: 0, read: 0, saved: 0 };
    let slowest = 0;
    await inFolder(folder => {
      writeFileSync(join(folder, 'cnn-external.bin'), readFileSync(fixture('cnn-external.bin')));
      const path = join(folder, 'mutant.onnx');
      for (let round = 0; round < 1500; round++) {
        let bytes: Buffer = Buffer.from(originals[random.integer(originals.length)]!);
        for (let change = random.integer(2); change >= 0; change--) bytes = mutate(bytes, random);
        writeFileSync(path, bytes);
        const begun = performance.now();
        try {
          use(path, counts);
        } catch (error) {
          if (!(error instanceof ModelError)) {
            assert.fail(`round ${round}: ${error instanceof Error ? error.stack : String(error)}`);
          }
          counts.refused++;
        }
        slowest = Math.max(slowest, performance.now() - begun);
      }
    });
    assert.ok(counts.refused > 200 && counts.read > 200 && counts.saved > 60, JSON.stringify(counts));
    assert.ok(slowest < 2000, `${slowest} ms`);
  }).timeout(120000);
});

/** Reads all of a model and now and then saves it, as a person would who opened it. */
function use(path: string, counts: { read: number; saved: number }): void {
  const model = readModel(path);
  counts.read++;
  const changes = new Map<string, Float64Array>();
  for (const { name: key, tensor, isValue } of storedTensors(model)) {
    if (tensor.dtype === 'string') continue;
    let sum = 0;
    for (const chunk of readTensorChunks(tensor, 16)) sum += chunk.length;
    const values = toFloat64(readTensor(tensor));
    assert.equal(sum, values.length);
    if (isValue && isFloating(tensor.dtype) && values.every(value => !Number.isNaN(value)))
      changes.set(key, values);
  }
  if (counts.read % 3 !== 0 || changes.size === 0) return;
  const original = readFileSync(path);
  const target = path.replace('.onnx', '-saved.onnx');
  saveModel(model, changes, target);
  counts.saved++;
  // The same values in the same file: nothing may change but where external data lies and how numbers are spelt.
  const again = readModel(target);
  for (const [key, values] of changes) {
    for (const named of storedTensors(again)) {
      if (
        named.name === key &&
        named.isValue &&
        named.tensor.dims.reduce((a, b) => a * b, 1) === values.length
      ) {
        assert.deepEqual(toFloat64(readTensor(named.tensor)), values);
      }
    }
  }
  assert.deepEqual(readFileSync(path), original);
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const at = random.integer(bytes.length);
  switch (random.integer(8)) {
    case 0: {
      const copy = Buffer.from(bytes);
      copy[at] = copy[at]! ^ (1 << random.integer(8));
      return copy;
    }
    case 1:
    case 5:
    case 6: {
      const copy = Buffer.from(bytes);
      copy[at] = random.integer(256);
      return copy;
    }
    case 2:
      return bytes.subarray(0, at + 1);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.integer(256)]), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + 1 + random.integer(8))),
      ]);
    default: {
      const from = random.integer(bytes.length);
      const piece = bytes.subarray(from, from + random.integer(64));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
  }
}
