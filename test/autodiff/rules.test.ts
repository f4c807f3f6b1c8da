// Every differentiation rule over random shapes and attributes: the adjoint identity and finite differences.
import assert from 'node:assert/strict';
import { operatorsWithRules } from '../../src/autodiff/table';
import { Random } from '../../src/tensor/random';
import { gemmCase, matmulCase } from './cases/contraction';
import { convCase } from './cases/conv';
import { batchNormalizationCase, binaryCase, reluCase, softmaxCase, unaryCase } from './cases/elementwise';
import {
  clipCase,
  functionCase,
  hardSigmoidCase,
  hardSwishCase,
  modCase,
  powCase,
  preluCase,
  someFloat,
  stepped,
  variadicCase,
  whereCase,
  within,
} from './cases/functions';
import {
  blockCase,
  cumSumCase,
  gatherElementsCase,
  gatherNdCase,
  globalMaxPoolCase,
  reductionCase,
  scatterElementsCase,
  scatterNdCase,
  sliceCase,
  splitCase,
  tileCase,
  topKCase,
  triluCase,
  oneHotCase,
  withZeros,
} from './cases/indexing';
import {
  convTransposeCase,
  copyPadCase,
  einsumCase,
  groupNormalizationCase,
  instanceNormalizationCase,
  layerNormalizationCase,
  lpNormalizationCase,
  lpPoolCase,
  lrnCase,
  meanVarianceCase,
  resizeCase,
} from './cases/normalization';
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
import { withoutDouble } from '../../src/onnx/doubleKernels';
import { awayFromZero, checkCase, normals, prepare, spaced, type Case } from './harness';

interface Cases {
  readonly make: (random: Random, index: number) => Case;
  readonly count: number;
}

