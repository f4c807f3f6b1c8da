// Rules of Gemm and MatMul. A weight matrix that is used once per sample gives factors instead of an outer product.
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import type { OuterFactor, Rule, RuleContext } from '../rule';
import { sumTangents } from './elementwise';

/** Gemm: Y = alpha · A' B' + beta · C, A' and B' transposed as the attributes say. */
export const gemmRule: Rule = {
  inputs: [0, 1, 2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { transA, transB, alpha } = gemmSettings(c);
    const [a, b] = [c.in(0), c.in(1)];
    const da = transA
      ? () => c.b.matmul(b, dy, { transA: transB, transB: true, alpha })
      : () => c.b.matmul(dy, b, { transB: !transB, alpha });
    const db = transB
      ? () => c.b.matmul(dy, a, { transA: true, transB: transA, alpha })
      : () => c.b.matmul(a, dy, { transA: !transA, alpha });
    return [
      c.wants(0) ? da() : undefined,
      c.wants(1) ? (c.perSample(1) ? explicitOuter(c.b, gemmFactor(c, dy)) : db()) : undefined,
      c.wants(2) ? c.b.scale(c.unbroadcast(dy, 2), c.float('beta', 1)) : undefined,
    ];
  },
  jvp: (c, [da, db, dc]) => {
    const { transA, transB, alpha } = gemmSettings(c);
    return [
      sumTangents(c, [
        da && c.b.matmul(da, c.in(1), { transA, transB, alpha }),
        db && c.b.matmul(c.in(0), db, { transA, transB, alpha }),
        dc && c.b.scale(dc, c.float('beta', 1)),
      ]),
    ];
  },
  outer: (c, input, dy) => (input === 1 ? gemmFactor(c, dy) : undefined),
};

function gemmSettings(c: RuleContext): { transA: boolean; transB: boolean; alpha: number } {
  return { transA: c.int('transA', 0) === 1, transB: c.int('transB', 0) === 1, alpha: c.float('alpha', 1) };
}

function gemmFactor(c: RuleContext, dy: string): OuterFactor {
  const { transA, transB, alpha } = gemmSettings(c);
  const a = withPosition(c.b, transA ? c.b.transpose(c.in(0), [1, 0]) : c.in(0));
  const scaled = withPosition(c.b, c.b.scale(dy, alpha));
  return transB ? { left: scaled, right: a } : { left: a, right: scaled };
}

/** MatMul of any rank, with NumPy's rules for vectors and broadcasting of leading axes. */
export const matmulRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { a, b, g } = asMatrices(c, dy);
    return [
      c.wants(0) ? backTo(c, c.b.matmul(g, b, { transB: true }), 0) : undefined,
      c.wants(1) ? gradientOfRight(c, a, g, dy) : undefined,
    ];
  },
  jvp: (c, [da, db]) => [sumTangents(c, [da && product(c, da, c.in(1)), db && product(c, c.in(0), db)])],
  outer: (c, input, dy) => (input === 1 ? matmulFactor(c, dy) : undefined),
};

function product(c: RuleContext, a: string, b: string): string {
  return c.b.op('MatMul', [a, b], c.outDims());
}

/** The operands and the cotangent with the vector axes that NumPy's rules leave out put back. */
function asMatrices(c: RuleContext, dy: string): { a: string; b: string; g: string } {
  const [da, db] = [c.inDims(0), c.inDims(1)];
  const a = da.length === 1 ? c.b.reshape(c.in(0), [1, da[0]!]) : c.in(0);
  const b = db.length === 1 ? c.b.reshape(c.in(1), [db[0]!, 1]) : c.in(1);
  const lead = c.outDims().slice(0, c.outDims().length - (da.length > 1 ? 1 : 0) - (db.length > 1 ? 1 : 0));
  const rows = da.length > 1 ? da[da.length - 2]! : 1;
  const columns = db.length > 1 ? db[db.length - 1]! : 1;
  return { a, b, g: c.b.reshape(dy, [...lead, rows, columns]) };
}

/**
 * A gradient in matrix form, reduced over broadcast axes and back in the dims of the input. Sample by sample,
 * axis 0 (the batch, which the parameter was broadcast over) stays.
 */
function backTo(c: RuleContext, value: string, index: number): string {
  const target = c.inDims(index);
  const matrix = target.length === 1 ? (index === 0 ? [1, target[0]!] : [target[0]!, 1]) : target;
  const from = c.b.dims(value);
  const offset = from.length - matrix.length;
  const first = c.perSample(index) ? 1 : 0;
  const axes = from
    .map((_, axis) => axis)
    .filter(axis => axis >= first && (axis < offset || (matrix[axis - offset] === 1 && from[axis] !== 1)));
  const summed = c.b.sum(value, axes, true);
  return c.b.reshape(summed, c.perSample(index) ? [from[0]!, ...target] : target);
}

function gradientOfRight(c: RuleContext, a: string, g: string, dy: string): string {
  if (c.perSample(1)) {
    const factor = matmulFactor(c, dy);
    if (factor) return c.b.reshape(explicitOuter(c.b, factor), [c.b.dims(factor.left)[0]!, ...c.inDims(1)]);
    return backTo(c, c.b.matmul(a, g, { transA: true }), 1);
  }
  const [da, dg] = [c.b.dims(a), c.b.dims(g)];
  if (c.inDims(1).length === 2 && da.length > 2) {
    // A plain weight matrix: one product over all rows instead of a product each and a sum.
    const [rows, inner, columns] = [elementCount(da.slice(0, -1)), da[da.length - 1]!, dg[dg.length - 1]!];
    return c.b.matmul(c.b.reshape(a, [rows, inner]), c.b.reshape(g, [rows, columns]), { transA: true });
  }
  return backTo(c, c.b.matmul(a, g, { transA: true }), 1);
}

/** Factors of a weight of rank 1 or 2 on the right: rows of a and of the cotangent, position by position. */
function matmulFactor(c: RuleContext, dy: string): OuterFactor | undefined {
  const [da, db] = [c.inDims(0), c.inDims(1)];
  if (db.length > 2 || da.length < 2) return undefined;
  const samples = da[0]!;
  const positions = elementCount(da.slice(1, -1));
  const columns = db.length === 2 ? db[1]! : 1;
  return {
    left: c.b.reshape(c.in(0), [samples, positions, da[da.length - 1]!]),
    right: c.b.reshape(dy, [samples, positions, columns]),
  };
}

/** [samples, size] as [samples, 1, size]. */
function withPosition(b: GraphBuilder, value: string): string {
  const [samples, size] = b.dims(value);
  return b.reshape(value, [samples!, 1, size!]);
}

/** The per-sample gradients that factors stand for: [samples, rows, columns]. */
export function explicitOuter(b: GraphBuilder, factor: OuterFactor): string {
  return b.matmul(factor.left, factor.right, { transA: true });
}
