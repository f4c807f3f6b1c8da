// Reading models in every form that exporters write, against the numbers that Python reads.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { isStored } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { readTensor, readTensorChunks } from '../../src/onnx/readTensor';
import {
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
  writeHollowModel,
} from './support';

const forms = Object.keys(expected).filter(name => name !== 'logits');

describe('readModel', () => {
  for (const name of forms) {
    it(`reads the tensors of ${name} as Python does`, () => {
      const model = readModel(fixture(`${name}.onnx`));
      const tensors = Object.entries(expected[name]!);
      assert.ok(tensors.length > 0);
      for (const [tensor, numbers] of tensors) {
        assert.deepEqual([...valuesOf(model, tensor)], numbers, tensor);
        for (const step of [1, 7, 1000]) {
          const chunks = [...readTensorChunks(tensorNamed(model, tensor), step)];
          assert.ok(chunks.every(chunk => chunk.length <= step));
          assert.deepEqual(
            chunks.flatMap(chunk => [...chunk]),
            numbers,
          );
        }
      }
    });
  }

  it('reads what a PyTorch export says about itself', () => {
    const model = readModel(sample('mnist-mislabelled'));
    assert.equal(model.producer, 'pytorch 1.13.0');
    assert.equal(model.irVersion, 7);
    assert.deepEqual([...model.opsets], [['', 13]]);
    assert.deepEqual(model.graph.inputs, [{ name: 'image', dtype: 'float32', dims: ['batch', 1, 28, 28] }]);
    assert.deepEqual(model.graph.outputs, [{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }]);
    assert.deepEqual(
      model.graph.nodes.map(node => node.opType),
      ['Conv', 'Relu', 'MaxPool', 'Conv', 'Relu', 'MaxPool', 'Flatten', 'Gemm', 'Relu', 'Gemm'],
    );
    assert.deepEqual(model.graph.nodes[0]!.attributes.get('pads'), { type: 'ints', value: [1, 1, 1, 1] });
    assert.deepEqual(model.graph.nodes[7]!.attributes.get('alpha'), { type: 'float', value: 1 });
    assert.deepEqual(model.warnings, []);
    assert.equal(model.metadata.size, 0);
    assert.equal(readModel(fixture('cnn-raw.onnx')).metadata.get('trained-by'), 'somebody; ünïcode');
  });

  it('keeps sub-graphs, functions, references and initializers among the inputs', () => {
    const branches = readModel(fixture('branches.onnx')).graph.nodes[0]!;
    const thenBranch = branches.attributes.get('then_branch');
    assert.ok(thenBranch?.type === 'graph');
    assert.deepEqual([...thenBranch.value.initializers.keys()], ['inner']);
    const [definition] = readModel(fixture('functions.onnx')).functions;
    assert.deepEqual(
      [definition!.domain, definition!.name, definition!.attributes],
      ['my.domain', 'Leaky', ['slope']],
    );
    assert.deepEqual(definition!.nodes[1]!.attributes.get('alpha'), { type: 'reference', value: 'slope' });
    assert.equal(readModel(fixture('cnn-ir3.onnx')).graph.inputs.length, 5);
  });

  it('clamps INT64_MAX, which ends many slices', async () => {
    await inFolder(folder => {
      const ends = Buffer.concat([
        text(1, 'ends'),
        field(8, 0, [255, 255, 255, 255, 255, 255, 255, 255, 127]),
        field(8, 2, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 5]),
        field(20, 0, [7]),
      ]);
      const node = Buffer.concat([text(1, 'x'), text(4, 'Slice'), field(5, 2, ends)]);
      const path = join(folder, 'm.onnx');
      writeFileSync(path, modelAround([field(2, 0, [1]), text(8, 'w'), field(1, 0, [0])], field(1, 2, node)));
      const attribute = readModel(path).graph.nodes[1]!.attributes.get('ends');
      assert.deepEqual(attribute, { type: 'ints', value: [Number.MAX_SAFE_INTEGER, -1, 5] });
    });
  });

  it('reads unpacked and split payloads', async () => {
    await inFolder(folder => {
      const path = join(folder, 'm.onnx');
      const float = (value: number): Buffer => {
        const bytes = Buffer.alloc(4);
        bytes.writeFloatLE(value);
        return bytes;
      };
      const name = text(8, 'w');
      // [1.5, −2] packed, 3 alone, then 4 and 5 packed.
      const floats = [
        field(1, 2, [5]),
        field(2, 0, [1]),
        field(4, 2, Buffer.concat([float(1.5), float(-2)])),
        field(4, 5, float(3)),
        name,
        field(4, 2, Buffer.concat([float(4), float(5)])),
      ];
      writeFileSync(path, modelAround(floats));
      assert.deepEqual([...valuesOf(readModel(path), 'w')], [1.5, -2, 3, 4, 5]);
      const integers = [
        field(1, 0, [4]),
        field(2, 0, [7]),
        field(7, 0, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        field(7, 0, [172, 2]),
        name,
        field(7, 2, [1, 0]),
      ];
      writeFileSync(path, modelAround(integers));
      assert.deepEqual([...valuesOf(readModel(path), 'w')], [-1, 300, 1, 0]);
    });
  });

  it('opens a model of 1 GB without reading its payloads', async () => {
    await inFolder(folder => {
      const path = join(folder, 'big.onnx');
      const count = 2 ** 28;
      writeHollowModel(path, count);
      const memory = process.memoryUsage().rss;
      const begun = performance.now();
      const model = readModel(path);
      const elapsed = performance.now() - begun;
      assert.deepEqual(tensorNamed(model, 'w').dims, [count]);
      assert.ok(elapsed < 1000, `${elapsed} ms`);
      assert.ok(process.memoryUsage().rss - memory < 100e6);
    });
  }).timeout(20000);

  it('notices the first bytes of other files, and says what they look like', async () => {
    await inFolder(folder => {
      const path = join(folder, 'model.onnx');
      const cases: [Uint8Array, RegExp][] = [
        [Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), /PNG/],
        [Buffer.from('{"a": 1}'), /JSON/],
        [Buffer.from('PK\x03\x04\x14\0\0\0', 'latin1'), /zip archive/],
        [Buffer.from('Hello, world.\n'), /text file/],
        [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'), /git lfs pull/],
        [Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /HDF5/],
        [Buffer.from('\x80\x02ctorch', 'latin1'), /pickle/],
        [new Uint8Array(0), /empty/],
        [Buffer.from([8, 7]), /no graph/],
      ];
      for (const [bytes, message] of cases) {
        writeFileSync(path, bytes);
        assert.throws(() => readModel(path), { name: 'ModelError', message });
      }
      assert.throws(() => readModel(join(folder, 'none.onnx')), {
        name: 'ModelError',
        message: /no such file/,
      });
      assert.throws(() => readModel(folder), { name: 'ModelError', message: /folder/ });
    });
  });
});

