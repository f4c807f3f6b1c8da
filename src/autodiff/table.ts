// The table from operator to differentiation rule, for the internal opset of `src/onnx/upgrade.ts`.
import type { OnnxNode } from '../onnx/model';
import { describeNode, type Rule, type RuleContext } from './rule';
import { convRule, convTransposeRule } from './rules/conv';
import { gemmRule, matmulRule } from './rules/contraction';
import {
  addRule,
  constantRule,
  divRule,
  identityRule,
  mulRule,
  negRule,
  reluRule,
  sigmoidRule,
  subRule,
  tanhRule,
} from './rules/elementwise';
import { extremeRule, meanRule, modRule, powRule, sumRule, whereRule } from './rules/combining';
import {
  absRule,
  acosRule,
  acoshRule,
  asinRule,
  asinhRule,
  atanRule,
  atanhRule,
  celuRule,
  clipRule,
  cosRule,
  coshRule,
  eluRule,
  erfRule,
  expRule,
  geluRule,
  hardSigmoidRule,
  hardSwishRule,
  leakyReluRule,
  logRule,
  mishRule,
  preluRule,
  reciprocalRule,
  seluRule,
  sinRule,
  sinhRule,
  softplusRule,
  softsignRule,
  sqrtRule,
  tanRule,
  thresholdedReluRule,
} from './rules/functions';
import {
  cumSumRule,
  depthToSpaceRule,
  gatherElementsRule,
  gatherNdRule,
  oneHotRule,
  sliceRule,
  spaceToDepthRule,
  splitRule,
  tileRule,
  topKRule,
  triluRule,
} from './rules/indexing';
import {
  globalMaxPoolRule,
  reduceExtremeRule,
  reduceL1Rule,
  reduceL2Rule,
  reduceLogSumExpRule,
  reduceLogSumRule,
  reduceMeanRule,
  reduceProdRule,
  reduceSumRule,
  reduceSumSquareRule,
} from './rules/reduction';
import {
  groupNormalizationRule,
  instanceNormalizationRule,
  layerNormalizationRule,
  lpNormalizationRule,
  lrnRule,
  meanVarianceNormalizationRule,
} from './rules/layerNormalization';
import { gatherRule } from './rules/lookup';
import { resizeRule } from './rules/resize';
import { scatterElementsRule, scatterNdRule } from './rules/scatter';
import { einsumRule } from './rules/einsum';
import { batchNormalizationRule } from './rules/normalization';
import { averagePoolRule, globalAveragePoolRule, lpPoolRule, maxPoolRule } from './rules/pooling';
import { castRule, concatRule, expandRule, padRule, reshapeRule, transposeRule } from './rules/shape';
import { logSoftmaxRule, softmaxRule } from './rules/softmax';

