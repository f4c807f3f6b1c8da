// Branches and bodies read values of the graph around them in their own layout, also where that graph holds them in blocks.
import assert from 'node:assert/strict';
import { appendBackward } from '../../src/autodiff/backward';
import { useBlockedLayout } from '../../src/autodiff/blocked/pass';
import type { Attribute, OnnxNode, ValueInfo } from '../../src/onnx/model';
import { blockedLayout } from '../../src/runtime/blockedLayout';
import { Session } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import { int64, type Tensor } from '../../src/tensor/tensor';
import { builderOf, exposing, feeds, near, node, normals, prepare } from './harness';

function subgraph(
  nodes: readonly OnnxNode[],
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
): Attribute {
  const value = { name: 'inner', nodes, inputs, outputs, initializers: new Map(), valueInfo: [] };
  return { type: 'graph', value };
}

const float = (name: string): ValueInfo => ({ name, dtype: 'float32', dims: null });
const step: ValueInfo = { name: 'step', dtype: 'int64', dims: [] };
const flag = (name: string): ValueInfo => ({ name, dtype: 'bool', dims: [] });

/** A mask from the features u of fixed convolutions: −u or u by a condition. */
const branch = node('If', ['condition'], ['mask'], {
  then_branch: subgraph([node('Neg', ['u'], ['then'])], [], [float('then')]),
  else_branch: subgraph([node('Identity', ['u'], ['otherwise'])], [], [float('otherwise')]),
});

/** A mask from the same features: u added to itself three times over. */
const loop = node('Loop', ['count', 'condition', 'u'], ['mask'], {
  body: subgraph(
    [node('Identity', ['go'], ['goOn']), node('Add', ['state', 'u'], ['next'])],
    [step, flag('go'), float('state')],
    [flag('goOn'), float('next')],
  ),
});

describe('the blocked layout around sub-graphs', function () {
  let size: number | null;

  before(async function () {
    size = await blockedLayout(2);
    if (size === null) this.skip();
  });

  for (const [title, inner] of Object.entries({ 'a branch of If': branch, 'the body of Loop': loop }))
    it(`hands ${title} the value that it captures as it is`, async () => {
      const random = new Random(5);
      const samples = 12;
      const args: Record<string, Tensor> = {
        x: normals(random, [samples, 16, 6, 6]),
        fixed: normals(random, [32, 16, 3, 3]),
        w: normals(random, [32, 16, 3, 3]),
        v: normals(random, [16, 32, 1, 1]),
        condition: { dtype: 'bool', dims: [], data: Uint8Array.of(1) },
      };
      const same = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
      const parts = prepare({
        title,
        nodes: [
          node('Conv', ['x', 'fixed'], ['c'], same),
          node('Relu', ['c'], ['u']),
          inner,
          node('Conv', ['x', 'w'], ['h'], same),
          node('Mul', ['h', 'mask'], ['masked']),
          node('Conv', ['masked', 'v'], ['y'], { kernel_shape: [1, 1] }),
        ],
        args,
        constants: { count: int64([], [3]) },
        output: 'y',
        differences: 'exact',
      });
      const forward = await exposing(parts);
      const values = await forward.run(feeds(args));
      await forward.close();
      const seed = normals(random, [samples, 16, 6, 6]);
      const results: Float32Array[][] = [];
      for (const blocked of [false, true]) {
        const b = builderOf(parts, { ...args, ...values, seed });
        const request = {
          builder: b,
          nodes: parts.nodes,
          seeds: new Map([['y', 'seed']]),
          targets: ['w', 'v'],
        };
        const found = appendBackward(request);
        const names = ['y', found.get('w')!, found.get('v')!];
        if (blocked) {
          useBlockedLayout(b, size!, names);
          const maker = b.nodes.find(one => one.outputs.includes('u'));
          assert.equal(maker?.opType, 'ReorderOutput', 'the captured value was not in blocks');
        }
        const all = { ...args, seed };
        const session = await Session.create(
          {
            nodes: b.nodes,
            constants: b.constants,
            inputs: Object.entries(all).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
            outputs: names.map(name => ({ name, dtype: 'float32', dims: b.dims(name) })),
            opsets: parts.opsets,
          },
          { threads: 2 },
          title,
        );
        const outputs = await session.run(feeds(all));
        results.push(names.map(name => (outputs[name]!.data as Float32Array).slice()));
        await session.close();
      }
      results[0]!.forEach((want, index) => {
        const largest = Math.max(...want.map(Math.abs));
        want.forEach((value, at) => near(results[1]![index]![at]!, value, 1e-5 * largest, `${index}, ${at}`));
      });
    });
});
