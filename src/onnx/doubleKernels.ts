// Which operators ONNX Runtime's CPU provider computes in float64. Tried out with onnxruntime-node 1.30 for opsets 22 to
// 25; `test/onnx/doubleKernels.test.ts` tries again.
import { substituted } from './doubleSubstitutes';
import type { OnnxNode } from './model';

/** Operators that have a kernel for float64, or none that depends on the type. */
export const withDoubleKernel: readonly string[] = [
  ...[
    'Abs',
    'Add',
    'And',
    'ArgMax',
    'ArgMin',
    'BatchNormalization',
    'Cast',
    'CastLike',
    'Ceil',
    'CenterCropPad',
  ],
  ...['Clip', 'Compress', 'Concat', 'Constant', 'ConstantOfShape', 'Cos', 'CumSum', 'DepthToSpace', 'Div'],
  ...[
    'Einsum',
    'Equal',
    'Exp',
    'Expand',
    'EyeLike',
    'Flatten',
    'Floor',
    'Gather',
    'GatherElements',
    'GatherND',
  ],
  ...[
    'Gemm',
    'Greater',
    'GreaterOrEqual',
    'GridSample',
    'GroupNormalization',
    'Identity',
    'If',
    'IsInf',
    'IsNaN',
  ],
  ...[
    'LayerNormalization',
    'Less',
    'LessOrEqual',
    'Log',
    'LogSoftmax',
    'Loop',
    'LpNormalization',
    'MatMul',
    'Max',
  ],
  ...['MaxPool', 'Min', 'Mod', 'Mul', 'Neg', 'Not', 'Or', 'Pad', 'Pow', 'Range', 'Reciprocal', 'ReduceL1'],
  ...['ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd'],
  ...[
    'ReduceSum',
    'ReduceSumSquare',
    'Relu',
    'Reshape',
    'ReverseSequence',
    'Round',
    'Scan',
    'ScatterElements',
  ],
  ...[
    'ScatterND',
    'Shape',
    'Shrink',
    'Sigmoid',
    'Sign',
    'Sin',
    'Size',
    'Slice',
    'Softmax',
    'SpaceToDepth',
    'Split',
  ],
  ...[
    'Sqrt',
    'Squeeze',
    'Sub',
    'Sum',
    'Tanh',
    'Tile',
    'TopK',
    'Transpose',
    'Trilu',
    'Unsqueeze',
    'Where',
    'Xor',
  ],
];

const capable = new Set([...withDoubleKernel, ...substituted]);

function isCapable(node: OnnxNode): boolean {
  if (node.domain === '' || node.domain === 'ai.onnx') return capable.has(node.opType);
  if (node.domain !== 'ai.onnx.ml') return false;
  // How scikit-learn's exporter turns the number of a class into its label. Its other operators give float32.
  if (node.opType === 'ArrayFeatureExtractor') return true;
  const floating = [...node.attributes.keys()].some(name => /float|tensor/.test(name));
  return node.opType === 'LabelEncoder' && !floating;
}

/** The first node, sub-graphs included, that cannot be computed in float64; undefined where all can. */
export function withoutDouble(nodes: readonly OnnxNode[]): OnnxNode | undefined {
  for (const node of nodes) {
    if (!isCapable(node)) return node;
    for (const attribute of node.attributes.values()) {
      if (attribute.type !== 'graph') continue;
      const inside = withoutDouble(attribute.value.nodes);
      if (inside) return inside;
    }
  }
  return undefined;
}
