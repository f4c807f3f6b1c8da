// What a per-sample graph finds about a parameter, and how it lies in memory.
import type { Windows } from '../autodiff/windows';
import { elementCount } from '../tensor/tensor';

/** The gradient of each sample: [samples, …dims of the parameter]. */
export interface ExplicitGradients {
  readonly parameter: string;
  readonly kind: 'explicit';
  readonly value: string;
  readonly dims: readonly number[];
}

/** Kernel gradients as the blocked layout leaves them: by block of input channels, [samples, M/B, kernel, B, B]. */
export interface BlockedGradients {
  readonly parameter: string;
  readonly kind: 'blocks';
  readonly values: readonly string[];
  /** The dims of one value; the last axis holds the output in its block, the one before the channel. */
  readonly dims: readonly number[];
}

/** The gradient of sample i is Σ_t left[i, t] ⊗ right[i, t]. */
export interface OuterFactors {
  readonly parameter: string;
  readonly kind: 'outer';
  readonly left: string;
  readonly right: string;
  /** [samples, positions, rows] */
  readonly leftDims: readonly number[];
  /** [samples, positions, columns] */
  readonly rightDims: readonly number[];
}

/** The gradient of sample i is Σ_t left[i, t] ⊗ what the window at t sees of right[i]; the kernel is [M, C, …]. */
export interface WindowFactors {
  readonly parameter: string;
  readonly kind: 'windows';
  readonly left: string;
  readonly right: string;
  /** [samples, positions of the result, M] */
  readonly leftDims: readonly number[];
  /** [samples, positions of the input, C] */
  readonly rightDims: readonly number[];
  /** Stride 1. */
  readonly windows: Windows;
}

/** The gradient of sample i, of a table, has right[i, t] added to its row left[i, t]. */
export interface TableFactors {
  readonly parameter: string;
  readonly kind: 'table';
  /** Whole numbers as floats. */
  readonly left: string;
  readonly right: string;
  /** [samples, picks, 1] */
  readonly leftDims: readonly number[];
  /** [samples, picks, width] */
  readonly rightDims: readonly number[];
  /** The rows of the table. */
  readonly rows: number;
}

/**
 * Where a per-sample graph leaves what it found about a parameter. The outputs hold the elements in this order; with
 * factors, their own dims may differ from those given here.
 */
export type FactorOutput = ExplicitGradients | BlockedGradients | OuterFactors | WindowFactors | TableFactors;

/** The values behind a factor and their dims, samples first. */
export function valuesOf(factor: FactorOutput): (readonly [string, readonly number[]])[] {
  switch (factor.kind) {
    case 'explicit':
      return [[factor.value, factor.dims]];
    case 'blocks':
      return factor.values.map(value => [value, factor.dims] as const);
    default:
      return [
        [factor.left, factor.leftDims],
        [factor.right, factor.rightDims],
      ];
  }
}

/** The same for another number of samples. */
export function ofSamples(factor: FactorOutput, samples: number): FactorOutput {
  const whole = (dims: readonly number[]): number[] => [samples, ...dims.slice(1)];
  return factor.kind === 'explicit' || factor.kind === 'blocks'
    ? { ...factor, dims: whole(factor.dims) }
    : { ...factor, leftDims: whole(factor.leftDims), rightDims: whole(factor.rightDims) };
}

/** Numbers that the gradients of `columns` samples are in this form. */
export function elementsOf(factor: FactorOutput, columns: number): number {
  return columns * valuesOf(factor).reduce((sum, [, dims]) => sum + elementCount(dims.slice(1)), 0);
}

/** Bytes of the products of all pairs of positions, in double precision, with what is made of them on the way. */
export function pairBytes(factor: FactorOutput, columns: number): number {
  if (factor.kind === 'explicit' || factor.kind === 'blocks') return 0;
  const positions = Math.max(factor.leftDims[1]!, factor.rightDims[1]!);
  const rows = factor.kind === 'table' ? tableSlice(factor, columns) : columns;
  return 24 * rows * positions * columns * positions;
}

/** Samples whose picks are compared with those of all `columns` at a time. */
export function tableSlice({ leftDims }: TableFactors, columns: number): number {
  return Math.max(1, Math.min(columns, Math.floor(1e8 / (24 * columns * leftDims[1]! ** 2))));
}

/** The elements of the parameter. */
export function sizeOf(factor: FactorOutput): number {
  switch (factor.kind) {
    case 'explicit':
      return elementCount(factor.dims.slice(1));
    case 'blocks':
      return factor.values.length * elementCount(factor.dims.slice(1));
    case 'outer':
      return factor.leftDims[2]! * factor.rightDims[2]!;
    case 'table':
      return factor.rows * factor.rightDims[2]!;
    default:
      return factor.leftDims[2]! * factor.rightDims[2]! * elementCount(factor.windows.kernel);
  }
}

/** A factor in words that are the same for the same graphs. */
export function describeFactor(factor: FactorOutput): string {
  const values = valuesOf(factor).map(([name, dims]) => `${name}[${dims.join()}]`);
  const windows = factor.kind === 'windows' ? JSON.stringify(factor.windows) : '';
  const rows = factor.kind === 'table' ? factor.rows : '';
  return `${factor.parameter}=${factor.kind}${values.join('×')}${windows}${rows}`;
}
