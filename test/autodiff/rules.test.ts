// Every differentiation rule over random shapes and attributes: the adjoint identity and finite differences.
import assert from 'node:assert/strict';
import { operatorsWithRules } from '../../src/autodiff/table';
import { Random } from '../../src/tensor/random';
import { gemmCase, matmulCase } from './cases/contraction';
import { convCase } from './cases/conv';
import { batchNormalizationCase, binaryCase, reluCase, softmaxCase, unaryCase } from './cases/elementwise';
import { averagePoolCase, globalAveragePoolCase, maxPoolCase } from './cases/pooling';
import {
  castCase,
  concatCase,
  expandCase,
  flattenCase,
  gatherCase,
  identityCase,
  padCase,
  reshapeCase,
  squeezeCase,
  transposeCase,
} from './cases/shape';
import { checkCase, normals, type Case } from './harness';

interface Cases {
  readonly make: (random: Random, index: number) => Case;
  readonly count: number;
}

const cases: Readonly<Record<string, Cases>> = {
  Add: { make: binaryCase('Add'), count: 30 },
  AveragePool: { make: averagePoolCase, count: 63 },
  BatchNormalization: { make: batchNormalizationCase, count: 20 },
  Cast: { make: castCase, count: 24 },
  Concat: { make: concatCase, count: 24 },
  Conv: { make: convCase, count: 60 },
  Div: { make: binaryCase('Div'), count: 30 },
  Expand: { make: expandCase, count: 20 },
  Flatten: { make: flattenCase, count: 20 },
  Gather: { make: gatherCase, count: 24 },
  Gemm: { make: gemmCase, count: 40 },
  GlobalAveragePool: { make: globalAveragePoolCase, count: 20 },
  Identity: { make: identityCase, count: 20 },
  LogSoftmax: { make: softmaxCase('LogSoftmax'), count: 24 },
  MatMul: { make: matmulCase, count: 32 },
  MaxPool: { make: maxPoolCase, count: 63 },
  Mul: { make: binaryCase('Mul'), count: 30 },
  Neg: { make: unaryCase('Neg', 'exact', normals), count: 20 },
  Pad: { make: padCase, count: 24 },
  Relu: { make: reluCase, count: 20 },
  Reshape: { make: reshapeCase, count: 24 },
  Sigmoid: { make: unaryCase('Sigmoid', 'smooth', normals), count: 20 },
  Softmax: { make: softmaxCase('Softmax'), count: 24 },
  Squeeze: { make: squeezeCase('Squeeze'), count: 20 },
  Sub: { make: binaryCase('Sub'), count: 30 },
  Tanh: { make: unaryCase('Tanh', 'smooth', normals), count: 20 },
  Transpose: { make: transposeCase, count: 20 },
  Unsqueeze: { make: squeezeCase('Unsqueeze'), count: 20 },
};

describe('differentiation rules', () => {
  it('have at least 20 cases each', () => {
    assert.deepEqual(Object.keys(cases).sort(), [...operatorsWithRules()].sort());
    for (const [operator, { count }] of Object.entries(cases)) assert.ok(count >= 20, operator);
  });

  for (const [operator, { make, count }] of Object.entries(cases))
    it(`${operator}: ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ and finite differences over ${count} cases`, async () => {
      for (let index = 0; index < count; index++) {
        const test = make(new Random(1000 + index), index);
        assert.ok(test.nodes.some(node => node.opType === operator));
        try {
          await checkCase(test, index);
        } catch (error) {
          throw new Error(`${operator}, case ${index} (opset ${test.opset ?? 'internal'}: ${test.title})`, {
            cause: error,
          });
        }
      }
    });
});
