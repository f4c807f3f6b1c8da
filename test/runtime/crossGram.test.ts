// Products of the gradients of some columns with those of others, against explicit per-sample gradients.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitModel } from '../../src/onnx/emit';
import { crossFeeds, crossGramGraph, crossName } from '../../src/runtime/crossGram';
import { valuesOf } from '../../src/runtime/factors';
import { readParameters, takeApart } from '../../src/runtime/graphModel';
import { perSampleFactors } from '../../src/runtime/perSample';
import { Workspace } from '../../src/runtime/workspace';
import { openModel } from '../../src/tfjs/openModel';
import { Random } from '../../src/tensor/random';
import { elementCount, zeros, type Tensor } from '../../src/tensor/tensor';
import { node, normals } from '../autodiff/harness';

const fixtures = join(__dirname, '../../../test/fixtures/gradients');
const count = 5;

/** Two convolutions of 32 channels on maps of 4 × 4, the second dilated: kernels far larger than what lies before them. */
function smallMaps(): Uint8Array {
  const random = new Random(9);
  const kernel = (): Tensor => {
    const tensor = normals(random, [32, 32, 3, 3]);
    return { ...tensor, data: (tensor.data as Float32Array).map(value => value / 17) };
  };
  return emitModel(
    {
      name: 'small-maps',
      nodes: [
        node('Conv', ['x', 'w'], ['a'], { pads: [1, 1, 1, 1] }),
        node('Tanh', ['a'], ['b']),
        node('Conv', ['b', 'v'], ['c'], { pads: [2, 1, 2, 2], dilations: [2, 1] }),
        node('GlobalAveragePool', ['c'], ['d']),
        node('Flatten', ['d'], ['y']),
      ],
      inputs: [{ name: 'x', dtype: 'float32', dims: ['n', 32, 4, 4] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['n', 32] }],
      initializers: new Map([
        ['w', kernel()],
        ['v', kernel()],
      ]),
      valueInfo: [],
    },
    { opsets: new Map([['', 17]]) },
  );
}

describe('products of gradients with others', () => {
  const kinds = new Set<string>();
  const folder = mkdtempSync(join(tmpdir(), 'lethe-cross-'));
  after(() => rmSync(folder, { recursive: true }));
  before(() => writeFileSync(join(folder, 'small-maps.onnx'), smallMaps()));

  for (const name of ['mlp-tanh', 'cnn-opset13', 'resnet', 'convs-strided', 'mixer-opset13', 'small-maps'])
    it(`of ${name} are those of explicit gradients`, async () => {
      const file = join(name === 'small-maps' ? folder : fixtures, `${name}.onnx`);
      const parts = takeApart(openModel(file), { freeze: [], include: [] });
      const workspace = new Workspace(parts, 1);
      try {
        const values = readParameters(parts);
        const random = new Random(4);
        const draw = (): Tensor[] =>
          parts.inputs.map(({ dims }) => {
            const tensor = zeros('float32', [count, ...(dims ?? []).slice(1).map(Number)]);
            const data = tensor.data as Float32Array;
            for (let index = 0; index < data.length; index++) data[index] = random.normal();
            return tensor;
          });
        const seeding = { kind: 'largest', value: parts.graph.outputs[0]!.name } as const;
        const sides = [draw(), draw()];
        const explicit: Float32Array[][] = [];
        for (const inputs of sides) {
          const found = await perSampleFactors(workspace, values, inputs, seeding, false);
          explicit.push(
            found.factors.map(factor => {
              assert.equal(factor.kind, 'explicit');
              return found.values[valuesOf(factor)[0]![0]]!.data as Float32Array;
            }),
          );
        }
        const feeds = {};
        let described;
        for (const [place, inputs] of sides.entries()) {
          const found = await perSampleFactors(workspace, values, inputs, seeding, true);
          described = found.factors;
          const named = found.factors.flatMap(valuesOf).map(([value, dims]) => {
            const data = found.values[value]!.data as Float32Array;
            return [value, data.slice(0, count * elementCount(dims.slice(1)))] as const;
          });
          Object.assign(feeds, crossFeeds(place === 0 ? 'rows' : 'columns', new Map(named), count));
        }
        described!.forEach(({ kind }) => kinds.add(kind));
        const session = await workspace.session('cross', 'the products', () =>
          crossGramGraph(described!, count, count),
        );
        const got = (await session.run(feeds))[crossName]!.data as Float32Array;
        const want = Float64Array.from({ length: count * count }, (_, at) => {
          const [row, column] = [Math.floor(at / count), at % count];
          return explicit[0]!.reduce((sum, data, place) => {
            const other = explicit[1]![place]!;
            const size = data.length / count;
            for (let index = 0; index < size; index++)
              sum += data[row * size + index]! * other[column * size + index]!;
            return sum;
          }, 0);
        });
        const most = Math.max(...want.map(Math.abs));
        want.forEach((value, at) => {
          assert.ok(Math.abs(got[at]! - value) <= 1e-4 * most, `${at}: ${got[at]}, not ${value}, of ${most}`);
        });
      } finally {
        await workspace.close();
      }
    });

  it('in every form that gradients come in', () => {
    assert.ok(kinds.has('outer') && kinds.has('explicit') && kinds.has('windows'), [...kinds].join());
  });
});
