// Branches and bodies: what they take from the graph around them counts as an input when gradients are looked for.
import assert from 'node:assert/strict';
import { appendBackward } from '../../src/autodiff/backward';
import { GraphBuilder } from '../../src/autodiff/builder';
import { capturedValues } from '../../src/autodiff/captured';
import { appendForward } from '../../src/autodiff/forward';
import { describeParameters } from '../../src/autodiff/parameters';
import type { Attribute, OnnxNode, StoredTensor, ValueInfo } from '../../src/onnx/model';
import type { DType } from '../../src/tensor/dtype';
import { Random } from '../../src/tensor/random';
import type { Tensor } from '../../src/tensor/tensor';
import { checkCase, modelOf, node, normals } from './harness';

const yes: Tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };

function subgraph(
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
  inputs: readonly string[] = [],
  dtype: DType = 'float32',
): Attribute {
  const info = (name: string): ValueInfo => ({ name, dtype, dims: null });
  const value = {
    name: 'inner',
    nodes,
    inputs: inputs.map(info),
    outputs: outputs.map(info),
    initializers: new Map(),
    valueInfo: [],
  };
  return { type: 'graph', value };
}

function choice(
  then: readonly OnnxNode[],
  otherwise: readonly OnnxNode[],
  output: string,
  dtype: DType = 'float32',
): OnnxNode {
  return node('If', ['condition'], [output], {
    then_branch: subgraph(then, ['then'], [], dtype),
    else_branch: subgraph(otherwise, ['otherwise'], [], dtype),
  });
}

/** h = x·w, z = h·v or −h by a condition, y = z + h: both weights are behind the If, and only one is an input. */
const branching = [
  node('MatMul', ['x', 'w'], ['h']),
  choice([node('MatMul', ['h', 'v'], ['then'])], [node('Neg', ['h'], ['otherwise'])], 'z'),
  node('Add', ['z', 'h'], ['y']),
];

describe('sub-graphs', () => {
  it('capture what they use and do not define, at any depth', () => {
    const inner = choice(
      [node('Add', ['state', 'a'], ['then'])],
      [node('Identity', ['b'], ['otherwise'])],
      'chosen',
    );
    const body = subgraph(
      [inner, node('Mul', ['chosen', 'c'], ['next'])],
      ['again', 'next'],
      ['again', 'state'],
    );
    const captured = capturedValues(node('Loop', ['count', 'go', 'start'], ['end'], { body }));
    assert.deepEqual([...new Set(captured)].sort(), ['a', 'b', 'c', 'condition']);
    assert.deepEqual(capturedValues(node('Add', ['a', 'b'], ['c'])), []);
  });

  it('make what they capture trainable, and are named as operators without a gradient', () => {
    const weight: Omit<StoredTensor, 'name'> = {
      dtype: 'float32',
      dims: [2, 2],
      encoding: 'raw',
      ranges: [],
      proto: { file: '/models/case.onnx', offset: 0, length: 0 },
    };
    const model = modelOf(branching, 17, {
      inputs: [{ name: 'x', dtype: 'float32', dims: null }],
      outputs: [{ name: 'y', dtype: 'float32', dims: null }],
      initializers: new Map<string, Tensor | StoredTensor>([
        ['condition', yes],
        ['w', { ...weight, name: 'w' }],
        ['v', { ...weight, name: 'v' }],
      ]),
    });
    const of = (freeze: readonly string[]): [string[], readonly object[]] => {
      const { parameters, unsupported } = describeParameters(model, { freeze });
      return [parameters.filter(({ trainable }) => trainable).map(({ name }) => name), unsupported];
    };
    assert.deepEqual(of([]), [['w', 'v'], [{ op: 'If', node: 'If/z', parameter: 'w' }]]);
    assert.deepEqual(of(['w']), [['v'], [{ op: 'If', node: 'If/z', parameter: 'v' }]]);
    assert.deepEqual(of(['w', 'v']), [[], []]);
  });

  for (const target of ['w', 'v'])
    it(`stop the gradient of ${target}, which they capture or which is behind what they capture`, () => {
      const expected = { name: 'DifferentiationError', message: /If \(node If\/z\) has no gradient rule/ };
      const builder = new GraphBuilder();
      for (const name of ['x', 'w', 'v', 'h', 'z', 'y', 'seed']) builder.declare(name, [2, 2]);
      const seeds = new Map([['y', 'seed']]);
      assert.throws(() => appendBackward({ builder, nodes: branching, seeds, targets: [target] }), expected);
      assert.throws(() => appendForward(builder, branching, new Map([[target, 'seed']]), ['y']), expected);
    });

  it('that choose a shape stand in no way', () =>
    checkCase(
      {
        title: 'a shape by a condition',
        nodes: [
          node('Tanh', ['x'], ['t']),
          node('Shape', ['x'], ['dims']),
          choice(
            [node('Gather', ['dims', 'turned'], ['then'])],
            [node('Identity', ['dims'], ['otherwise'])],
            'shape',
            'int64',
          ),
          node('Reshape', ['t', 'shape'], ['y']),
        ],
        args: { x: normals(new Random(3), [2, 3]) },
        constants: { condition: yes, turned: { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 0n) } },
        output: 'y',
        differences: 'smooth',
      },
      5,
    ));
});