const cases: Readonly<Record<string, Cases>> = {
  Abs: { make: functionCase('Abs', { values: awayFromZero }), count: 20 },
  Acos: { make: functionCase('Acos', { values: within(-0.8, 0.8) }), count: 20 },
  Acosh: { make: functionCase('Acosh', { values: within(1.3, 4) }), count: 20 },
  Add: { make: binaryCase('Add'), count: 30 },
  Asin: { make: functionCase('Asin', { values: within(-0.8, 0.8) }), count: 20 },
  Asinh: { make: functionCase('Asinh'), count: 20 },
  Atan: { make: functionCase('Atan'), count: 20 },
  Atanh: { make: functionCase('Atanh', { values: within(-0.8, 0.8) }), count: 20 },
  AveragePool: { make: averagePoolCase, count: 63 },
  BatchNormalization: { make: batchNormalizationCase, count: 20 },
  Cast: { make: castCase, count: 24 },
  Celu: {
    make: functionCase('Celu', { values: awayFromZero, attributes: someFloat('alpha', 0.5, 2) }),
    count: 20,
  },
  Clip: { make: clipCase, count: 20 },
  Concat: { make: concatCase, count: 24 },
  Conv: { make: convCase, count: 60 },
  ConvTranspose: { make: convTransposeCase, count: 36 },
  Cos: { make: functionCase('Cos'), count: 20 },
  Cosh: { make: functionCase('Cosh'), count: 20 },
  CumSum: { make: cumSumCase, count: 24 },
  DepthToSpace: { make: blockCase('DepthToSpace'), count: 24 },
  Div: { make: binaryCase('Div'), count: 30 },
  Einsum: { make: einsumCase, count: 36 },
  Elu: {
    make: functionCase('Elu', { values: awayFromZero, attributes: someFloat('alpha', 0.5, 2) }),
    count: 20,
  },
  Erf: { make: functionCase('Erf'), count: 20 },
  Exp: { make: functionCase('Exp'), count: 20 },
  Expand: { make: expandCase, count: 20 },
  Flatten: { make: flattenCase, count: 20 },
  Gather: { make: gatherCase, count: 24 },
  GatherElements: { make: gatherElementsCase, count: 24 },
  GatherND: { make: gatherNdCase, count: 24 },
  Gelu: {
    make: functionCase('Gelu', { attributes: (_, index) => (index % 2 ? { approximate: 'tanh' } : {}) }),
    count: 20,
  },
  Gemm: { make: gemmCase, count: 40 },
  GlobalAveragePool: { make: globalAveragePoolCase, count: 20 },
  GlobalMaxPool: { make: globalMaxPoolCase, count: 24 },
  GroupNormalization: { make: groupNormalizationCase, count: 24 },
  HardSigmoid: { make: hardSigmoidCase, count: 20 },
  HardSwish: { make: hardSwishCase, count: 20 },
  Identity: { make: identityCase, count: 20 },
  InstanceNormalization: { make: instanceNormalizationCase, count: 24 },
  LRN: { make: lrnCase, count: 24 },
  LayerNormalization: { make: layerNormalizationCase, count: 24 },
  LeakyRelu: {
    make: functionCase('LeakyRelu', {
      values: stepped,
      attributes: someFloat('alpha', 0.05, 0.5),
      kinks: true,
    }),
    count: 20,
  },
  Log: { make: functionCase('Log', { values: within(0.3, 3) }), count: 20 },
  LogSoftmax: { make: softmaxCase('LogSoftmax'), count: 24 },
  LpNormalization: { make: lpNormalizationCase, count: 24 },
  LpPool: { make: lpPoolCase, count: 24 },
  MatMul: { make: matmulCase, count: 32 },
  Max: { make: variadicCase('Max'), count: 20 },
  MaxPool: { make: maxPoolCase, count: 63 },
  Mean: { make: variadicCase('Mean'), count: 20 },
  MeanVarianceNormalization: { make: meanVarianceCase, count: 24 },
  Min: { make: variadicCase('Min'), count: 20 },
  Mish: { make: functionCase('Mish'), count: 20 },
  Mod: { make: modCase, count: 20 },
  Mul: { make: binaryCase('Mul'), count: 30 },
  Neg: { make: unaryCase('Neg', 'exact', normals), count: 20 },
  PRelu: { make: preluCase, count: 20 },
  Pad: { make: (random, index) => (index % 2 ? copyPadCase : padCase)(random, index), count: 48 },
  OneHot: { make: oneHotCase, count: 24 },
  Pow: { make: powCase, count: 20 },
  Reciprocal: { make: functionCase('Reciprocal', { values: awayFromZero }), count: 20 },
  ReduceL1: { make: reductionCase('ReduceL1', awayFromZero), count: 24 },
  ReduceL2: { make: reductionCase('ReduceL2', awayFromZero), count: 24 },
  ReduceLogSum: { make: reductionCase('ReduceLogSum', within(0.3, 3)), count: 24 },
  ReduceLogSumExp: { make: reductionCase('ReduceLogSumExp'), count: 24 },
  ReduceMax: { make: reductionCase('ReduceMax', spaced, 'piecewise'), count: 24 },
  ReduceMean: { make: reductionCase('ReduceMean', normals, 'exact'), count: 24 },
  ReduceMin: { make: reductionCase('ReduceMin', spaced, 'piecewise'), count: 24 },
  ReduceProd: { make: reductionCase('ReduceProd', withZeros, 'smooth', 2), count: 24 },
  ReduceSum: { make: reductionCase('ReduceSum', normals, 'exact'), count: 24 },
  ReduceSumSquare: { make: reductionCase('ReduceSumSquare'), count: 24 },
  Relu: { make: reluCase, count: 20 },
  Reshape: { make: reshapeCase, count: 24 },
  Resize: { make: resizeCase, count: 60 },
  ScatterElements: { make: scatterElementsCase, count: 24 },
  ScatterND: { make: scatterNdCase, count: 24 },
  Selu: {
    make: functionCase('Selu', { values: awayFromZero, attributes: someFloat('alpha', 1, 2) }),
    count: 20,
  },
  Sigmoid: { make: unaryCase('Sigmoid', 'smooth', normals), count: 20 },
  Sin: { make: functionCase('Sin'), count: 20 },
  Sinh: { make: functionCase('Sinh'), count: 20 },
  Slice: { make: sliceCase, count: 24 },
  Softmax: { make: softmaxCase('Softmax'), count: 24 },
  Softplus: { make: functionCase('Softplus'), count: 20 },
  Softsign: { make: functionCase('Softsign', { values: awayFromZero }), count: 20 },
  SpaceToDepth: { make: blockCase('SpaceToDepth'), count: 24 },
  Split: { make: splitCase, count: 24 },
  Sqrt: { make: functionCase('Sqrt', { values: within(0.3, 3) }), count: 20 },
  Squeeze: { make: squeezeCase('Squeeze'), count: 20 },
  Sub: { make: binaryCase('Sub'), count: 30 },
  Sum: { make: variadicCase('Sum'), count: 20 },
  Tan: { make: functionCase('Tan', { values: within(-1.2, 1.2) }), count: 20 },
  Tanh: { make: unaryCase('Tanh', 'smooth', normals), count: 20 },
  ThresholdedRelu: {
    make: functionCase('ThresholdedRelu', {
      values: stepped,
      attributes: () => ({ alpha: { float: 0.2 } }),
      kinks: true,
    }),
    count: 20,
  },
  Tile: { make: tileCase, count: 24 },
  TopK: { make: topKCase, count: 24 },
  Transpose: { make: transposeCase, count: 20 },
  Trilu: { make: triluCase, count: 24 },
  Unsqueeze: { make: squeezeCase('Unsqueeze'), count: 20 },
  Where: { make: whereCase, count: 20 },
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

  it('give all digits in float64, where ONNX Runtime has the kernels', async () => {
    const without: string[] = [];
    for (const [operator, { make }] of Object.entries(cases)) {
      for (let index = 0; index < 6; index++) {
        const test = make(new Random(2000 + index), index);
        if (withoutDouble(prepare(test, 'float64').nodes)) {
          if (!without.includes(operator)) without.push(operator);
          continue;
        }
        await checkCase(test, index, 'float64').catch((error: unknown) => {
          throw new Error(`${operator}, case ${index} (${test.title})`, { cause: error });
        });
      }
    }
    assert.deepEqual(without, [
      ...[
        'Acos',
        'Asin',
        'Atan',
        'AveragePool',
        'Conv',
        'ConvTranspose',
        'GlobalAveragePool',
        'GlobalMaxPool',
      ],
      ...['InstanceNormalization', 'LRN', 'LpPool', 'MeanVarianceNormalization', 'Resize'],
    ]);
  });
});
