// Saving changed tensors: only their bytes change, in every encoding.
import assert from 'node:assert/strict';
import {
  appendFileSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  lstatSync,
  mkdirSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ByteRange, OnnxModel } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { saveModel } from '../../src/onnx/writer';
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
  type DType,
} from '../../src/tensor/dtype';
import { Random } from '../../src/tensor/random';
import { elementCount } from '../../src/tensor/tensor';
import {
  copyTo,
  expected,
  field,
  fixture,
  image,
  inFolder,
  modelAround,
  runOrt,
  sample,
  tensorNamed,
  text,
  valuesOf,
} from './support';

const fixedForms = [
  'cnn-raw',
  'cnn-float-data',
  'cnn-float16-raw',
  'cnn-bfloat16-raw',
  'cnn-constants',
  'cnn-ir3',
  'double',
  'branches',
  'functions',
];
const varintForms = ['cnn-float16-int32', 'cnn-bfloat16-int32'];

/** New values for every other tensor that the fixture names, of magnitudes from 1e-6 to 10. */
function someChanges(model: OnnxModel, names: readonly string[], seed = 1): Map<string, Float64Array> {
  const random = new Random(seed);
  const chosen = names.filter((_, index) => index % 2 === 0);
  return new Map(
    chosen.map(name => [
      name,
      Float64Array.from(
        { length: elementCount(tensorNamed(model, name).dims) },
        () => random.normal() * 10 ** (1 - random.integer(8)),
      ),
    ]),
  );
}

function rounded(dtype: DType, value: number): number {
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float16') return float16ToNumber(numberToFloat16(value));
  return dtype === 'bfloat16' ? bfloat16ToNumber(numberToBfloat16(value)) : value;
}

function checkSaved(
  before: OnnxModel,
  path: string,
  names: readonly string[],
  changes: Map<string, Float64Array>,
): OnnxModel {
  const after = readModel(path);
  for (const name of names) {
    const values = changes.get(name);
    const { dtype } = tensorNamed(before, name);
    const wanted = values ? values.map(value => rounded(dtype, value)) : valuesOf(before, name);
    assert.deepEqual(valuesOf(after, name), wanted, name);
  }
  assert.deepEqual(after.metadata, before.metadata);
  return after;
}

/** Asserts that two byte strings are equal but for the given ranges, and differ somewhere in each of them. */
function assertOnlyDiffers(a: Buffer, b: Buffer, ranges: readonly ByteRange[]): void {
  assert.equal(a.length, b.length);
  const inside = new Uint8Array(a.length);
  for (const range of ranges) inside.fill(1, range.offset, range.offset + range.length);
  for (let index = 0; index < a.length; index++) {
    if (!inside[index] && a[index] !== b[index]) assert.fail(`byte ${index} differs`);
  }
  for (const { offset, length } of ranges) {
    assert.notDeepEqual(a.subarray(offset, offset + length), b.subarray(offset, offset + length));
  }
}

