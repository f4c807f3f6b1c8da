// Recurrent nodes written out step by step give what ONNX Runtime's own kernels give.
import assert from 'node:assert/strict';
import type { Attribute, OnnxNode } from '../../src/onnx/model';
import { lowerRecurrent } from '../../src/onnx/lowerRecurrent';
import { internalOpset } from '../../src/onnx/upgrade';
import { Session, feed } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import type { Tensor } from '../../src/tensor/tensor';
import { between, modelOf, node, normals, oneOf } from '../autodiff/harness';

const gates: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

/** A recurrent node with random settings, and its arguments. */
function randomNode(
  opType: string,
  random: Random,
): { node: OnnxNode; args: Map<string, Tensor>; steps: number } {
  const direction = oneOf(random, ['forward', 'reverse', 'bidirectional']);
  const directions = direction === 'bidirectional' ? 2 : 1;
  const [steps, batch, width, hidden] = [
    between(random, 1, 5),
    between(random, 1, 3),
    between(random, 1, 4),
    between(random, 1, 4),
  ];
  const count = gates[opType]!;
  const args = new Map<string, Tensor>([
    ['x', normals(random, [steps, batch, width])],
    ['w', normals(random, [directions, count * hidden, width])],
    ['r', normals(random, [directions, count * hidden, hidden])],
  ]);
  const optional = (name: string, dims: number[], chance = 2): string => {
    if (random.integer(chance) === 0) return '';
    args.set(name, normals(random, dims));
    return name;
  };
  const inputs = ['x', 'w', 'r', optional('b', [directions, 2 * count * hidden]), ''];
  if (random.integer(2) === 1) {
    const lengths = Array.from({ length: batch }, () => between(random, 1, steps));
    // The kernel takes the longest sample for the number of steps of the others.
    lengths[0] = steps;
    args.set('n', { dtype: 'int32', dims: [batch], data: Int32Array.from(lengths) });
    inputs[4] = 'n';
  }
  inputs.push(optional('h', [directions, batch, hidden]));
  if (opType === 'LSTM') {
    inputs.push(optional('c', [directions, batch, hidden]));
    inputs.push(optional('p', [directions, 3 * hidden]));
  }
  const outputs = opType === 'LSTM' ? ['y', 'last', 'cell'] : ['y', 'last'];
  const attributes = {
    hidden_size: hidden,
    direction,
    linear_before_reset: opType === 'GRU' ? random.integer(2) : undefined,
    clip: random.integer(2) ? { float: 0.5 + random.uniform() } : undefined,
    input_forget: opType === 'LSTM' ? random.integer(2) : undefined,
  };
  return { node: node(opType, inputs, outputs, attributes), args, steps };
}

async function outputsOf(
  nodes: readonly OnnxNode[],
  constants: ReadonlyMap<string, Tensor>,
  args: ReadonlyMap<string, Tensor>,
  names: readonly string[],
): Promise<Map<string, Float32Array>> {
  const session = await Session.create(
    {
      nodes,
      constants,
      inputs: [...args].map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
      outputs: names.map(name => ({ name, dtype: 'float32', dims: null, typed: false })),
      opsets: new Map([['', internalOpset]]),
    },
    { threads: 1 },
    'a recurrent node',
  );
  try {
    const found = await session.run(
      Object.fromEntries([...args].map(([name, tensor]) => [name, feed(tensor)])),
    );
    return new Map(names.map(name => [name, found[name]!.data as Float32Array]));
  } finally {
    await session.close();
  }
}

describe('recurrent nodes written out', () => {
  for (const opType of ['LSTM', 'GRU', 'RNN'])
    it(`${opType} equals ONNX Runtime's kernel over 25 random settings`, async () => {
      for (let seed = 0; seed < 25; seed++) {
        const test = randomNode(opType, new Random(seed));
        const { graph } = modelOf([test.node], internalOpset);
        const lowered = lowerRecurrent(graph, 'model.onnx', () => test.steps);
        assert.ok(lowered.nodes.every(each => each.opType !== opType));
        const names = test.node.outputs;
        const want = await outputsOf([test.node], new Map(), test.args, names);
        const got = await outputsOf(
          lowered.nodes,
          lowered.initializers as Map<string, Tensor>,
          test.args,
          names,
        );
        for (const name of names) {
          const expected = want.get(name)!;
          assert.equal(got.get(name)!.length, expected.length);
          expected.forEach((value, index) => {
            const difference = Math.abs(value - got.get(name)![index]!);
            assert.ok(
              difference < 1e-5,
              `${opType}, seed ${seed}, ${name}[${index}] is off by ${difference}`,
            );
          });
        }
      }
    });

  it('what is not written out is refused by a sentence that names it', () => {
    const activations: Attribute = { type: 'strings', value: ['ScaledTanh'] };
    const { graph } = modelOf(
      [node('RNN', ['x', 'w', 'r'], ['y'], { hidden_size: 2, activations })],
      internalOpset,
    );
    assert.throws(
      () => lowerRecurrent(graph, 'model.onnx', () => 3),
      /RNN \(node RNN\/y\) has the activation ScaledTanh/,
    );
  });
});
