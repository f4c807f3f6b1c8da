// GraphModels that are damaged, or hold what has no translation: one sentence each, and TensorFlow.js where it can.
import assert from 'node:assert/strict';
import { inspectModel } from '../../src/job/inspect';
import { ModelError } from '../../src/onnx/errors';
import { openEngine } from '../../src/runtime/openEngine';
import { RuntimeFailure } from '../../src/runtime/session';
import { openModel } from '../../src/tfjs/openModel';
import { float32 } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { GraphFixture } from './graphs';

/** A graph with an input x [?, 4] and its product with a weight, "m". */
function begun(): GraphFixture {
  const g = new GraphFixture();
  g.node('Mul', [g.input('x', [null, 4]), g.weight('w', [4])], {}, 'm');
  return g;
}

type Topology = { node: { name: string; op: string; input?: string[]; attr: Record<string, object> }[] };

const damaged: {
  name: string;
  build: (g: GraphFixture) => unknown;
  change?: (nodes: Topology['node']) => void;
  says: RegExp;
}[] = [
  {
    name: 'nodes in a circle',
    build: g => {
      g.node('Add', ['m', 'b'], {}, 'a');
      g.output(g.node('Relu', ['a'], {}, 'b'));
    },
    says: /model\.json: The nodes "b" and "a" form a circle\. Convert the model again\.$/,
  },
  {
    name: 'a node that depends on itself',
    build: g => g.output(g.node('Add', ['m', 'a'], {}, 'a')),
    says: /The nodes "a" and "a" form a circle/,
  },
  {
    name: 'an input that is not there',
    build: g => g.output(g.node('Add', ['m', 'gone'], {}, 'a')),
    says: /The node "gone", which the node "a" refers to, is not in the graph/,
  },
  {
    name: 'an output that is not there',
    build: g => g.output('gone'),
    says: /The node "gone", which the list of outputs refers to, is not in the graph/,
  },
  {
    name: 'two nodes of one name',
    build: g => g.output(g.node('Relu', ['m'], {}, 'm')),
    says: /The graph has two nodes named "m"/,
  },
  {
    name: 'an output of a node beyond those it has',
    build: g => g.output(g.node('Relu', ['m:3'])),
    says: /Output 3 of the node "m" is used by the node "Relu_3", but it has one output, counted from 0/,
  },
  {
    name: 'too few inputs',
    build: g => g.output(g.node('MatMul', ['m'], {}, 'p')),
    says: /The node "p" \(MatMul\) has 1 of the 2 inputs that it needs/,
  },
  {
    name: 'a constant without a weight',
    build: g => g.output(g.node('Add', ['m', 'lost'])),
    change: nodes => void nodes.push({ name: 'lost', op: 'Const', attr: {} }),
    says: /The constant "lost" has no weight in the manifest/,
  },
  {
    name: 'an input of texts',
    build: g => g.output('m'),
    change: nodes => void (nodes[0]!.attr['dtype'] = { type: 'DT_STRING' }),
    says: /The input "x" has the type DT_STRING, which Lethe does not feed/,
  },
  {
    name: 'an attribute of another kind',
    build: g =>
      g.output(
        g.node('Softmax', [
          g.node('_FusedMatMul', ['m', g.weight('v', [4, 2])], { fused_ops: ['BiasAdd'] }, 'f'),
        ]),
      ),
    change: nodes => void (nodes.find(({ name }) => name === 'f')!.attr['transpose_a'] = { b: 'yes' }),
    says: /Its modelTopology\.node\[\d+\]\.attr\.transpose_a\.b should be true or false, but it is "yes"/,
  },
];

describe('damaged GraphModels', () => {
  for (const { name, build, change, says } of damaged)
    it(name, () =>
      inFolder(folder => {
        const g = begun();
        build(g);
        const path = g.write(folder, json => {
          change?.((json['modelTopology'] as Topology).node);
          return json;
        });
        assert.throws(
          () => openModel(path),
          (error: unknown) =>
            error instanceof ModelError && says.test(error.message) && !error.message.includes('\n'),
        );
      }),
    );
});

