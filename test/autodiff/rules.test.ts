// Every differentiation rule over random shapes and attributes: the adjoint identity and finite differences.
import assert from 'node:assert/strict';
import { operatorsWithRules } from '../../src/autodiff/table';
import { Random } from '../../src/tensor/random';
import { gemmCase, matmulCase } from './cases/contraction';
import { convCase } from './cases/conv';
import { averagePoolCase, globalAveragePoolCase, maxPoolCase } from './cases/pooling';
import { checkCase, type Case } from './harness';

interface Cases {
  readonly make: (random: Random, index: number) => Case;
  readonly count: number;
}

const cases: Readonly<Record<string, Cases>> = {
  AveragePool: { make: averagePoolCase, count: 63 },
  Conv: { make: convCase, count: 60 },
  Gemm: { make: gemmCase, count: 40 },
  GlobalAveragePool: { make: globalAveragePoolCase, count: 20 },
  MatMul: { make: matmulCase, count: 32 },
  MaxPool: { make: maxPoolCase, count: 63 },
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
