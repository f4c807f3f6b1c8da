// The table from operator to differentiation rule, for the internal opset of `src/onnx/upgrade.ts`.
import type { OnnxNode } from '../onnx/model';
import type { Rule } from './rule';
import { convRule } from './rules/conv';
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
import { batchNormalizationRule } from './rules/normalization';
import { averagePoolRule, globalAveragePoolRule, maxPoolRule } from './rules/pooling';
import {
  castRule,
  concatRule,
  expandRule,
  gatherRule,
  padRule,
  reshapeRule,
  transposeRule,
} from './rules/shape';
import { logSoftmaxRule, softmaxRule } from './rules/softmax';

const rules: Readonly<Record<string, Rule>> = {
  Add: addRule,
  AveragePool: averagePoolRule,
  BatchNormalization: batchNormalizationRule,
  Cast: castRule,
  Concat: concatRule,
  Conv: convRule,
  Div: divRule,
  Expand: expandRule,
  Flatten: reshapeRule,
  Gather: gatherRule,
  Gemm: gemmRule,
  GlobalAveragePool: globalAveragePoolRule,
  Identity: identityRule,
  LogSoftmax: logSoftmaxRule,
  MatMul: matmulRule,
  MaxPool: maxPoolRule,
  Mul: mulRule,
  Neg: negRule,
  Pad: padRule,
  Relu: reluRule,
  Reshape: reshapeRule,
  Sigmoid: sigmoidRule,
  Softmax: softmaxRule,
  Squeeze: reshapeRule,
  Sub: subRule,
  Tanh: tanhRule,
  Transpose: transposeRule,
  Unsqueeze: reshapeRule,
};

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
