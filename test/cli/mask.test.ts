// A stored attention mask: −∞ among the parameters is no defect of the model.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { emitModel } from '../../src/onnx/emit';
import type { Graph, OnnxNode } from '../../src/onnx/model';
import { encodeNpy } from '../../src/tensor/npy';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz';
import { float32, type Tensor } from '../../src/tensor/tensor';
import { Workplace } from './harness';

const node = (opType: string, inputs: string[], output: string): OnnxNode => ({
  name: output,
  opType,
  domain: '',
  inputs,
  outputs: [output],
  attributes: new Map(),
});

/** y = softmax(x + mask) w over four positions, the third of which is masked. */
const masked: Graph = {
  name: 'masked',
  nodes: [
    node('Add', ['x', 'mask'], 'scores'),
    node('Softmax', ['scores'], 'shares'),
    node('MatMul', ['shares', 'w'], 'y'),
  ],
  inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }],
  outputs: [{ name: 'y', dtype: 'float32', dims: ['batch', 1] }],
  initializers: new Map([
    ['mask', float32([4], [0, 0, -Infinity, 0])],
    ['w', float32([4, 1], [1, -2, 3, 0.5])],
  ]),
  valueInfo: [],
};

describe('a model with a mask', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    writeFileSync(place.at('masked.onnx'), emitModel(masked, { opsets: new Map([['', 17]]) }));
  });
  afterEach(() => place.remove());

  it('has gradients: none at the masked position', async () => {
    writeFileSync(place.at('x.npy'), encodeNpy(float32([2, 4], [1, 2, 3, 4, 0, -1, 0.5, 2])));
    writeFileSync(place.at('y.npy'), encodeNpy(float32([2, 1], [0, 1])));
    const args = ['--inputs', 'x.npy', '--labels', 'y.npy', '--loss', 'mse', '--out', 'g.npz'];
    const { code, stderr } = await place.lethe('gradients', 'masked.onnx', ...args);
    assert.equal(code, 0, stderr);
    const gradients = decodeNpz(readFileSync(place.at('g.npz')));
    for (const name of ['mask', 'w']) {
      const data = [...((gradients.get(name) as Tensor).data as Float32Array)];
      assert.equal(data[2], 0, name);
      assert.ok(data[0] !== 0 && data.every(Number.isFinite), `${name}: ${data.join()}`);
    }
  });

  it('is unlearned with the mask frozen, and refused with that remedy before', async () => {
    const x = float32(
      [8, 4],
      Array.from({ length: 32 }, (_, index) => Math.sin(index)),
    );
    const labels = float32([8, 1], [1, 0, 1, 0, 1, 0, 1, 0]);
    const arrays = new Map([
      ['x', x],
      ['labels', labels],
    ]);
    writeFileSync(place.at('data.npz'), encodeNpz(arrays));
    const recipe = {
      model: 'masked.onnx',
      output: 'out.onnx',
      data: { train: 'data.npz' },
      forget: { indices: [3] },
      method: { name: 'minnorm-og', epochs: 4, descentEpochs: 2 },
    };
    writeFileSync(place.at('recipe.json'), JSON.stringify(recipe));
    const before = place.snapshot();
    const refused = await place.lethe('run', 'recipe.json');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^[^\n]*masked\.onnx: the parameter mask holds -Infinity at element 2,[^\n]*"parameters": \{ "freeze": \["mask"\] \}[^\n]*\n$/,
    );
    assert.deepEqual(place.snapshot(), before);
    const done = await place.lethe('run', 'recipe.json', '--set', 'parameters={"freeze":["mask"]}');
    assert.equal(done.code, 0, done.stderr);
    const [old, unlearned] = ['masked.onnx', 'out.onnx'].map(name => readFileSync(place.at(name)));
    assert.equal(unlearned!.length, old!.length);
    assert.notDeepEqual(unlearned, old);
    assert.ok(unlearned!.includes(Buffer.from(new Float32Array([0, 0, -Infinity, 0]).buffer)));
  });
});
