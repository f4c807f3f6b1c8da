// Products of the gradients of some columns with those of others, G₁ᵀG₂, as a graph over per-sample factors.
import { GraphBuilder } from '../autodiff/builder';
import { internalOpset } from '../onnx/upgrade';
import type { ValueInfo } from '../onnx/model';
import { elementCount } from '../tensor/tensor';
import { valuesOf, type FactorOutput } from './factors';
import { sameId } from './gramTable';
import { overShifts } from './gramWindows';
import { feedFloats, type GraphSpec, type RuntimeTensor } from './session';

/** The graph's output. */
export const crossName = 'lethe/cross';

/** The name under which a factor's value is fed for the columns on one side. */
function sideName(side: 'rows' | 'columns', value: string): string {
  return `lethe/${side}/${value}`;
}

/**
 * The graph from the factors of `rows` columns and of `columns` others to their products, float32 [rows, columns]. A
 * factor used at T positions gives Σ_ts (a_it·a_js)(δ_it·δ_js); one of windows as `gramWindows` has it.
 */
export function crossGramGraph(factors: readonly FactorOutput[], rows: number, columns: number): GraphSpec {
  const b = new GraphBuilder('lethe-cross');
  const inputs: ValueInfo[] = [];
  const input = (name: string, dims: readonly number[]): string => {
    if (!b.hasDims(name)) {
      const flat = [dims[0] as number, elementCount(dims.slice(1))];
      inputs.push({ name, dtype: 'float32', dims: flat });
      b.declare(name, flat);
    }
    return b.reshape(name, dims);
  };
  const product = (value: string, size: number, positions: number): string =>
    b.matmul(
      b.reshape(input(sideName('rows', value), [rows, positions * size]), [rows * positions, size]),
      b.reshape(input(sideName('columns', value), [columns, positions * size]), [columns * positions, size]),
      { transB: true },
    );
  /** Products of all pairs of positions, each side's positions first: [positions · rows, positions · columns]. */
  const byPosition = (value: string, positions: number, size: number): string => {
    const side = (name: string, count: number): string =>
      b.reshape(b.transpose(input(name, [count, positions, size]), [1, 0, 2]), [positions * count, size]);
    return b.matmul(side(sideName('rows', value), rows), side(sideName('columns', value), columns), {
      transB: true,
    });
  };
  const shares = factors.map(factor => {
    switch (factor.kind) {
      case 'explicit':
      case 'blocks':
        return b.total(
          valuesOf(factor).map(([value, dims]) => product(value, elementCount(dims.slice(1)), 1)),
        );
      case 'outer': {
        const [, positions, left] = factor.leftDims as [number, number, number];
        const pairs = b.binary(
          'Mul',
          product(factor.left, left, positions),
          product(factor.right, factor.rightDims[2] as number, positions),
        );
        return positions === 1
          ? pairs
          : b.sum(b.reshape(pairs, [rows, positions, columns, positions]), [1, 3]);
      }
      case 'table': {
        const [, picks, width] = factor.rightDims as [number, number, number];
        const same = sameId(
          b,
          b.reshape(input(sideName('rows', factor.left), [rows, picks]), [rows * picks, 1]),
          b.reshape(input(sideName('columns', factor.left), [columns, picks]), [1, columns * picks]),
          'float32',
        );
        const pairs = b.binary('Mul', product(factor.right, width, picks), same);
        return b.sum(b.reshape(pairs, [rows, picks, columns, picks]), [1, 3]);
      }
      default: {
        const [, positions, left] = factor.leftDims as [number, number, number];
        const [, seen, right] = factor.rightDims as [number, number, number];
        const shifted = overShifts(b, factor, byPosition(factor.right, seen, right), [rows, columns]);
        const pairs = b.binary(
          'Mul',
          byPosition(factor.left, positions, left),
          b.reshape(shifted, [positions * rows, positions * columns]),
        );
        return b.sum(b.reshape(pairs, [positions, rows, positions, columns]), [0, 2]);
      }
    }
  });
  b.push({
    name: crossName,
    opType: 'Identity',
    domain: '',
    inputs: [b.total(shares)],
    outputs: [crossName],
    attributes: new Map(),
  });
  return {
    nodes: b.nodes,
    constants: b.constants,
    inputs,
    outputs: [{ name: crossName, dtype: 'float32', dims: [rows, columns] }],
    opsets: new Map([['', internalOpset]]),
  };
}

/** The feeds of one side: values of the factors by their own names, [count, …]. */
export function crossFeeds(
  side: 'rows' | 'columns',
  values: ReadonlyMap<string, Float32Array>,
  count: number,
): Record<string, RuntimeTensor> {
  return Object.fromEntries(
    [...values].map(([name, data]) => [sideName(side, name), feedFloats(data, [count, data.length / count])]),
  );
}
