// The activations that end a model, in the spellings of several exporters.
import assert from 'node:assert/strict';
import { finalActivation } from '../../src/onnx/finalActivation';
import type { Attribute, DeclaredDim, Graph, OnnxNode } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { int64 } from '../../src/tensor/tensor';
import { sample } from './support';

type Step = readonly [
  opType: string,
  inputs: string,
  output: string,
  attributes?: Record<string, number | number[]>,
];

function graphOf(steps: readonly Step[], dims: readonly DeclaredDim[] | null): Graph {
  const nodes = steps.map(([opType, inputs, output, attributes = {}]): OnnxNode => {
    const pairs = Object.entries(attributes).map(([name, value]): [string, Attribute] => [
      name,
      typeof value === 'number' ? { type: 'int', value } : { type: 'ints', value },
    ]);
    return {
      name: '',
      opType,
      domain: '',
      inputs: inputs.split(' '),
      outputs: [output],
      attributes: new Map(pairs),
    };
  });
  return {
    name: 'g',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', dims: null }],
    outputs: [{ name: 'y', dtype: 'float32', dims }],
    initializers: new Map([['last', int64([1], [-1])]]),
    valueInfo: [],
  };
}

function found(opset: number, dims: readonly DeclaredDim[] | null, ...steps: Step[]): unknown {
  return finalActivation({ graph: graphOf(steps, dims), opsets: new Map([['', opset]]) }, 'y');
}

describe('finalActivation', () => {
  it('finds the plain ones, with a counted axis where the rank is known', () => {
    assert.deepEqual(found(13, ['N', 5], ['Softmax', 'z', 'y']), { kind: 'softmax', logits: 'z', axis: 1 });
    assert.deepEqual(found(13, null, ['Softmax', 'z', 'y']), { kind: 'softmax', logits: 'z', axis: -1 });
    assert.deepEqual(found(13, ['N', 5, 7, 7], ['LogSoftmax', 'z', 'y', { axis: 1 }]), {
      kind: 'log-softmax',
      logits: 'z',
      axis: 1,
    });
    assert.deepEqual(found(13, ['N', 1], ['Sigmoid', 'z', 'y']), {
      kind: 'sigmoid',
      logits: 'z',
      axis: null,
    });
    assert.equal(found(13, ['N', 5], ['Relu', 'z', 'y']), null);
    assert.equal(found(13, ['N', 5], ['Softmax', 'z', 's'], ['Mul', 's s', 'y']), null);
  });

  it('looks through nodes that change nothing', () => {
    const softmax = { kind: 'softmax', logits: 'z', axis: 1 };
    assert.deepEqual(
      found(
        13,
        ['N', 5],
        ['Softmax', 'z', 'a'],
        ['Cast', 'a', 'b', { to: 10 }],
        ['Identity', 'b', 'c'],
        ['Dropout', 'c', 'y'],
      ),
      { ...softmax, axis: -1 },
    );
    assert.deepEqual(
      found(13, null, ['Gemm', 'x w', 'z'], ['Softmax', 'z', 'a'], ['Flatten', 'a', 'y']),
      softmax,
    );
    assert.equal(
      found(13, null, ['Conv', 'x w', 'z'], ['Softmax', 'z', 'a', { axis: 1 }], ['Flatten', 'a', 'y']),
      null,
    );
    assert.equal(found(13, ['N', 5], ['Softmax', 'z', 'a'], ['Cast', 'a', 'y', { to: 7 }]), null);
  });

  it('takes a logarithm of a softmax as one', () => {
    assert.deepEqual(found(13, ['N', 5], ['Softmax', 'z', 'p', { axis: 1 }], ['Log', 'p', 'y']), {
      kind: 'log-softmax',
      logits: 'z',
      axis: 1,
    });
    assert.equal(found(13, ['N', 5], ['Sigmoid', 'z', 'p'], ['Log', 'p', 'y']), null);
  });

  it('knows a softmax that is spelt out, as old exporters do', () => {
    const rest: Step[] = [
      ['Exp', 'd', 'e'],
      ['ReduceSum', 'e last', 's'],
      ['Div', 'e s', 'y'],
    ];
    assert.deepEqual(
      found(13, ['N', 5], ['ReduceMax', 'z', 'm', { axes: [-1] }], ['Sub', 'z m', 'd'], ...rest),
      {
        kind: 'softmax',
        logits: 'z',
        axis: 1,
      },
    );
    assert.deepEqual(found(13, ['N', 5], ['Mul', 'z z', 'd'], ...rest), {
      kind: 'softmax',
      logits: 'd',
      axis: 1,
    });
    assert.equal(
      found(
        13,
        ['N', 5],
        ['Exp', 'd', 'e'],
        ['ReduceSum', 'e last', 's', { keepdims: 0 }],
        ['Div', 'e s', 'y'],
      ),
      null,
    );
  });

  it('reports a softmax over several axes of old opsets only where it is over one', () => {
    assert.deepEqual(found(11, ['N', 5], ['Softmax', 'z', 'y']), { kind: 'softmax', logits: 'z', axis: 1 });
    assert.deepEqual(found(11, ['N', 5, 1, 1], ['Softmax', 'z', 'y']), {
      kind: 'softmax',
      logits: 'z',
      axis: 1,
    });
    assert.equal(found(11, ['N', 5, 7, 7], ['Softmax', 'z', 'y']), null);
    assert.equal(found(11, null, ['Softmax', 'z', 'y']), null);
    assert.deepEqual(found(11, null, ['Gemm', 'x w', 'z'], ['Softmax', 'z', 'y']), {
      kind: 'softmax',
      logits: 'z',
      axis: 1,
    });
    assert.deepEqual(found(11, null, ['Softmax', 'z', 'y', { axis: -1 }]), {
      kind: 'softmax',
      logits: 'z',
      axis: -1,
    });
  });

  it('ends on graphs that run in a circle', () => {
    assert.equal(found(13, null, ['Identity', 'a', 'y'], ['Identity', 'y', 'a']), null);
    assert.equal(found(13, null, ['Log', 'a', 'y'], ['Identity', 'y', 'a']), null);
  });

  it('finds none in the samples, which end in logits', () => {
    assert.equal(finalActivation(readModel(sample('mnist-mislabelled')), 'logits'), null);
    assert.equal(finalActivation(readModel(sample('sine-poisoned')), 'y'), null);
  });
});
