// Which stored tensors are trainable, and the reason that is given for each.
import assert from 'node:assert/strict';
import { describeParameters, type ParameterSelection } from '../../src/autodiff/parameters';
import type { Attribute, OnnxNode, StoredTensor, ValueInfo } from '../../src/onnx/model';
import type { DType } from '../../src/tensor/dtype';
import { modelOf, node } from './harness';

/** A tensor of the file; its bytes are never read here. */
function stored(name: string, dims: readonly number[], dtype: DType = 'float32'): StoredTensor {
  const proto = { file: '/models/case.onnx', offset: 0, length: 0 };
  return { name, dtype, dims, encoding: 'raw', ranges: [], proto };
}

function value(name: string, dtype: DType = 'float32'): ValueInfo {
  return { name, dtype, dims: null };
}

function constant(name: string, dims: readonly number[]): OnnxNode {
  const attribute: Attribute = { type: 'tensor', value: stored('', dims) };
  return node('Constant', [], [name], { value: attribute });
}

interface Options {
  readonly opset?: number;
  readonly irVersion?: number;
  readonly selection?: ParameterSelection;
  readonly outputs?: readonly ValueInfo[];
  readonly inputs?: readonly ValueInfo[];
}

function describeGraph(
  nodes: readonly OnnxNode[],
  tensors: readonly StoredTensor[],
  options: Options = {},
): { reasons: Record<string, string>; trainable: string[]; unsupported: readonly object[] } {
  const model = modelOf(nodes, options.opset ?? 17, {
    inputs: options.inputs ?? [value('x')],
    outputs: options.outputs ?? [value('y')],
    initializers: new Map(tensors.map(tensor => [tensor.name, tensor])),
    irVersion: options.irVersion ?? 8,
  });
  const { parameters, unsupported } = describeParameters(model, options.selection);
  return {
    reasons: Object.fromEntries(parameters.map(({ name, reason }) => [name, reason])),
    trainable: parameters.filter(({ trainable }) => trainable).map(({ name }) => name),
    unsupported,
  };
}

