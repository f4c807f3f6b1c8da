// Weights that lie as plain numbers in Constant nodes: read, trained, and saved back in place.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModel } from '../../src/onnx/reader';
import { readTensor } from '../../src/onnx/readTensor';
import { saveModel } from '../../src/onnx/writer';
import { Engine } from '../../src/runtime/engine';
import { float32 } from '../../src/tensor/tensor';
import { field, inFolder, tensorNamed, text } from './support';

const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const numbers = [0.5, -1.5, 2.25];
const forms: Readonly<Record<string, readonly Buffer[]>> = {
  packed: [field(7, 2, Buffer.concat(numbers.map(float)))],
  'element by element': numbers.map(number => field(7, 5, float(number))),
  'in two runs': [
    field(7, 2, Buffer.concat(numbers.slice(0, 2).map(float))),
    field(7, 2, float(numbers[2]!)),
  ],
};

/** y = Mul(Mul(x, w), c), w and c in Constant nodes: w three numbers, c one. */
function modelWith(floats: readonly Buffer[]): Buffer {
  const node = (opType: string, inputs: string[], output: string, attribute?: Buffer): Buffer =>
    field(
      1,
      2,
      Buffer.concat([
        ...inputs.map(name => text(1, name)),
        text(2, output),
        text(4, opType),
        ...(attribute ? [field(5, 2, attribute)] : []),
      ]),
    );
  const dim = (content: Buffer): Buffer => field(1, 2, content);
  const shape = Buffer.concat([dim(text(2, 'N')), dim(field(1, 0, [3]))]);
  const type = field(1, 2, Buffer.concat([field(1, 0, [1]), field(2, 2, shape)]));
  const value = (name: string): Buffer => Buffer.concat([text(1, name), field(2, 2, type)]);
  const graph = Buffer.concat([
    node('Constant', [], 'w', Buffer.concat([text(1, 'value_floats'), ...floats, field(20, 0, [6])])),
    node(
      'Constant',
      [],
      'c',
      Buffer.concat([text(1, 'value_float'), field(2, 5, float(2)), field(20, 0, [1])]),
    ),
    node('Mul', ['x', 'w'], 'h'),
    node('Mul', ['h', 'c'], 'y'),
    text(2, 'g'),
    field(11, 2, value('x')),
    field(12, 2, value('y')),
  ]);
  return Buffer.concat([field(1, 0, [8]), field(7, 2, graph), field(8, 2, field(2, 0, [13]))]);
}

describe('numbers in Constant nodes', () => {
  for (const [form, floats] of Object.entries(forms))
    it(`are weights, ${form}`, () =>
      inFolder(async folder => {
        const path = join(folder, 'm.onnx');
        writeFileSync(path, modelWith(floats));
        const engine = await Engine.open(path, { include: ['c'] });
        try {
          const values = engine.initialValues();
          assert.deepEqual([...values.get('w')!], numbers);
          assert.deepEqual([...values.get('c')!], [2]);
          const x = float32([2, 3], [1, 2, 3, -1, 0.5, 4]);
          const heads = [{ output: 'y', loss: 'mse', weight: 1 }] as const;
          const batch = { inputs: [x], labels: [float32([2, 3], [0, 0, 0, 0, 0, 0])] };
          const { gradients } = await engine.lossGradient(values, batch, heads);
          // d/dw of the mean of (2 x w)² over six elements.
          numbers.forEach((number, index) => {
            const squares = (x.data[index] as number) ** 2 + (x.data[3 + index] as number) ** 2;
            assert.ok(Math.abs(gradients.get('w')![index]! - (8 * number * squares) / 6) < 1e-5);
          });
          assert.ok(gradients.get('c')![0]! > 0);
        } finally {
          await engine.close();
        }
        const plain = await Engine.open(path);
        assert.deepEqual([...plain.initialValues().keys()], ['w']);
        await plain.close();

        const saved = join(folder, 'saved.onnx');
        const model = readModel(path);
        saveModel(model, new Map([['w', Float32Array.of(7, 8, -9)]]), saved);
        const after = readModel(saved);
        assert.deepEqual([...readTensor(tensorNamed(after, 'w')).data], [7, 8, -9]);
        assert.deepEqual([...readTensor(tensorNamed(after, 'c')).data], [2]);
        const [old, now] = [readFileSync(path), readFileSync(saved)];
        assert.equal(now.length, old.length);
        const changed = [...old.keys()].filter(at => old[at] !== now[at]);
        assert.ok(changed.length > 0 && changed.length <= 12, `${changed.length} bytes changed`);
      }));
});
