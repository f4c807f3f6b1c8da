// Calls of model-local functions are written out with their names, attributes and opsets.
import assert from 'node:assert/strict';
import { emitModel } from '../../src/onnx/emit';
import { inlineFunctions } from '../../src/onnx/inlineFunctions';
import type { Attribute, ModelFunction, OnnxNode } from '../../src/onnx/model';
import { upgradeGraph } from '../../src/onnx/upgrade';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { float32, type Tensor } from '../../src/tensor/tensor';
import { modelOf, node } from '../autodiff/harness';

const domain = 'org.example';

function call(
  name: string,
  inputs: string[],
  outputs: string[],
  attributes: Parameters<typeof node>[3] = {},
): OnnxNode {
  return { ...node(name, inputs, outputs, attributes), domain };
}

function define(
  name: string,
  parts: Partial<ModelFunction> & Pick<ModelFunction, 'inputs' | 'outputs' | 'nodes'>,
): ModelFunction {
  return {
    domain,
    name,
    attributes: [],
    attributeDefaults: new Map(),
    opsets: new Map([['', 18]]),
    ...parts,
  };
}

/** scaled(x, w) = LeakyRelu(x, slope) · w; twice(x) = scaled(scaled(x, x), x). */
const scaled = define('scaled', {
  inputs: ['x', 'w'],
  outputs: ['y'],
  attributes: ['slope'],
  attributeDefaults: new Map<string, Attribute>([['gain', { type: 'float', value: 0.5 }]]),
  nodes: [
    node('LeakyRelu', ['x'], ['h'], { alpha: { type: 'reference', value: 'slope' } }),
    node('Elu', ['h'], ['e'], { alpha: { type: 'reference', value: 'gain' } }),
    node('Mul', ['e', 'w'], ['y']),
  ],
});
const twice = define('twice', {
  opsets: new Map([
    ['', 18],
    [domain, 1],
  ]),
  inputs: ['x'],
  outputs: ['y'],
  nodes: [
    call('scaled', ['x', 'x'], ['h'], { slope: { float: 0.3 } }),
    call('scaled', ['h', 'x'], ['y'], { slope: { float: 0.7 } }),
  ],
});

describe('functions written out', () => {
  it('give what ONNX Runtime gives for the calls', async () => {
    const model = {
      ...modelOf(
        [call('twice', ['x'], ['a']), call('scaled', ['a', 'x'], ['y'], { slope: { float: 0.2 } })],
        18,
        {
          inputs: [{ name: 'x', dtype: 'float32', dims: [4] }],
          outputs: [{ name: 'y', dtype: 'float32', dims: [4] }],
        },
      ),
      functions: [scaled, twice],
      opsets: new Map([
        ['', 18],
        [domain, 1],
      ]),
    };
    const run = async (bytes: Uint8Array): Promise<number[]> => {
      const session = await InferenceSession.create(bytes);
      const { y } = await session.run({
        x: new OrtTensor('float32', Float32Array.from([-2, -0.5, 1, 3]), [4]),
      });
      await session.release();
      return Array.from(y!.data as Float32Array);
    };
    const original = await run(emitModel(model.graph, { opsets: model.opsets, functions: model.functions }));
    const { graph, opsets } = upgradeGraph(model);
    assert.ok(graph.nodes.every(each => each.domain === ''));
    assert.deepEqual(await run(emitModel(graph, { opsets })), original);
  });

  it('give every node a name of its own where the file gives none', () => {
    const bare = (each: OnnxNode): OnnxNode => ({ ...each, name: '' });
    const nameless = { ...scaled, nodes: scaled.nodes.map(bare) };
    const calls = ['a', 'y'].map(output => bare(call('scaled', ['x', 'x'], [output])));
    const { graph } = inlineFunctions({ ...modelOf(calls, 18), functions: [nameless] });
    assert.equal(new Set(graph.nodes.map(({ name }) => name)).size, 6);
  });

  it('keep the opset of their own nodes', () => {
    // At opset 11 a softmax flattens; the model around it is of opset 17.
    const old = define('old', {
      inputs: ['x'],
      outputs: ['y'],
      nodes: [node('Softmax', ['x'], ['y'])],
      opsets: new Map([['', 11]]),
    });
    const model = {
      ...modelOf([call('old', ['x'], ['y']), node('Softmax', ['y'], ['z'])], 17),
      functions: [old],
    };
    const { graph } = upgradeGraph(model);
    assert.deepEqual(
      graph.nodes.map(each => each.opType),
      ['Shape', 'Flatten', 'Softmax', 'Reshape', 'Softmax'],
    );
  });

  it('that call themselves are refused', () => {
    const circle = define('circle', { inputs: ['x'], outputs: ['y'], nodes: [call('circle', ['x'], ['y'])] });
    const model = { ...modelOf([call('circle', ['x'], ['y'])], 17), functions: [circle] };
    assert.throws(() => inlineFunctions(model), /The function org\.example\.circle calls itself/);
  });

  it('leave a graph without functions as it is', () => {
    const tensor: Tensor = float32([1], [2]);
    const model = modelOf([node('Mul', ['x', 'w'], ['y'])], 17, { initializers: new Map([['w', tensor]]) });
    assert.equal(inlineFunctions(model).graph, model.graph);
  });
});