/** Two layers with an operator between them that has no translation. */
function withAtan2(folder: string): string {
  const g = begun();
  const odd = g.node(
    'Atan2',
    ['m', g.node('AddV2', [g.node('Square', ['m']), g.scalar('one', 1, 'float32')])],
    {},
    'odd',
  );
  return g.output(g.node('MatMul', [odd, g.weight('v', [4, 3])])).write(folder);
}

describe('GraphModels without a translation', () => {
  it('name the operator that stands in the way', () =>
    inFolder(folder => {
      const { unsupported, parameters } = inspectModel(withAtan2(folder), false);
      assert.deepEqual(unsupported, [{ op: 'Atan2', node: 'odd', parameter: 'w' }]);
      assert.deepEqual(
        parameters.filter(({ trainable }) => trainable).map(({ name }) => name),
        ['w', 'v'],
      );
    }));

  it('are computed by TensorFlow.js, which says so', () =>
    inFolder(async folder => {
      const engine = await openEngine(withAtan2(folder));
      assert.equal(engine.kind, 'tfjs');
      assert.match(engine.notes.join(' '), /Atan2 odd has no translation, so TensorFlow\.js computes\./);
      const values = engine.initialValues();
      const inputs = [float32([1, 4], [0.3, -1, 2, 0.1])];
      const [output] = await engine.predict(values, inputs);
      const [w, v] = [values.get('w')!, values.get('v')!];
      const middle = [0.3, -1, 2, 0.1].map((x, at) => Math.atan2(x * w[at]!, (x * w[at]!) ** 2 + 1));
      const expected = [0, 1, 2].map(column =>
        middle.reduce((sum, value, at) => sum + value * v[3 * at + column]!, 0),
      );
      expected.forEach((value, at) => assert.ok(Math.abs(Number(output!.data[at]) - value) < 1e-5));
      const heads = [{ output: engine.model.graph.outputs[0]!.name, loss: 'mse' as const, weight: 1 }];
      const { gradients } = await engine.lossGradient(
        values,
        { inputs, labels: [float32([1, 3], [0, 0, 0])] },
        heads,
      );
      // ∂L/∂v = 2/3 · middle ⊗ output.
      gradients.get('v')!.forEach((value, at) => {
        const wanted = (2 / 3) * middle[Math.floor(at / 3)]! * expected[at % 3]!;
        assert.ok(Math.abs(value - wanted) < 1e-5, `${value}, not ${wanted}`);
      });
      await engine.close();
    }));

  it('are refused where ONNX Runtime is asked for', () =>
    inFolder(folder =>
      assert.rejects(
        openEngine(withAtan2(folder), { engine: 'onnxruntime' }),
        /Atan2 \(odd\) has no translation, so the model cannot be run\./,
      ),
    ));

  it('are refused where the data decide what runs', () =>
    inFolder(async folder => {
      const g = begun();
      const branches = g.node('Switch', ['m', g.scalar('p', 1, 'bool')], {}, 's');
      const path = g.output(g.node('Merge', [branches, `${branches}:1`], {}, 'joined')).write(folder);
      assert.deepEqual(openModel(path).untranslated, [
        { op: 'Switch', node: 's', problem: 'is control flow, which has no translation' },
      ]);
      await assert.rejects(
        openEngine(path),
        (error: unknown) =>
          error instanceof RuntimeFailure &&
          /the operator Merge \(node joined\) decides by the data what runs or how much it gives/.test(
            error.message,
          ),
      );
    }));

  it('ask for their engine by a name that suits the file', async () => {
    await assert.rejects(
      openEngine('test/fixtures/onnx/cnn-raw.onnx', { engine: 'tfjs' }),
      /The engine tfjs computes with TensorFlow\.js models, but .*cnn-raw\.onnx is an ONNX file\. Choose the engine auto\./,
    );
  });
});
