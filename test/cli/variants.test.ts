// The sample in other forms of file: half precision, and weights in a file of their own.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { clearField, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  NodeProtoSchema,
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from 'onnx-buf';
import { storedTensors } from '../../src/onnx/storedTensors';
import { readModel } from '../../src/onnx/reader';
import { numberToFloat16 } from '../../src/tensor/dtype';
import { Workplace, type Ended } from './harness';

describe('lethe run on other forms of the sample', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('sine-poisoned')));
  afterEach(() => place.remove());

  const at = (name: string): string => place.at('sine-poisoned', name);
  const source = () => fromBinary(ModelProtoSchema, readFileSync(at('model.onnx')));
  const run = (model: string): Promise<Ended> =>
    place.lethe(
      ...[
        'run',
        'sine-poisoned/recipe.unlearn.json',
        '--set',
        `model=${model}`,
        'method.epochs=4',
        'method.descentEpochs=2',
      ],
    );
  const verified = async (): Promise<void> => {
    const { code, stdout, stderr } = await place.lethe(
      'verify',
      'sine-poisoned/unlearned.report/receipt.json',
    );
    assert.equal(code, 0, stdout + stderr);
  };
  /** ONNX Runtime loads and runs it. */
  const runs = async (): Promise<void> => {
    const { code, stderr } = await place.lethe(
      ...['predict', 'sine-poisoned/unlearned.onnx', '--data', 'sine-poisoned/test.csv', '--out', 'p.npy'],
    );
    assert.equal(code, 0, stderr);
  };
  /** Positions where two files differ. */
  const differences = (a: Buffer, b: Buffer): number[] => {
    assert.equal(a.length, b.length);
    return [...a.keys()].filter(index => a[index] !== b[index]);
  };

  it('float16 weights: only their bytes change, and what is measured is what is saved', async () => {
    const model = source();
    const graph = model.graph!;
    const casts = graph.initializer.map(tensor => {
      const raw = Buffer.from(tensor.rawData!);
      const half = Buffer.alloc(raw.length / 2);
      for (let index = 0; index < raw.length / 4; index++) {
        half.writeUInt16LE(numberToFloat16(raw.readFloatLE(4 * index)), 2 * index);
      }
      tensor.rawData = half;
      tensor.dataType = TensorProto_DataType.FLOAT16;
      const name = tensor.name!;
      for (const node of graph.node)
        node.input = node.input.map(input => (input === name ? `${name}.wide` : input));
      const to = {
        name: 'to',
        i: BigInt(TensorProto_DataType.FLOAT),
        type: AttributeProto_AttributeType.INT,
      };
      return create(NodeProtoSchema, {
        opType: 'Cast',
        input: [name],
        output: [`${name}.wide`],
        attribute: [create(AttributeProtoSchema, to)],
      });
    });
    graph.node = [...casts, ...graph.node];
    writeFileSync(at('half.onnx'), toBinary(ModelProtoSchema, model));

    const { code, stderr } = await run('half.onnx');
    assert.equal(code, 0, stderr);
    const changed = differences(readFileSync(at('half.onnx')), readFileSync(at('unlearned.onnx')));
    const ranges = [...storedTensors(readModel(at('half.onnx')))].flatMap(({ tensor }) => tensor.ranges);
    assert.ok(changed.length > 1000);
    for (const index of changed) {
      assert.ok(
        ranges.some(({ offset, length }) => index >= offset && index < offset + length),
        `byte ${index}`,
      );
    }
    await runs();
    await verified();
  });

  it('external data: the original’s files stay, and the new model has its own', async () => {
    const model = source();
    const parts: Uint8Array[] = [];
    let offset = 0;
    for (const tensor of model.graph!.initializer) {
      const bytes = tensor.rawData!;
      const entries = { location: 'weights.bin', offset: String(offset), length: String(bytes.length) };
      tensor.externalData = Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      clearField(tensor, TensorProtoSchema.field.rawData);
      parts.push(bytes);
      offset += bytes.length;
    }
    writeFileSync(at('apart.onnx'), toBinary(ModelProtoSchema, model));
    writeFileSync(at('weights.bin'), Buffer.concat(parts));
    const before = place.snapshot();

    const { code, stderr } = await run('apart.onnx');
    assert.equal(code, 0, stderr);
    const after = place.snapshot();
    for (const [name, hash] of before) assert.equal(after.get(name), hash, name);
    assert.ok(
      differences(readFileSync(at('weights.bin')), readFileSync(at('unlearned.onnx.data'))).length > 1000,
    );
    await runs();
    await verified();
  });
});