describe('emitModel', () => {
  it('gives a model that computes what the file does', async () => {
    for (const name of ['cnn-raw', 'cnn-float-data', 'cnn-constants', 'cnn-external', 'cnn-ir3']) {
      const model = readModel(fixture(`${name}.onnx`));
      const names = new Set(model.graph.initializers.keys());
      const graph = { ...model.graph, inputs: model.graph.inputs.filter(input => !names.has(input.name)) };
      const logits = await runOrt(emitModel(graph, { opsets: model.opsets }), { image });
      assert.equal(logits.length, expected.logits.length);
      logits.forEach((value, index) => assert.ok(Math.abs(value - expected.logits[index]!) < 1e-5, name));
    }
  });

  it('keeps sub-graphs and functions', async () => {
    const branches = readModel(fixture('branches.onnx'));
    const x = { dtype: 'float32', dims: [2], data: Float32Array.of(1, -4) } as const;
    const bytes = emitModel(branches.graph, { opsets: branches.opsets });
    for (const [flag, result] of [
      [1, [2, -12]],
      [0, [-1, -2]],
    ] as const) {
      const given = { dtype: 'bool', dims: [], data: Uint8Array.of(flag) } as const;
      assert.deepEqual([...(await runOrt(bytes, { x, flag: given }))], result);
    }
    const functions = readModel(fixture('functions.onnx'));
    const again = emitModel(functions.graph, functions);
    assert.deepEqual([...(await runOrt(again, { x }))], [1.5, 10]);
    assert.deepEqual(await runOrt(again, { x }), await runOrt(fixture('functions.onnx'), { x }));
  });

  it('round-trips through the reader', async () => {
    await inFolder(folder => {
      for (const name of forms) {
        const model = readModel(fixture(`${name}.onnx`));
        const path = join(folder, `${name}.onnx`);
        writeFileSync(path, emitModel(model.graph, model));
        const again = readModel(path);
        assert.deepEqual(again.graph.inputs, model.graph.inputs);
        assert.deepEqual(again.graph.outputs, model.graph.outputs);
        assert.equal(again.graph.nodes.length, model.graph.nodes.length);
        for (const [key, tensor] of model.graph.initializers) {
          const other = again.graph.initializers.get(key)!;
          assert.ok(isStored(tensor) && isStored(other));
          assert.deepEqual(readTensor(other), readTensor(tensor));
        }
      }
    });
  });
});
