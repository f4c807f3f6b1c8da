// A model's graph as the viewer tells it: nodes, what they store, and shapes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnginePool } from '../../src/job/viewEngines';
import { graphOf, measuredShapes } from '../../src/job/viewGraph';
import { overviewOf } from '../../src/job/viewModel';
import { emitModel } from '../../src/onnx/emit';
import type { Graph } from '../../src/onnx/model';
import { fixture, sample } from '../onnx/support';

const never = new AbortController().signal;
const gradientFixture = (name: string): string => join('test', 'fixtures', 'gradients', name);

describe('the graph of a model', () => {
  it('lists inputs, operators with what they store, and outputs', () => {
    const { nodes, values, partial } = graphOf(sample('mnist-mislabelled'));
    assert.deepEqual(
      nodes.map(({ kind, op }) => op || kind),
      [
        'input',
        'Conv',
        'Relu',
        'MaxPool',
        'Conv',
        'Relu',
        'MaxPool',
        'Flatten',
        'Gemm',
        'Relu',
        'Gemm',
        'output',
      ],
    );
    const [input, conv] = nodes;
    assert.deepEqual(input!.outputs, ['image']);
    assert.deepEqual(conv!.inputs, ['image']);
    assert.deepEqual(conv!.parameters, ['conv1.weight', 'conv1.bias']);
    assert.deepEqual(
      conv!.attributes.find(([name]) => name === 'kernel_shape'),
      ['kernel_shape', '3, 3'],
    );
    assert.ok(nodes.every(({ differentiable }) => differentiable));
    assert.deepEqual(values.find(({ name }) => name === 'image')?.dims, ['batch', 1, 28, 28]);
    assert.equal(partial, true);
  });

  it('measures the shapes that the file leaves out', async () => {
    const path = sample('mnist-mislabelled');
    const shapes = new Map(
      (await measuredShapes(new EnginePool(), path, {}, never)).map(({ name, dims }) => [name, dims]),
    );
    const [, conv, , pool] = graphOf(path).nodes;
    assert.deepEqual(shapes.get(conv!.outputs[0]!), ['N', 16, 28, 28]);
    assert.deepEqual(shapes.get(pool!.outputs[0]!), ['N', 16, 14, 14]);
  });

  it('takes open axes from the data, and says so where there are none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-graph-'));
    const path = join(folder, 'open.onnx');
    const relu = { name: 'relu', opType: 'Relu', domain: '', attributes: new Map() };
    const graph: Graph = {
      name: 'g',
      nodes: [{ ...relu, inputs: ['tokens'], outputs: ['y'] }],
      inputs: [{ name: 'tokens', dtype: 'float32', dims: ['batch', 'length', 4] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: null }],
      initializers: new Map(),
      valueInfo: [],
    };
    writeFileSync(path, emitModel(graph, { opsets: new Map([['', 17]]) }));
    const pool = new EnginePool();
    await assert.rejects(
      measuredShapes(pool, path, {}, never),
      /axes of the input tokens open.*Open the data/s,
    );
    const shapes = await measuredShapes(pool, path, { tokens: [5, 4] }, never);
    assert.deepEqual(shapes.find(({ name }) => name === 'y')?.dims, ['N', 5, 4]);
    rmSync(folder, { recursive: true });
  });

  it('names what sub-graphs take from outside, and how much is in them', () => {
    const { nodes } = graphOf(fixture('branches.onnx'));
    const choice = nodes.find(({ op }) => op === 'If')!;
    assert.ok(choice.inside > 0);
    assert.equal(choice.differentiable, false);
    const made = new Set(nodes.flatMap(({ outputs }) => outputs));
    for (const { inputs } of nodes)
      for (const input of inputs) assert.ok(made.has(input), `${input} comes from nowhere`);
  });

  it('lists as parameters only what the overview knows', () => {
    for (const name of ['convnext.onnx', 'gpt-tied.onnx', 'cnn-initializers-as-inputs.onnx']) {
      const path = gradientFixture(name);
      const known = new Set(overviewOf(path).parameters.map(parameter => parameter.name));
      const used = new Set(graphOf(path).nodes.flatMap(({ parameters }) => parameters));
      for (const each of used) assert.ok(known.has(each), `${name}: ${each}`);
      assert.ok(used.size > 0);
      assert.ok(graphOf(path).nodes.every(({ op }) => op !== 'Constant'));
    }
  });
});