describe('trainable parameters', () => {
  it('leave out the statistics of a batch normalisation', () => {
    const { reasons, trainable } = describeGraph(
      [node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y'])],
      ['s', 'b', 'm', 'v'].map(name => stored(name, [3])),
    );
    assert.deepEqual(trainable, ['s', 'b']);
    assert.equal(reasons['m'], 'mean of a batch normalisation');
    assert.equal(reasons['v'], 'variance of a batch normalisation');
  });

  it('leave out operands that are settings, and do not list integers at all', () => {
    const { reasons, trainable } = describeGraph(
      [
        node('Reshape', ['w', 'shape'], ['r']),
        node('MatMul', ['x', 'r'], ['h']),
        node('Pad', ['h', 'pads', 'fill'], ['p']),
        node('Gather', ['p', 'at'], ['y']),
      ],
      [
        stored('w', [6]),
        stored('shape', [2], 'int64'),
        stored('pads', [4], 'int64'),
        stored('fill', [1]),
        stored('at', [1], 'int64'),
      ],
    );
    assert.deepEqual(trainable, ['w']);
    assert.deepEqual(reasons, { w: 'weight', fill: 'a setting of Pad' });
  });

  it('leave out numbers that decide only a shape or a comparison', () => {
    const { reasons, trainable } = describeGraph(
      [
        node('Cast', ['size'], ['shape'], { to: 7 }),
        node('Reshape', ['x', 'shape'], ['r']),
        node('Mul', ['r', 'w'], ['y']),
        node('Greater', ['r', 'level'], ['unused']),
      ],
      [stored('size', [2]), stored('w', [4]), stored('level', [4])],
    );
    assert.deepEqual(trainable, ['w']);
    assert.equal(reasons['size'], 'a setting of Cast');
    assert.equal(reasons['level'], 'a setting of Greater');
  });

  it('take weights of Constant nodes, but not their single numbers', () => {
    const { reasons, trainable } = describeGraph(
      [
        constant('w', [3]),
        constant('k', [1]),
        constant('z', []),
        node('Mul', ['x', 'w'], ['a']),
        node('Mul', ['a', 'k'], ['b']),
        node('Add', ['b', 'z'], ['y']),
      ],
      [],
    );
    assert.deepEqual(trainable, ['w']);
    assert.equal(reasons['w'], 'weight in a Constant node');
    assert.equal(reasons['k'], 'a single number in a Constant node');
    assert.equal(reasons['z'], 'a single number (rank 0)');
  });

  it('take an initializer of one element, and rank 0 only when it is included', () => {
    const nodes = [node('Mul', ['x', 'one'], ['h']), node('Mul', ['h', 'scale'], ['y'])];
    const tensors = [stored('one', [1]), stored('scale', [])];
    assert.deepEqual(describeGraph(nodes, tensors).trainable, ['one']);
    const { reasons, trainable } = describeGraph(nodes, tensors, { selection: { include: ['sc*'] } });
    assert.deepEqual(trainable, ['one', 'scale']);
    assert.equal(reasons['scale'], 'included by the recipe');
  });

  it('take initializers that old files list among the inputs', () => {
    const { trainable } = describeGraph([node('MatMul', ['x', 'w'], ['y'])], [stored('w', [3, 2])], {
      irVersion: 3,
      opset: 7,
      inputs: [value('x'), value('w')],
    });
    assert.deepEqual(trainable, ['w']);
  });

  it('leave out what nothing uses, what has no elements and what reaches no output', () => {
    const { reasons, trainable } = describeGraph(
      [
        node('Concat', ['x', 'w', 'empty'], ['y'], { axis: 0 }),
        node('Mul', ['x', 'lost'], ['nowhere']),
        node('ArgMax', ['x'], ['i']),
      ],
      [stored('w', [2]), stored('empty', [0]), stored('lost', [2]), stored('idle', [2])],
    );
    assert.deepEqual(trainable, ['w']);
    assert.equal(reasons['empty'], 'has no elements');
    assert.equal(reasons['lost'], 'no differentiable path to an output');
    assert.equal(reasons['idle'], 'not used by the graph');
  });

  it('do not count integer outputs as an end of a path', () => {
    const { trainable } = describeGraph(
      [node('Mul', ['x', 'w'], ['h']), node('ArgMax', ['h'], ['y'])],
      [stored('w', [2])],
      { outputs: [value('y', 'int64')] },
    );
    assert.deepEqual(trainable, []);
  });

  it('follow the globs of the recipe, freezing before including', () => {
    const nodes = [
      node('Gemm', ['x', 'fc.1.weight', 'fc.1.bias'], ['h']),
      node('Gemm', ['h', 'fc+1+weight', 'fc.2.bias'], ['g']),
      node('Mul', ['g', 'scale'], ['y']),
    ];
    const tensors = [
      stored('fc.1.weight', [2, 2]),
      stored('fc.1.bias', [2]),
      stored('fc+1+weight', [2, 2]),
      stored('fc.2.bias', [2]),
      stored('scale', []),
    ];
    const chosen = (selection: ParameterSelection): string[] =>
      describeGraph(nodes, tensors, { selection }).trainable;
    assert.deepEqual(chosen({ freeze: ['*.bias'] }), ['fc.1.weight', 'fc+1+weight']);
    // A dot is a dot, a question mark one character.
    assert.deepEqual(chosen({ freeze: ['fc.1.*'] }), ['fc+1+weight', 'fc.2.bias']);
    assert.deepEqual(chosen({ freeze: ['fc.?.bias', 'fc?1?weight'] }), []);
    assert.deepEqual(chosen({ freeze: ['*'], include: ['scale'] }), []);
    const { reasons } = describeGraph(nodes, tensors, { selection: { freeze: ['scale'] } });
    assert.equal(reasons['scale'], 'frozen by the recipe');
  });

  it('name operators without a rule that lie between a parameter and an output', () => {
    const { trainable, unsupported } = describeGraph(
      [
        node('Det', ['x'], ['before']),
        node('Mul', ['before', 'w'], ['h']),
        { ...node('Det', ['h'], ['between'], { equation: 'ii->i' }), name: '' },
        { ...node('Frobnicate', ['between', 'v'], ['y']), domain: 'org.example', name: 'frob' },
        node('Det', ['h'], ['aside']),
      ],
      [stored('w', [2, 2]), stored('v', [2])],
    );
    assert.deepEqual(trainable, ['w', 'v']);
    assert.deepEqual(unsupported, [
      { op: 'Det', node: 'between', parameter: 'w' },
      { op: 'org.example.Frobnicate', node: 'frob', parameter: 'w' },
    ]);
  });

  it('name no operator that only frozen parameters reach', () => {
    const { unsupported } = describeGraph(
      [node('Mul', ['x', 'w'], ['h']), node('Det', ['h'], ['d']), node('Mul', ['d', 'v'], ['y'])],
      [stored('w', [2, 2]), stored('v', [2])],
      { selection: { freeze: ['w'] } },
    );
    assert.deepEqual(unsupported, []);
  });

  it('leave out bounds, regions and scales, with or without a rule for their operator', () => {
    const { reasons, trainable } = describeGraph(
      [
        node('Clip', ['x', 'low', 'high'], ['c']),
        node('Resize', ['c', 'roi', 'scales'], ['r']),
        node('Mul', ['r', 'w'], ['y']),
      ],
      [stored('low', [1]), stored('high', []), stored('roi', [8]), stored('scales', [4]), stored('w', [3])],
    );
    assert.deepEqual(trainable, ['w']);
    assert.equal(reasons['low'], 'a setting of Clip');
    assert.equal(reasons['high'], 'a setting of Clip');
    assert.equal(reasons['roi'], 'a setting of Resize');
    assert.equal(reasons['scales'], 'a setting of Resize');
  });
});