const rules: Readonly<Record<string, Rule>> = {
  Abs: absRule,
  Acos: acosRule,
  Acosh: acoshRule,
  Add: addRule,
  Asin: asinRule,
  Asinh: asinhRule,
  Atan: atanRule,
  Atanh: atanhRule,
  AveragePool: averagePoolRule,
  BatchNormalization: batchNormalizationRule,
  Cast: castRule,
  Celu: celuRule,
  Clip: clipRule,
  Concat: concatRule,
  Conv: convRule,
  ConvTranspose: convTransposeRule,
  Cos: cosRule,
  Cosh: coshRule,
  CumSum: cumSumRule,
  DepthToSpace: depthToSpaceRule,
  Div: divRule,
  Einsum: einsumRule,
  Elu: eluRule,
  Erf: erfRule,
  Exp: expRule,
  Expand: expandRule,
  Flatten: reshapeRule,
  Gather: gatherRule,
  GatherElements: gatherElementsRule,
  GatherND: gatherNdRule,
  Gelu: geluRule,
  Gemm: gemmRule,
  GlobalAveragePool: globalAveragePoolRule,
  GlobalMaxPool: globalMaxPoolRule,
  GroupNormalization: groupNormalizationRule,
  HardSigmoid: hardSigmoidRule,
  HardSwish: hardSwishRule,
  Identity: identityRule,
  InstanceNormalization: instanceNormalizationRule,
  LRN: lrnRule,
  LayerNormalization: layerNormalizationRule,
  LeakyRelu: leakyReluRule,
  Log: logRule,
  LogSoftmax: logSoftmaxRule,
  LpNormalization: lpNormalizationRule,
  LpPool: lpPoolRule,
  MatMul: matmulRule,
  Max: extremeRule,
  MaxPool: maxPoolRule,
  Mean: meanRule,
  MeanVarianceNormalization: meanVarianceNormalizationRule,
  Min: extremeRule,
  Mish: mishRule,
  Mod: modRule,
  Mul: mulRule,
  Neg: negRule,
  OneHot: oneHotRule,
  PRelu: preluRule,
  Pad: padRule,
  Pow: powRule,
  Reciprocal: reciprocalRule,
  ReduceL1: reduceL1Rule,
  ReduceL2: reduceL2Rule,
  ReduceLogSum: reduceLogSumRule,
  ReduceLogSumExp: reduceLogSumExpRule,
  ReduceMax: reduceExtremeRule,
  ReduceMean: reduceMeanRule,
  ReduceMin: reduceExtremeRule,
  ReduceProd: reduceProdRule,
  ReduceSum: reduceSumRule,
  ReduceSumSquare: reduceSumSquareRule,
  Relu: reluRule,
  Reshape: reshapeRule,
  Resize: resizeRule,
  ScatterElements: scatterElementsRule,
  ScatterND: scatterNdRule,
  Selu: seluRule,
  Sigmoid: sigmoidRule,
  Sin: sinRule,
  Sinh: sinhRule,
  Slice: sliceRule,
  Softmax: softmaxRule,
  Softplus: softplusRule,
  Softsign: softsignRule,
  SpaceToDepth: spaceToDepthRule,
  Split: splitRule,
  Sqrt: sqrtRule,
  Squeeze: reshapeRule,
  Sub: subRule,
  Sum: sumRule,
  Tan: tanRule,
  Tanh: tanhRule,
  ThresholdedRelu: thresholdedReluRule,
  Tile: tileRule,
  TopK: topKRule,
  Transpose: transposeRule,
  Trilu: triluRule,
  Unsqueeze: reshapeRule,
  Where: whereRule,
};

/**
 * Operators that are written out in others before a graph is differentiated (`src/onnx/lowerRecurrent.ts`), and the
 * inputs that gradients flow to.
 */
const writtenOut: Readonly<Record<string, Rule>> = {
  GRU: writtenOutRule([0, 1, 2, 3, 5]),
  LSTM: writtenOutRule([0, 1, 2, 3, 5, 6, 7]),
  RNN: writtenOutRule([0, 1, 2, 3, 5]),
};

function writtenOutRule(inputs: readonly number[]): Rule {
  const never = (c: RuleContext): never => {
    throw new TypeError(`${describeNode(c.node)} was not written out before differentiation.`);
  };
  return { inputs, vjp: never, jvp: never };
}

/** Operators whose results carry no gradient: shapes, comparisons, choices, and steps. */
const withoutGradient: readonly string[] = [
  'And',
  'ArgMax',
  'ArgMin',
  'Ceil',
  'Constant',
  'ConstantOfShape',
  'Equal',
  'EyeLike',
  'Floor',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'NonZero',
  'Not',
  'Or',
  'Range',
  'Round',
  'Shape',
  'Sign',
  'Size',
  'Xor',
];

/** The rule of a node, or undefined where Lethe has none. */
export function ruleOf(node: OnnxNode): Rule | undefined {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined;
  if (withoutGradient.includes(node.opType)) return constantRule;
  if (Object.hasOwn(writtenOut, node.opType)) return writtenOut[node.opType];
  return Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
}

/** The inputs of a node that gradients can flow to, given its rule. */
export function differentiableInputs(node: OnnxNode, rule: Rule): readonly number[] {
  if (rule.inputs === 'all') return node.inputs.map((_, index) => index);
  const listed = typeof rule.inputs === 'function' ? rule.inputs(node) : rule.inputs;
  return listed.filter(index => Boolean(node.inputs[index]));
}

/** The names of all operators with a rule. */
export function operatorsWithRules(): readonly string[] {
  return Object.keys(rules);
}
