// Random initialisation by the use of each parameter.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { Engine } from '../../src/runtime/engine';
import type { FloatArray } from '../../src/tensor/dtype';
import { Random } from '../../src/tensor/random';
import { float32 } from '../../src/tensor/tensor';
import { initialise } from '../../src/unlearn/initialise';
import { layer, ModelFolder } from './tiny';

describe('random initialisation', () => {
  let folder: ModelFolder;
  beforeEach(() => (folder = new ModelFolder()));
  afterEach(() => folder.remove());

  const deviation = (values: FloatArray): number =>
    Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0) / values.length);

  it('keeps the variance through ReLU, and a linear ending at one', async () => {
    const random = new Random(1);
    const engine = await folder.engine([layer('a', 300, 100, random), layer('b', 40, 300, random)], 'Relu');
    const values = initialise(engine, new Random(0));
    assert.ok(Math.abs(deviation(values.get('a.weight')!) - Math.sqrt(2 / 100)) < 0.003);
    assert.ok(Math.abs(deviation(values.get('b.weight')!) - Math.sqrt(1 / 300)) < 0.002);
    assert.ok(values.get('a.bias')!.every(value => value === 0));
    const spread = initialise(engine, new Random(0), 'uniform').get('a.bias')!;
    assert.ok(spread.every(value => Math.abs(value) <= 0.1) && deviation(spread) > 0.04);
    assert.deepEqual(initialise(engine, new Random(0)), values);
    assert.notDeepEqual(initialise(engine, new Random(1)), values);
  });

  it('starts a batch normalisation with frozen statistics as the identity', async () => {
    const path = join(folder.path, 'norm.onnx');
    const vector = (values: number[]) => float32([2], values);
    const node = (opType: string, inputs: string[], output: string) =>
      ({ name: output, opType, domain: '', inputs, outputs: [output], attributes: new Map() }) as const;
    const info = (name: string) =>
      ({ name, dtype: 'float32', dims: ['n', 2] as (string | number)[] }) as const;
    const graph = {
      name: 'norm',
      nodes: [
        node('MatMul', ['x', 'w'], 'h'),
        node('BatchNormalization', ['h', 'scale', 'shift', 'mean', 'variance'], 'y'),
      ],
      inputs: [info('x')],
      outputs: [info('y')],
      initializers: new Map([
        ['w', float32([2, 2], [1, 2, 3, 4])],
        ['scale', vector([7, 8])],
        ['shift', vector([-1, 5])],
        ['mean', vector([2, -3])],
        ['variance', vector([4, 0.25])],
      ]),
      valueInfo: [],
    };
    writeFileSync(path, emitModel(graph, { opsets: new Map([['', 17]]) }));
    const engine = await Engine.open(path, { threads: 1 });
    try {
      const values = initialise(engine, new Random(3));
      const w = values.get('w')!;
      const [outputs] = await engine.predict(values, [float32([2, 2], [1, 0, 0, 1])]);
      [...(outputs!.data as Float32Array)].forEach((value, at) => assert.ok(Math.abs(value - w[at]!) < 1e-5));
    } finally {
      await engine.close();
    }
  });
});