describe('saveModel', () => {
  for (const form of [...fixedForms, ...varintForms]) {
    it(`changes only the tensors' bytes of ${form}`, async () => {
      await inFolder(async folder => {
        const names = Object.keys(expected[form]!);
        const source = fixture(`${form}.onnx`);
        const before = readModel(source);
        const changes = someChanges(before, names);
        const target = join(folder, 'new.onnx');
        saveModel(before, changes, target);
        const after = checkSaved(before, target, names, changes);
        const [a, b] = [readFileSync(source), readFileSync(target)];
        if (!varintForms.includes(form)) {
          assertOnlyDiffers(
            a,
            b,
            [...changes.keys()].flatMap(name => tensorNamed(before, name).ranges),
          );
        } else assert.notEqual(a.length, b.length);
        if (form.startsWith('cnn') && !form.includes('bfloat16')) {
          const input = before.graph.inputs[0]!.name;
          const logits = await runOrt(target, { [input]: image });
          assert.ok(logits.length === 10 && logits.every(value => Number.isFinite(value)));
          assert.notDeepEqual(logits, await runOrt(source, { [input]: image }));
        }
        // The old values put back give the old file, lengths and all.
        const back = new Map([...changes.keys()].map(name => [name, valuesOf(before, name)]));
        saveModel(after, back, target);
        assert.deepEqual(readFileSync(target), a);
      });
    });
  }

  it('keeps fields that nobody knows', async () => {
    await inFolder(folder => {
      const path = copyTo(folder, 'cnn-float16-int32.onnx');
      appendFileSync(path, text(777, 'a field of the future'));
      const model = readModel(path);
      const names = Object.keys(expected['cnn-float16-int32']!);
      const changes = someChanges(model, names);
      saveModel(model, changes, path);
      checkSaved(readModel(fixture('cnn-float16-int32.onnx')), path, names, changes);
      assert.ok(readFileSync(path).toString('latin1').endsWith('a field of the future'));
    });
  });

  it('patches unpacked and split payloads', async () => {
    await inFolder(folder => {
      const path = join(folder, 'm.onnx');
      // float16 in int32_data: one element alone, two packed, two alone.
      const header = [field(1, 2, [5]), field(2, 0, [10]), text(8, 'w')];
      const payload = [field(5, 0, [5]), field(5, 2, [6, 7]), field(5, 0, [200, 1]), field(5, 0, [8])];
      writeFileSync(path, modelAround([...header, ...payload]));
      const model = readModel(path);
      const changes = new Map([['w', Float64Array.of(1, -2, 2 ** -24, 0, 0.5)]]);
      saveModel(model, changes, path);
      assert.deepEqual(valuesOf(readModel(path), 'w'), changes.get('w'));
      const doubles = (...values: number[]): Buffer => Buffer.from(Float64Array.from(values).buffer);
      const wide = [field(10, 1, doubles(1)), field(10, 1, doubles(2)), field(10, 2, doubles(3, 4, 5))];
      writeFileSync(path, modelAround([field(1, 2, [5]), field(2, 0, [11]), text(8, 'w'), ...wide]));
      const before = readFileSync(path);
      const wideModel = readModel(path);
      const values = Float64Array.of(-1, 2, 1e300, 0.1, 5);
      saveModel(wideModel, new Map([['w', values]]), path);
      assert.deepEqual(valuesOf(readModel(path), 'w'), values);
      assertOnlyDiffers(before, readFileSync(path), tensorNamed(wideModel, 'w').ranges);
    });
  });

  it('keeps the digits of float64 elements whose float32 value did not change', async () => {
    await inFolder(folder => {
      const model = readModel(fixture('double.onnx'));
      const values = Float32Array.from(valuesOf(model, 'w'));
      values[2] = 42;
      const target = join(folder, 'd.onnx');
      saveModel(model, new Map([['w', values]]), target);
      const wanted = valuesOf(model, 'w');
      wanted[2] = 42;
      assert.deepEqual(valuesOf(readModel(target), 'w'), wanted);
    });
  });

  it('saves the MNIST sample so that ONNX Runtime sees the new weights and no other byte changes', async () => {
    await inFolder(async folder => {
      const source = sample('mnist-mislabelled');
      const model = readModel(source);
      const bias = Float32Array.from({ length: 10 }, (_, index) => index);
      const target = join(folder, 'out.onnx');
      saveModel(model, new Map([['fc2.bias', bias]]), target);
      assertOnlyDiffers(readFileSync(source), readFileSync(target), tensorNamed(model, 'fc2.bias').ranges);
      const input = {
        dtype: 'float32',
        dims: [1, 1, 28, 28],
        data: new Float32Array(784).fill(0.5),
      } as const;
      const [before, after] = [
        await runOrt(source, { image: input }),
        await runOrt(target, { image: input }),
      ];
      const old = valuesOf(model, 'fc2.bias');
      after.forEach((value, index) =>
        assert.ok(Math.abs(value - before[index]! - (index - old[index]!)) < 1e-4),
      );
    });
  });

  it('turns the sample into the retrained model, byte for byte, when given its weights', async () => {
    await inFolder(folder => {
      const source = sample('mnist-mislabelled');
      const retrainedPath = join(dirname(source), 'retrained.onnx');
      const retrained = readModel(retrainedPath);
      const weights = [...retrained.graph.initializers.keys()].map(
        name => [name, Float32Array.from(valuesOf(retrained, name))] as const,
      );
      const target = join(folder, 'out.onnx');
      saveModel(readModel(source), new Map(weights), target);
      assert.ok(readFileSync(target).equals(readFileSync(retrainedPath)));
      assert.ok(!readFileSync(target).equals(readFileSync(source)));
    });
  });

  it('writes through a symbolic link and keeps permissions', async () => {
    await inFolder(folder => {
      mkdirSync(join(folder, 'real'));
      const path = copyTo(join(folder, 'real'), 'cnn-raw.onnx');
      const link = join(folder, 'link.onnx');
      symlinkSync(path, link);
      const mode = lstatSync(path).mode;
      const model = readModel(link);
      saveModel(model, someChanges(model, Object.keys(expected['cnn-raw']!)), link);
      assert.ok(lstatSync(link).isSymbolicLink());
      assert.equal(lstatSync(path).mode, mode);
      assert.notDeepEqual(readFileSync(path), readFileSync(fixture('cnn-raw.onnx')));
    });
  });

  it('refuses what cannot be saved, and changes nothing', async () => {
    await inFolder(folder => {
      const path = copyTo(folder, 'cnn-float16-raw.onnx', 'integers.onnx');
      const original = readFileSync(path);
      const model = readModel(path);
      const length = elementCount(tensorNamed(model, 'fc.bias').dims);
      const bias = (value: number): Map<string, Float32Array> =>
        new Map([['fc.bias', new Float32Array(length).fill(value)]]);
      const refused = (changes: Map<string, Float32Array>, message: RegExp, from = model): void =>
        assert.throws(() => saveModel(from, changes, path), { name: 'ModelError', message });
      refused(bias(NaN), /fc\.bias.*NaN at element 0/);
      refused(bias(65520), /65520 at element 0, which is too large for float16/);
      refused(new Map([['fc.bias', new Float32Array(3)]]), /3 new values/);
      refused(new Map([['nobody', new Float32Array(3)]]), /no stored tensor named "nobody"/);
      const integers = readModel(join(folder, 'integers.onnx'));
      refused(new Map([['i8', new Float32Array(4)]]), /type int8/, integers);
      assert.throws(() => saveModel(model, bias(1), join(folder, 'no', 'where.onnx')), {
        name: 'ModelError',
        message: /no folder/,
      });
      assert.throws(() => saveModel(model, bias(1), folder), { name: 'ModelError', message: /folder/ });
      utimesSync(path, new Date(), new Date(Date.now() + 5000));
      refused(bias(1), /changed on disk/);
      assert.deepEqual(readFileSync(path), original);
      saveModel(readModel(path), bias(65519), path);
      assert.equal(valuesOf(readModel(path), 'fc.bias')[0], 65504);
    });
  });
});
