// One small graph for every operator (and every way of writing it that matters), all with a weight before it.
import { elementwise } from './graphCases/elementwise';
import { others } from './graphCases/others';
import type { OperatorCase } from './graphCases/parts';
import { rearranging } from './graphCases/shapes';
import { slidingWindows } from './graphCases/windows';

/** Nothing flows back through these. */
const flat = ['ArgMax', 'ArgMin', 'Ceil', 'Floor', 'FloorDiv', 'Round', 'Sign'];

/** TensorFlow.js has no gradient of these, or refuses it. */
const refused = /dilation 2|StridedSlice|^GatherNd|^Einsum/;

export const operatorCases: readonly OperatorCase[] = [
  ...elementwise,
  ...slidingWindows,
  ...rearranging,
  ...others,
].map(each => {
  if (each.ops.every(op => flat.includes(op))) return { ...each, gradient: 'none' };
  return refused.test(each.name) ? { ...each, gradient: 'differences' } : each;
});
